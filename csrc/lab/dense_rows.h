// Conversions of interleaved rows in registers from end to end, with AVX-512: blocks of planes, the
// way of lab_cpu.cpp for all layouts, pass through the L1 cache ten times. Same operations, so the
// same bytes.
#pragma once

#include "core/rows.h"
#include "lab/curve_rows.h"
#include "lab/lab_math.h"
#include "lab/store_rgb.h"

namespace fastcolor {
namespace {

#if defined(__AVX512BW__)

// Where the 48 floats of 16 pixels lie when their channels are registers: float p is lane p / 3 of
// channel p % 3; and lane i of channel c is float 3 i + c.
struct TripleOrder {
  alignas(64) int32_t to_first_two[3][kLanes], to_third[3][kLanes], from[3][kLanes];
  uint16_t third[3], beyond[3];

  constexpr TripleOrder() : to_first_two(), to_third(), from(), third(), beyond() {
    for (int p = 0; p < 3 * kLanes; ++p) {
      const int part = p / kLanes, lane = p % kLanes;
      to_first_two[part][lane] = p / 3 + (p % 3 == 1 ? kLanes : 0);
      to_third[part][lane] = p / 3;
      if (p % 3 == 2) third[part] = static_cast<uint16_t>(third[part] | 1 << lane);
      from[p % 3][p / 3] = p % (2 * kLanes);
      if (part == 2) beyond[p % 3] = static_cast<uint16_t>(beyond[p % 3] | 1 << (p / 3));
    }
  }
};
static constexpr TripleOrder kTriples;

FC_HD void store_triples(float* to, Lanes a, Lanes b, Lanes c) {
  for (int part = 0; part < 3; ++part) {
    const __m512i two = _mm512_load_si512(kTriples.to_first_two[part]);
    const __m512i one = _mm512_load_si512(kTriples.to_third[part]);
    const __m512 ab = _mm512_permutex2var_ps((__m512)a, two, (__m512)b);
    const __m512 abc = _mm512_mask_permutexvar_ps(ab, kTriples.third[part], one, (__m512)c);
    _mm512_storeu_ps(to + part * kLanes, abc);
  }
}

FC_HD void load_triples(const float* from, Lanes (&channels)[3]) {
  const __m512 first = _mm512_loadu_ps(from);
  const __m512 second = _mm512_loadu_ps(from + kLanes);
  const __m512 last = _mm512_loadu_ps(from + 2 * kLanes);
  for (int c = 0; c < 3; ++c) {
    const __m512i order = _mm512_load_si512(kTriples.from[c]);
    const __m512 two = _mm512_permutex2var_ps(first, order, second);
    channels[c] = (Lanes)_mm512_mask_permutexvar_ps(two, kTriples.beyond[c], order, last);
  }
}

// Both return how many pixels they did.
inline int64_t dense_to_lab(const uint8_t* rgb, float* lab, int64_t count) {
  // Two loops of half the depth: one would leave the processor no room to begin the next turn.
  alignas(64) Plane linear[3];
  const CurveLanes<3> decode(kDecodeCurve), f_of(kLabCurve);
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t x = 0; x < whole; x += kBlock) {
    const int64_t block = block_at(x, whole);
    for (int64_t i = 0; i < block; i += kLanes) {
      const LaneBits pixels = load_pixels(rgb + 3 * (x + i));
      for (int c = 0; c < 3; ++c) {
        const Lanes encoded = to_lanes((pixels >> (8 * c)) & 255) * (1.0f / 255.0f);
        store_lanes(linear[c] + i, decode(encoded));
      }
    }
    for (int64_t i = 0; i < block; i += kLanes) {
      const auto channel = [&](int c) { return load_lanes(linear[c] + i); };
      const auto xyz = linear_to_xyz(RgbOf<Lanes>{channel(0), channel(1), channel(2)});
      const auto out = f_to_lab(XyzOf<Lanes>{f_of(xyz.x), f_of(xyz.y), f_of(xyz.z)});
      store_triples(lab + 3 * (x + i), out.l, out.a, out.b);
    }
  }
  return whole;
}

inline int64_t dense_from_lab(const float* lab, uint8_t* rgb, int64_t count, bool& finite) {
  alignas(64) Plane linear[3];
  LaneBits bad = {};
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t x = 0; x < whole; x += kBlock) {
    const int64_t block = block_at(x, whole);
    for (int64_t i = 0; i < block; i += kLanes) {
      Lanes c[3];
      load_triples(lab + 3 * (x + i), c);
      for (const Lanes& v : c) bad |= ((LaneBits)v & 0x7f800000) == 0x7f800000;
      const auto out = xyz_to_linear(lab_to_xyz(LabOf<Lanes>{c[0], c[1], c[2]}));
      store_lanes(linear[0] + i, clamp01(out.r));
      store_lanes(linear[1] + i, clamp01(out.g));
      store_lanes(linear[2] + i, clamp01(out.b));
    }
    pack_linear(linear, block, rgb + 3 * x);
  }
  finite &= _mm512_test_epi32_mask((__m512i)bad, (__m512i)bad) == 0;
  return whole;
}

#else

inline int64_t dense_to_lab(const uint8_t*, float*, int64_t) { return 0; }
inline int64_t dense_from_lab(const float*, uint8_t*, int64_t, bool&) { return 0; }

#endif

}  // namespace
}  // namespace fastcolor
