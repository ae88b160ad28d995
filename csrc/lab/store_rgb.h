// Three planes of linear light in [0, 1] to interleaved sRGB bytes: round(encoded * 255), as
// kEncodeCurve and EncodeU8 have it.
//
// Compilers interleave three byte streams by many shuffles (15 cycles for 16 pixels); packing each
// pixel into a 32-bit lane first and squeezing out every fourth byte takes half of that. The curve
// is applied on the way, so that encoded values never see memory.
#pragma once

#include "lab/curve_rows.h"

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

namespace fastcolor {
namespace {

struct EncodeU8 {
  uint8_t operator()(float v) const { return static_cast<uint8_t>(round_to_uint(v * 255.0f)); }
};
struct EncodeU16 {
  uint16_t operator()(float v) const { return static_cast<uint16_t>(round_to_uint(v * 65535.0f)); }
};

#if defined(__AVX512BW__)

using Lanes16 = uint32_t __attribute__((vector_size(64)));  // shifts of it raise no false warnings

// The low byte of each lane is the rounded value.
inline Lanes16 encoded_bytes(const float* linear) {
  const __m512 encoded = curve_of(kEncodeCurve, _mm512_loadu_ps(linear));
  const __m512 scaled = _mm512_mul_ps(encoded, _mm512_set1_ps(255.0f));
  const __m512 rounded = _mm512_add_ps(scaled, _mm512_set1_ps(8388608.0f));  // see round_to_uint
  return (Lanes16)_mm512_castps_si512(rounded) & 0xffu;
}

inline int64_t store_rgb_lanes(const Plane (&planes)[3], int64_t count, uint8_t* target) {
  const __m512i squeeze = _mm512_set4_epi32(-1, 0x0e0d0c0a, 0x09080605, 0x04020100);
  const __m512i gather = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const Lanes16 pixels = encoded_bytes(planes[0] + i) | (encoded_bytes(planes[1] + i) << 8) |
                           (encoded_bytes(planes[2] + i) << 16);
    const __m512i triples = _mm512_shuffle_epi8((__m512i)pixels, squeeze);
    const __m512i packed = _mm512_maskz_permutexvar_epi32(0x0fff, gather, triples);
    _mm512_mask_storeu_epi32(target + i * 3, 0x0fff, packed);
  }
  return i;
}

#else

inline int64_t store_rgb_lanes(const Plane (&)[3], int64_t, uint8_t*) { return 0; }

#endif

// planes are linear, and are changed.
inline void encode_rgb_u8(const ImageView& view, int64_t x, int64_t y, int64_t count,
                          Plane (&planes)[3]) {
  int64_t done = 0;
  if (view.interleaved()) {
    done = store_rgb_lanes(planes, count, reinterpret_cast<uint8_t*>(view.at(x, y)));
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
