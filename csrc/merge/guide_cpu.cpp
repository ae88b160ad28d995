// The slopes of the guide, at small size.
#include "core/rows.h"
#include "merge/merge_impl.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

constexpr int64_t kPad = 2;
using Padded = float[kBlock + 2 * kPad];

// out[i] = Gaussian of the five padded neighbours.
inline float across(const Padded& v, int64_t i) {
  return guide_sum(v[i], v[i + 1], v[i + 2], v[i + 3], v[i + 4]);
}

struct FiveRows {
  const float* at[5];
};

FiveRows rows_around(const float* plane, int64_t width, int64_t height, int64_t y) {
  FiveRows rows;
  for (int k = 0; k < 5; ++k) rows.at[k] = plane + clamp_index(y + k - kPad, height) * width;
  return rows;
}

// The rows' samples x0 - 2 ... x0 + count + 1 into padded buffers; beyond the border it repeats.
void load_padded(const FiveRows& rows, int64_t width, int64_t x0, int64_t count, Padded (&out)[5]) {
  const int64_t low = x0 >= kPad ? 0 : kPad - x0;
  const int64_t room = width - x0 + kPad;  // samples up to the border, from x0 - 2 on
  const int64_t high = room < count + 2 * kPad ? room : count + 2 * kPad;
  for (int k = 0; k < 5; ++k) {
    const float* __restrict__ from = rows.at[k] + (x0 - kPad);
    float* __restrict__ to = out[k];
    for (int64_t i = low; i < high; ++i) to[i] = from[i];
    for (int64_t i = 0; i < low; ++i) to[i] = rows.at[k][0];
    for (int64_t i = high; i < count + 2 * kPad; ++i) to[i] = rows.at[k][width - 1];
  }
}

}  // namespace

void guide_raw_rows(const SmallChroma& small, float* raw_a, float* raw_b, int64_t first,
                    int64_t last) {
  alignas(64) Padded l[5], a[5], b[5];
  alignas(64) Padded sum_l, sum_ll, sum_a, sum_b, sum_la, sum_lb;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < small.width; x += kBlock) {
      const int64_t count = block_at(x, small.width);
      load_padded(rows_around(small.lightness, small.width, small.height, y), small.width, x, count,
                  l);
      load_padded(rows_around(small.a, small.width, small.height, y), small.width, x, count, a);
      load_padded(rows_around(small.b, small.width, small.height, y), small.width, x, count, b);
      for (int64_t i = 0; i < count + 2 * kPad; ++i) {
        float c[5];
        for (int k = 0; k < 5; ++k) c[k] = l[k][i] - 50.0f;
        sum_l[i] = guide_sum(c[0], c[1], c[2], c[3], c[4]);
        sum_ll[i] = guide_sum(c[0] * c[0], c[1] * c[1], c[2] * c[2], c[3] * c[3], c[4] * c[4]);
        sum_a[i] = guide_sum(a[0][i], a[1][i], a[2][i], a[3][i], a[4][i]);
        sum_b[i] = guide_sum(b[0][i], b[1][i], b[2][i], b[3][i], b[4][i]);
        sum_la[i] = guide_sum(c[0] * a[0][i], c[1] * a[1][i], c[2] * a[2][i], c[3] * a[3][i],
                              c[4] * a[4][i]);
        sum_lb[i] = guide_sum(c[0] * b[0][i], c[1] * b[1][i], c[2] * b[2][i], c[3] * b[3][i],
                              c[4] * b[4][i]);
      }
      float* __restrict__ to_a = raw_a + y * small.width + x;
      float* __restrict__ to_b = raw_b + y * small.width + x;
      for (int64_t i = 0; i < count; ++i) {
        const float mean_l = across(sum_l, i);
        const float mean_ll = across(sum_ll, i);
        to_a[i] = guide_slope(mean_l, mean_ll, across(sum_a, i), across(sum_la, i));
        to_b[i] = guide_slope(mean_l, mean_ll, across(sum_b, i), across(sum_lb, i));
      }
    }
  }
}

void guide_smooth_rows(const float* raw, float* slope, int64_t width, int64_t height, int64_t first,
                       int64_t last) {
  alignas(64) Padded r[5];
  alignas(64) Padded sum;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < width; x += kBlock) {
      const int64_t count = block_at(x, width);
      load_padded(rows_around(raw, width, height, y), width, x, count, r);
      for (int64_t i = 0; i < count + 2 * kPad; ++i) {
        sum[i] = guide_sum(r[0][i], r[1][i], r[2][i], r[3][i], r[4][i]);
      }
      float* __restrict__ to = slope + y * width + x;
      for (int64_t i = 0; i < count; ++i) to[i] = across(sum, i);
    }
  }
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
