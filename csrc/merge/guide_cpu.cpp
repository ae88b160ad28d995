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

// The rows y - 2 ... y + 2 of columns x0 - 2 ... x0 + count + 1; beyond the border it repeats.
// From one y to the next one row is read.
class FiveRows {
 public:
  FiveRows(const float* plane, int64_t width, int64_t height, int64_t x0, int64_t count)
      : plane_(plane), width_(width), height_(height), x0_(x0), count_(count) {}

  void move_to(int64_t y) {
    const int64_t from = y == y_ + 1 ? y + kPad : y - kPad;
    for (int64_t row = from; row <= y + kPad; ++row) load(row, rows_[(row + kPad) % 5]);
    y_ = y;
  }
  // Row y + k - 2.
  const float* operator[](int64_t k) const { return rows_[(y_ + k) % 5]; }

 private:
  void load(int64_t y, Padded& out) {
    const float* row = plane_ + clamp_index(y, height_) * width_;
    const int64_t low = x0_ >= kPad ? 0 : kPad - x0_;
    const int64_t room = width_ - x0_ + kPad;  // samples up to the border, from x0 - 2 on
    const int64_t high = room < count_ + 2 * kPad ? room : count_ + 2 * kPad;
    memcpy(out + low, row + (x0_ - kPad + low), static_cast<size_t>(high - low) * sizeof(float));
    for (int64_t i = 0; i < low; ++i) out[i] = row[0];
    for (int64_t i = high; i < count_ + 2 * kPad; ++i) out[i] = row[width_ - 1];
  }

  const float* plane_;
  int64_t width_, height_, x0_, count_;
  int64_t y_ = -10;
  alignas(64) Padded rows_[5];
};

}  // namespace

void guide_raw_rows(const SmallChroma& small, float* raw_a, float* raw_b, int64_t first,
                    int64_t last) {
  alignas(64) Padded sum_l, sum_ll, sum_a, sum_b, sum_la, sum_lb;
  for (int64_t x = 0; x < small.width; x += kBlock) {
    const int64_t count = block_at(x, small.width);
    FiveRows l(small.lightness, small.width, small.height, x, count);
    FiveRows a(small.a, small.width, small.height, x, count);
    FiveRows b(small.b, small.width, small.height, x, count);
    for (int64_t y = first; y < last; ++y) {
      const float *rows_l[5], *rows_a[5], *rows_b[5];
      for (FiveRows* rows : {&l, &a, &b}) rows->move_to(y);
      for (int k = 0; k < 5; ++k) {
        rows_l[k] = l[k];
        rows_a[k] = a[k];
        rows_b[k] = b[k];
      }
      for (int64_t i = 0; i < count + 2 * kPad; ++i) {
        float c[5], p[5], q[5];
        for (int k = 0; k < 5; ++k) {
          c[k] = rows_l[k][i] - 50.0f;
          p[k] = rows_a[k][i];
          q[k] = rows_b[k][i];
        }
        sum_l[i] = guide_sum(c[0], c[1], c[2], c[3], c[4]);
        sum_ll[i] = guide_sum(c[0] * c[0], c[1] * c[1], c[2] * c[2], c[3] * c[3], c[4] * c[4]);
        sum_a[i] = guide_sum(p[0], p[1], p[2], p[3], p[4]);
        sum_b[i] = guide_sum(q[0], q[1], q[2], q[3], q[4]);
        sum_la[i] = guide_sum(c[0] * p[0], c[1] * p[1], c[2] * p[2], c[3] * p[3], c[4] * p[4]);
        sum_lb[i] = guide_sum(c[0] * q[0], c[1] * q[1], c[2] * q[2], c[3] * q[3], c[4] * q[4]);
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
  alignas(64) Padded sum;
  for (int64_t x = 0; x < width; x += kBlock) {
    const int64_t count = block_at(x, width);
    FiveRows rows(raw, width, height, x, count);
    for (int64_t y = first; y < last; ++y) {
      rows.move_to(y);
      const float* r[5] = {rows[0], rows[1], rows[2], rows[3], rows[4]};
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
