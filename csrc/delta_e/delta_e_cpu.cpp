#include "core/rows.h"
#include "delta_e/delta_e_impl.h"
#include "delta_e/delta_e_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

struct Keep {
  float operator()(float v) const { return v; }
};

inline uint32_t any_not_finite(const Plane (&planes)[3], int64_t count) {
  uint32_t bad = 0;
  for (int c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < count; ++i) bad |= not_finite(planes[c][i]);
  }
  return bad;
}

}  // namespace

int delta_e2000_rows(const ImageView& one, const ImageView& two, const ImageView& out,
                     int64_t first, int64_t last) {
  alignas(64) Plane a[3];
  alignas(64) Plane b[3];
  alignas(64) Plane difference[1];
  uint32_t bad = 0;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < one.width; x += kBlock) {
      const int64_t count = block_at(x, one.width);
      load_block<float>(one, x, y, count, a, Keep{});
      load_block<float>(two, x, y, count, b, Keep{});
      bad |= any_not_finite(a, count) | any_not_finite(b, count) << 1;
      for (int64_t i = 0; i < count; ++i) {
        difference[0][i] = delta_e2000({a[0][i], a[1][i], a[2][i]}, {b[0][i], b[1][i], b[2][i]});
      }
      store_block<float>(out, x, y, count, difference, Keep{});
    }
  }
  return static_cast<int>(bad);
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
