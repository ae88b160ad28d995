#include "core/rows.h"
#include "neutral/neutral_impl.h"
#include "neutral/neutral_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

struct FromU8 {
  float operator()(uint8_t v) const { return static_cast<float>(v) * (1.0f / 255.0f); }
};
struct FromU16 {
  float operator()(uint16_t v) const { return static_cast<float>(v) * (1.0f / 65535.0f); }
};
struct Keep {
  float operator()(float v) const { return v; }
};

struct Chromas {
  int32_t bin[kBlock];
  int32_t cb[kBlock];
  int32_t cr[kBlock];
};

// use(chromas, count) for each block; false when a sample was NaN or infinite.
template <typename T, typename Load, typename Use>
bool for_each_block(const ImageView& rgb, int64_t first, int64_t last, Use use) {
  alignas(64) Plane planes[3];
  alignas(64) Chromas chromas;
  uint32_t bad = 0;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < rgb.width; x += kBlock) {
      const int64_t count = block_at(x, rgb.width);
      load_block<T>(rgb, x, y, count, planes, Load{});
      for (int c = 0; c < 3; ++c) {
        for (int64_t i = 0; i < count; ++i) bad |= not_finite(planes[c][i]);
      }
      for (int64_t i = 0; i < count; ++i) {
        const Chroma8 c = chroma8(planes[0][i], planes[1][i], planes[2][i]);
        chromas.bin[i] = c.bin;
        chromas.cb[i] = c.cb;
        chromas.cr[i] = c.cr;
      }
      use(chromas, count);
    }
  }
  return bad == 0;
}

template <typename Use>
bool for_each_block(const ImageView& rgb, int64_t first, int64_t last, Use use) {
  if (rgb.type == DType::u8) return for_each_block<uint8_t, FromU8>(rgb, first, last, use);
  if (rgb.type == DType::u16) return for_each_block<uint16_t, FromU16>(rgb, first, last, use);
  return for_each_block<float, Keep>(rgb, first, last, use);
}

}  // namespace

bool tone_sums_rows(const ImageView& rgb, int64_t first, int64_t last, int64_t* table) {
  return for_each_block(rgb, first, last, [&](const Chromas& c, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      int64_t* sums = table + c.bin[i] * kToneSums;
      const int32_t cb = c.cb[i];
      const int32_t cr = c.cr[i];
      sums[0] += 1;
      sums[1] += cb;
      sums[2] += cr;
      sums[3] += cb * cb;
      sums[4] += cr * cr;
      sums[5] += cb * cr;
    }
  });
}

bool off_tone_rows(const ImageView& rgb, const Tone* tones, int64_t first, int64_t last,
                   int64_t* result) {
  return for_each_block(rgb, first, last, [&](const Chromas& c, int64_t count) {
    int64_t off = 0;
    for (int64_t i = 0; i < count; ++i) {
      off += off_tone({c.bin[i], c.cb[i], c.cr[i]}, tones[c.bin[i]]) ? 1 : 0;
    }
    *result += off;
  });
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
