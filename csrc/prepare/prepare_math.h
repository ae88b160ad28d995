// Area resampling with exact integer weights, and the lightness of a grey sample.
//
// Along an axis, target sample i covers the source interval [i, i + 1) * source / target. In units
// of 1/target of a source sample all overlaps are whole numbers, so sums are exact, independent of
// their order, and equal on every device; one division at the end makes the mean. An axis that is
// enlarged takes the two nearest samples with linear weights in the same manner.
#pragma once

#include "core/hd.h"
#include "lab/lab_math.h"

namespace fastcolor {

// The source samples first..last of one target sample: the two ends have weights of their own,
// every sample between them has `inner`. The weights sum to axis_total().
struct AxisSpan {
  int64_t first, last;
  int64_t first_weight, inner, last_weight;  // first == last: first_weight is all
};

FC_HD int64_t axis_total(int64_t source, int64_t target) {
  return source >= target ? source : 2 * target;
}

FC_HD AxisSpan axis_span(int64_t i, int64_t source, int64_t target) {
  AxisSpan span;
  if (source >= target) {
    const int64_t start = i * source;  // in units of 1 / target
    const int64_t end = start + source;
    span.first = start / target;
    span.last = (end - 1) / target;
    span.inner = target;
    span.first_weight = (span.first + 1) * target - start;
    span.last_weight = end - span.last * target;
    if (span.first == span.last) span.first_weight = source;
    return span;
  }
  // Linear between centres: position ((2 i + 1) * source - target) / (2 target).
  const int64_t whole = 2 * target;
  const int64_t position = (2 * i + 1) * source - target;
  const int64_t left = position < 0 ? -1 : position / whole;
  const int64_t part = position - left * whole;
  span.inner = 0;
  span.first = left < 0 ? 0 : left;
  span.last = left + 1 < source ? left + 1 : source - 1;
  span.first_weight = whole - part;
  span.last_weight = part;
  if (span.first == span.last) span.first_weight = whole;
  return span;
}

// Mean code of a cell whose weighted samples add up to `sum`.
FC_HD float cell_mean(uint64_t sum, double total_weight) {
  return static_cast<float>(static_cast<double>(sum) / total_weight);
}

// A code as grey in [0, 1]; step is 1 / (white - black), offset -black * step. grey_to_f clamps it.
template <typename F>
FC_HD F code_to_grey(F code, float step, float offset) {
  return mul_add(code, step, offset);
}

}  // namespace fastcolor
