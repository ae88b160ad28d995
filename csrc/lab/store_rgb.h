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

// Whole registers of linear colours to bytes; returns how many pixels that were. Each turn finds
// the next one's pieces of the curve, or its chain would be too long for the processor.
FC_HD int64_t pack_linear(const Plane (&planes)[3], int64_t count, uint8_t* target) {
  const CurveLanes<3> encode(kEncodeCurve);
  const int64_t whole = count / kLanes * kLanes;
  Lanes v[3];
  LaneBits piece[3];
  for (int c = 0; c < 3; ++c) {
    v[c] = load_lanes(planes[c]);
    piece[c] = encode.piece_of(v[c]);
  }
  for (int64_t i = 0; i < whole; i += kLanes) {
    const int64_t next = i + kLanes < whole ? i + kLanes : i;
    Lanes encoded[3];
    for (int c = 0; c < 3; ++c) {
      encoded[c] = encode.at(piece[c], v[c]);
      v[c] = load_lanes(planes[c] + next);
      piece[c] = encode.piece_of(v[c]);
    }
    pack_rgb(encoded[0], encoded[1], encoded[2], target + 3 * i);
  }
  return whole;
}

#else

FC_HD int64_t pack_linear(const Plane (&)[3], int64_t, uint8_t*) { return 0; }

#endif

// planes are linear, and are changed.
inline void encode_rgb_u8(const ImageView& view, int64_t x, int64_t y, int64_t count,
                          Plane (&planes)[3]) {
  int64_t done = 0;
  if (view.interleaved()) {
    done = pack_linear(planes, count, reinterpret_cast<uint8_t*>(view.at(x, y)));
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
