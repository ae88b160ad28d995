#include "core/rows.h"
#include "lab/curve_rows.h"
#include "prepare/prepare_impl.h"
#include "prepare/prepare_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

template <typename T>
struct NarrowSum;
template <>
struct NarrowSum<uint8_t> {
  using type = uint16_t;
};
template <>
struct NarrowSum<uint16_t> {
  using type = uint32_t;
};

// sums[x] = weighted sum of column x over the rows of the span. Exact: Sum holds weight * sample.
template <typename T, typename Sum>
void sum_rows(const ImageView& luma, const AxisSpan& rows, Sum* __restrict__ sums) {
  const int64_t width = luma.width;
  if (!luma.contiguous_rows()) {
    for (int64_t x = 0; x < width; ++x) {
      Sum sum = 0;
      for (int64_t y = rows.first; y <= rows.last; ++y) {
        const int64_t weight = y == rows.first  ? rows.first_weight
                               : y == rows.last ? rows.last_weight
                                                : rows.inner;
        sum += static_cast<Sum>(weight) * *reinterpret_cast<const T*>(luma.at(x, y));
      }
      sums[x] = sum;
    }
    return;
  }
  const auto row = [&](int64_t y) { return reinterpret_cast<const T*>(luma.at(0, y)); };
  const T* __restrict__ top = row(rows.first);
  const Sum top_weight = static_cast<Sum>(rows.first_weight);
  if (rows.first == rows.last) {
    for (int64_t x = 0; x < width; ++x) sums[x] = top[x] * top_weight;
    return;
  }
  const T* __restrict__ bottom = row(rows.last);
  const Sum bottom_weight = static_cast<Sum>(rows.last_weight);
  if (rows.first + 1 == rows.last) {
    for (int64_t x = 0; x < width; ++x) sums[x] = top[x] * top_weight + bottom[x] * bottom_weight;
    return;
  }
  // The inner rows need one multiplication in all. Eight of them are added up in the narrowest type
  // that holds their sum, so that a vector register carries as many columns as possible.
  using Narrow = typename NarrowSum<T>::type;
  int64_t y = rows.first + 1;
  for (int64_t x = 0; x < width; ++x) sums[x] = 0;
  for (; y + 8 <= rows.last; y += 8) {
    const T* __restrict__ r[8];
    for (int k = 0; k < 8; ++k) r[k] = row(y + k);
    for (int64_t x = 0; x < width; ++x) {
      const Narrow low = static_cast<Narrow>(r[0][x] + r[1][x] + r[2][x] + r[3][x]);
      const Narrow high = static_cast<Narrow>(r[4][x] + r[5][x] + r[6][x] + r[7][x]);
      sums[x] += static_cast<Narrow>(low + high);
    }
  }
  for (; y + 2 <= rows.last; y += 2) {
    const T* __restrict__ a = row(y);
    const T* __restrict__ b = row(y + 1);
    for (int64_t x = 0; x < width; ++x) sums[x] += static_cast<Narrow>(a[x] + b[x]);
  }
  for (; y < rows.last; ++y) {
    const T* __restrict__ a = row(y);
    for (int64_t x = 0; x < width; ++x) sums[x] += a[x];
  }
  const Sum inner = static_cast<Sum>(rows.inner);
  for (int64_t x = 0; x < width; ++x) {
    sums[x] = sums[x] * inner + top[x] * top_weight + bottom[x] * bottom_weight;
  }
}

template <typename Sum>
uint64_t sum_columns(const Sum* sums, const AxisSpan& columns) {
  uint64_t sum =
      static_cast<uint64_t>(sums[columns.first]) * static_cast<uint64_t>(columns.first_weight);
  if (columns.first == columns.last) return sum;
  uint64_t inner = 0;
  for (int64_t x = columns.first + 1; x < columns.last; ++x) inner += sums[x];
  sum += inner * static_cast<uint64_t>(columns.inner);
  return sum +
         static_cast<uint64_t>(sums[columns.last]) * static_cast<uint64_t>(columns.last_weight);
}

void store(const ImageView& target, int64_t x, int64_t y, float value) {
  char* place = target.at(x, y);
  if (target.type == DType::f32) {
    *reinterpret_cast<float*>(place) = value;
  } else if (target.type == DType::f16) {
    *reinterpret_cast<uint16_t*>(place) = float_to_half(value);
  } else {
    *reinterpret_cast<uint16_t*>(place) = float_to_bfloat16(value);
  }
}

template <typename T, typename Sum>
void rows_of(const PrepareItem& item, const LightnessCode& code, const AxisSpan* columns,
             int64_t first, int64_t last, Sum* sums) {
  const ImageView& luma = item.luma;
  const double total_weight = static_cast<double>(axis_total(luma.width, item.width)) *
                              static_cast<double>(axis_total(luma.height, item.height));
  const float step = 1.0f / (code.white - code.black);
  const float offset = -code.black * step;
  alignas(64) Plane block = {};
  for (int64_t y = first; y < last; ++y) {
    sum_rows<T>(luma, axis_span(y, luma.height, item.height), sums);
    for (int64_t x0 = 0; x0 < item.width; x0 += kBlock) {
      const int64_t count = block_at(x0, item.width);
      for (int64_t i = 0; i < count; ++i) {
        block[i] = cell_mean(sum_columns(sums, columns[x0 + i]), total_weight);
      }
      for (int64_t i = 0; i < count; ++i) {
        block[i] = clamp01(code_to_grey(block[i], step, offset));
      }
      apply_curve(kGreyCurve, count, block);
      for (int64_t i = 0; i < count; ++i) {
        block[i] = mul_add(f_to_lightness(block[i]), code.scale, code.offset);
      }
      for (int64_t i = 0; i < count; ++i) store(item.target, x0 + i, y, block[i]);
    }
    for (int64_t x = item.width; x < item.target.width; ++x) {
      const char* from = item.target.at(reflect_index(x, item.width), y);
      char* to = item.target.at(x, y);
      for (int64_t byte = 0; byte < dtype_size(item.target.type); ++byte) to[byte] = from[byte];
    }
  }
}

}  // namespace

void prepare_rows(const PrepareItem& item, const LightnessCode& code, const AxisSpan* columns,
                  int64_t first, int64_t last, void* sums) {
  // 32-bit sums hold 255 * 2^24, the largest total that there is, and 65535 * 65537.
  const bool narrow = axis_total(item.luma.height, item.height) <=
                      (item.luma.type == DType::u8 ? int64_t{1} << 24 : int64_t{65537});
  auto* const narrow_sums = static_cast<uint32_t*>(sums);
  auto* const wide_sums = static_cast<uint64_t*>(sums);
  if (item.luma.type == DType::u8) {
    if (narrow) return rows_of<uint8_t>(item, code, columns, first, last, narrow_sums);
    return rows_of<uint8_t>(item, code, columns, first, last, wide_sums);
  }
  if (narrow) return rows_of<uint16_t>(item, code, columns, first, last, narrow_sums);
  rows_of<uint16_t>(item, code, columns, first, last, wide_sums);
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
