// Three planes of linear light in [0, 1] to interleaved sRGB bytes: round(encoded * 255), as
// kEncodeCurve and EncodeU8 have it.
//
// Compilers interleave three byte streams by many shuffles (15 cycles for 16 pixels); packing each
// pixel into a 32-bit lane first and squeezing out every fourth byte takes half of that. The curve
// is applied on the way, so that encoded values never see memory.
#pragma once

#include "lab/curve_rows.h"

namespace fastcolor {
namespace {

struct EncodeU8 {
  uint8_t operator()(float v) const { return static_cast<uint8_t>(round_to_uint(v * 255.0f)); }
};
struct EncodeU16 {
  uint16_t operator()(float v) const { return static_cast<uint16_t>(round_to_uint(v * 65535.0f)); }
};

#if defined(__AVX512BW__)

constexpr bool kPacksRgb = true;

// Encoded colours of 16 pixels to 48 bytes.
FC_HD void pack_rgb(Lanes r, Lanes g, Lanes b, uint8_t* target) {
  const auto bytes = [](Lanes v) {
    return (LaneBits)_mm512_maskz_cvtps_epi32(0xffff, (__m512)(v * 255.0f));  // as round_to_uint
  };
  const LaneBits pixels = bytes(r) | (bytes(g) << 8) | (bytes(b) << 16);
  const __m512i squeeze = _mm512_set4_epi32(-1, 0x0e0d0c0a, 0x09080605, 0x04020100);
  const __m512i gather = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
  const __m512i triples = _mm512_shuffle_epi8((__m512i)pixels, squeeze);
  const __m512i packed = _mm512_maskz_permutexvar_epi32(0x0fff, gather, triples);
  _mm512_mask_storeu_epi32(target, 0x0fff, packed);
}

#else

constexpr bool kPacksRgb = false;

FC_HD void pack_rgb(Lanes, Lanes, Lanes, uint8_t*) {}

#endif

// planes are linear, and are changed.
inline void encode_rgb_u8(const ImageView& view, int64_t x, int64_t y, int64_t count,
                          Plane (&planes)[3]) {
  int64_t done = 0;
  if (kPacksRgb && view.interleaved()) {
    uint8_t* target = reinterpret_cast<uint8_t*>(view.at(x, y));
    const CurveLanes<3> encode(kEncodeCurve);
    for (; done + kLanes <= count; done += kLanes) {
      const auto encoded = [&](int c) { return encode(load_lanes(planes[c] + done)); };
      pack_rgb(encoded(0), encoded(1), encoded(2), target + done * 3);
    }
    if (done == count) return;
  }
  for (auto& plane : planes) {
    for (int64_t i = done; i < count; ++i) plane[i - done] = plane[i];
    apply_curve(kEncodeCurve, count - done, plane);
  }
  store_block<uint8_t>(view, x + done, y, count - done, planes, EncodeU8{});
}

}  // namespace
}  // namespace fastcolor
