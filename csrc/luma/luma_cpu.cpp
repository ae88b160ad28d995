#include "core/lanes.h"
#include "core/rows.h"
#include "luma/luma_impl.h"
#include "luma/luma_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

struct Widen {
  template <typename T>
  float operator()(T v) const {
    return static_cast<float>(v);
  }
};
template <typename T>
struct Narrow {
  T operator()(float v) const { return static_cast<T>(static_cast<int32_t>(v)); }
};
struct Keep {
  float operator()(float v) const { return v; }
};

// Floats hold u8 and u16 exactly; a signed 32-bit lane converts in one instruction everywhere.
inline uint32_t whole(float v) { return static_cast<uint32_t>(static_cast<int32_t>(v)); }

// Dense pixels of bytes, in registers from end to end; returns how many of them it did.
template <typename Matrix>
int64_t byte_pixels(const uint8_t* rgb, uint8_t* luma, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const LaneBits pixels = load_pixels(rgb + 3 * i);
    const auto channel = [&](int c) { return to_lanes((pixels >> (8 * c)) & 255); };
    const Lanes y = luma_of_bytes<Matrix>(channel(0), channel(1), channel(2));
    store_bytes(luma + i, __builtin_convertvector(y, LaneBits));
  }
  return i;
}

template <typename T, typename Matrix>
void integer_rows(const ImageView& rgb, const ImageView& luma, int64_t first, int64_t last) {
  alignas(64) Plane planes[3];
  alignas(64) Plane result[1];
  const bool dense = sizeof(T) == 1 && rgb.interleaved() && luma.contiguous_rows();
  for (int64_t y = first; y < last; ++y) {
    int64_t x = 0;
    if (dense) {
      x = byte_pixels<Matrix>(reinterpret_cast<const uint8_t*>(rgb.at(0, y)),
                              reinterpret_cast<uint8_t*>(luma.at(0, y)), rgb.width);
    }
    for (; x < rgb.width; x += kBlock) {
      const int64_t count = block_at(x, rgb.width);
      load_block<T>(rgb, x, y, count, planes, Widen{});
      if (sizeof(T) == 1) {
        for (int64_t i = 0; i < count; ++i) {
          result[0][i] = luma_of_bytes<Matrix>(planes[0][i], planes[1][i], planes[2][i]);
        }
        store_block<T>(luma, x, y, count, result, Narrow<T>{});
        continue;
      }
      for (int64_t i = 0; i < count; ++i) {
        const uint32_t sum =
            luma_of<Matrix>(whole(planes[0][i]), whole(planes[1][i]), whole(planes[2][i]));
        result[0][i] = static_cast<float>(static_cast<int32_t>(sum));
      }
      store_block<T>(luma, x, y, count, result, Narrow<T>{});
    }
  }
}

template <typename Matrix>
bool float_rows(const ImageView& rgb, const ImageView& luma, int64_t first, int64_t last) {
  alignas(64) Plane planes[3];
  alignas(64) Plane result[1];
  uint32_t bad = 0;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < rgb.width; x += kBlock) {
      const int64_t count = block_at(x, rgb.width);
      load_block<float>(rgb, x, y, count, planes, Keep{});
      for (int c = 0; c < 3; ++c) {
        for (int64_t i = 0; i < count; ++i) bad |= not_finite(planes[c][i]);
      }
      for (int64_t i = 0; i < count; ++i) {
        result[0][i] = luma_of<Matrix>(planes[0][i], planes[1][i], planes[2][i]);
      }
      store_block<float>(luma, x, y, count, result, Keep{});
    }
  }
  return bad == 0;
}

template <typename Matrix>
bool rows(const ImageView& rgb, const ImageView& luma, int64_t first, int64_t last) {
  if (rgb.type == DType::f32) return float_rows<Matrix>(rgb, luma, first, last);
  if (rgb.type == DType::u8) integer_rows<uint8_t, Matrix>(rgb, luma, first, last);
  if (rgb.type == DType::u16) integer_rows<uint16_t, Matrix>(rgb, luma, first, last);
  return true;
}

}  // namespace

bool luma_rows(const ImageView& rgb, const ImageView& luma, LumaMatrix matrix, int64_t first,
               int64_t last) {
  if (matrix == LumaMatrix::bt709) return rows<Bt709>(rgb, luma, first, last);
  return rows<Bt601>(rgb, luma, first, last);
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
