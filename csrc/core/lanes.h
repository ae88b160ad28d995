// One vector register of floats, for the per-level loops: `Lanes` takes the arithmetic operators
// and
// ?: of float, so that the templates of the *_math.h headers run on either. Internal linkage.
#pragma once

#include "core/hd.h"

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

namespace fastcolor {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Lanes = float __attribute__((vector_size(kLanes * 4)));
using LaneBits = int32_t __attribute__((vector_size(kLanes * 4)));  // also what comparisons give

// From any address that a float may have.
FC_HD Lanes load_lanes(const float* from) {
  Lanes v;
  memcpy(&v, from, sizeof v);
  return v;
}
FC_HD void store_lanes(float* to, Lanes v) { memcpy(to, &v, sizeof v); }

FC_HD Lanes to_lanes(LaneBits whole) { return __builtin_convertvector(whole, Lanes); }

// kLanes codes, and kLanes sums of two neighbours.
FC_HD LaneBits load_codes(const uint8_t* from) {
#if defined(__AVX512F__)
  __m128i codes;
  memcpy(&codes, from, sizeof codes);
  return (LaneBits)_mm512_maskz_cvtepu8_epi32(0xffff, codes);
#elif defined(__AVX2__)
  int64_t codes;
  memcpy(&codes, from, sizeof codes);
  return (LaneBits)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(codes));
#else
  LaneBits v;
  for (int i = 0; i < kLanes; ++i) v[i] = from[i];
  return v;
#endif
}
FC_HD LaneBits load_codes(const uint16_t* from) {
  LaneBits v;
  for (int i = 0; i < kLanes; ++i) v[i] = from[i];
  return v;
}
FC_HD LaneBits load_pairs(const uint8_t* from) {
#if defined(__AVX512F__)
  __m256i codes;
  memcpy(&codes, from, sizeof codes);
  const __m256i sums = _mm256_maddubs_epi16(codes, _mm256_set1_epi8(1));
  return (LaneBits)_mm512_maskz_cvtepi16_epi32(0xffff, sums);
#elif defined(__AVX2__)
  __m128i codes;
  memcpy(&codes, from, sizeof codes);
  return (LaneBits)_mm256_cvtepi16_epi32(_mm_maddubs_epi16(codes, _mm_set1_epi8(1)));
#else
  LaneBits v;
  for (int i = 0; i < kLanes; ++i) v[i] = from[2 * i] + from[2 * i + 1];
  return v;
#endif
}
FC_HD LaneBits load_pairs(const uint16_t* from) {
  LaneBits v;
  for (int i = 0; i < kLanes; ++i) v[i] = from[2 * i] + from[2 * i + 1];
  return v;
}

// Lane i is from[index[i]], index below kLanes; all kLanes floats are read.
FC_HD Lanes pick_lanes(const float* from, LaneBits index) {
#if defined(__AVX512F__)
  return (Lanes)_mm512_maskz_permutexvar_ps(0xffff, (__m512i)index, (__m512)load_lanes(from));
#elif defined(__AVX2__)
  return (Lanes)_mm256_permutevar8x32_ps((__m256)load_lanes(from), (__m256i)index);
#else
  Lanes v;
  for (int i = 0; i < kLanes; ++i) v[i] = from[index[i]];
  return v;
#endif
}

// As the function for one float has it (core/hd.h).
FC_HD Lanes clamp01(Lanes value) {
  LaneBits bits = (LaneBits)value;
  bits = bits > 0 ? bits : 0;
  bits = bits < 0x3f800000 ? bits : 0x3f800000;
  return (Lanes)bits;
}

// True where a lane is below low or above high.
FC_HD bool any_outside(Lanes least, Lanes most, float low, float high) {
#if defined(__AVX512F__)
  return (_mm512_cmp_ps_mask((__m512)least, _mm512_set1_ps(low), _CMP_LT_OQ) |
          _mm512_cmp_ps_mask((__m512)most, _mm512_set1_ps(high), _CMP_GT_OQ)) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)((least < low) | (most > high))) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_ps((__m128)((least < low) | (most > high))) != 0;
#else
  const LaneBits outside = (least < low) | (most > high);
  return (outside[0] | outside[1] | outside[2] | outside[3]) != 0;
#endif
}

}  // namespace
}  // namespace fastcolor
