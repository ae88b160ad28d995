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

// kLanes pixels of three bytes, the first in the lowest bits of its lane, 0 in the highest.
FC_HD LaneBits load_pixels(const uint8_t* from) {
#if defined(__AVX512BW__)
  const __m512i spread = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
  const __m512i bytes =
      _mm512_maskz_permutexvar_epi32(0xffff, spread, _mm512_maskz_loadu_epi32(0x0fff, from));
  const __m512i order =
      _mm512_set4_epi32(static_cast<int>(0x800b0a09), static_cast<int>(0x80080706),
                        static_cast<int>(0x80050403), static_cast<int>(0x80020100));
  return (LaneBits)_mm512_shuffle_epi8(bytes, order);
#elif defined(__AVX2__)
  __m128i low, high;  // bytes 0 to 15 and 8 to 23
  memcpy(&low, from, sizeof low);
  memcpy(&high, from + 8, sizeof high);
  const auto lane = [](uint32_t word) { return static_cast<int>(word); };
  const __m256i order =
      _mm256_setr_epi32(lane(0x80020100), lane(0x80050403), lane(0x80080706), lane(0x800b0a09),
                        lane(0x80060504), lane(0x80090807), lane(0x800c0b0a), lane(0x800f0e0d));
  return (LaneBits)_mm256_shuffle_epi8(_mm256_set_m128i(high, low), order);
#else
  LaneBits v;
  for (int i = 0; i < kLanes; ++i) {
    v[i] = from[3 * i] | (from[3 * i + 1] << 8) | (from[3 * i + 2] << 16);
  }
  return v;
#endif
}

// As round_to_uint.
FC_HD LaneBits round_lanes(Lanes v) {
#if defined(__AVX512F__)
  return (LaneBits)_mm512_maskz_cvtps_epi32(0xffff, (__m512)v);
#else
  return (LaneBits)(v + 8388608.0f) & 0x007fffff;
#endif
}

// Numbers in [0, 255].
FC_HD void store_bytes(uint8_t* to, LaneBits v) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)v);
  memcpy(to, &bytes, sizeof bytes);
#elif defined(__AVX2__)
  const __m128i low = _mm256_castsi256_si128((__m256i)v);
  const __m128i words = _mm_packus_epi32(low, _mm256_extracti128_si256((__m256i)v, 1));
  const int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  memcpy(to, &bytes, sizeof bytes);
#else
  for (int i = 0; i < kLanes; ++i) to[i] = static_cast<uint8_t>(v[i]);
#endif
}

// Floats to pick from: lane i of pick(index) is from[index[i]]. Indices are below kPickable, and as
// many floats may be read.
constexpr int kPickable = kLanes < 8 ? 8 : kLanes;

class Pickable {
 public:
#if defined(__AVX2__)
  explicit Pickable(const float* from) : from_(load_lanes(from)) {}
  __attribute__((always_inline)) Lanes pick(LaneBits index) const {
#if defined(__AVX512F__)
    return (Lanes)_mm512_maskz_permutexvar_ps(0xffff, (__m512i)index, (__m512)from_);
#else
    return (Lanes)_mm256_permutevar8x32_ps((__m256)from_, (__m256i)index);
#endif
  }

 private:
  Lanes from_;
#else
  explicit Pickable(const float* from) : from_(from) {}
  __attribute__((always_inline)) Lanes pick(LaneBits index) const {
    Lanes v;
    for (int i = 0; i < kLanes; ++i) v[i] = from_[index[i]];
    return v;
  }

 private:
  const float* from_;
#endif
};

template <>
struct MulAdd<Lanes> {
  FC_HD Lanes of(Lanes a, Lanes b, Lanes c) {
#if defined(__AVX512F__)
    return (Lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (Lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__SSE2__) && !FC_FUSED
    const auto sum = [](__m128 x, __m128 y, __m128 z) {
      return _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(x), _mm_cvtps_pd(y)), _mm_cvtps_pd(z));
    };
    const auto high = [](Lanes v) { return _mm_movehl_ps((__m128)v, (__m128)v); };
    const __m128d first = sum((__m128)a, (__m128)b, (__m128)c);
    const __m128d second = sum(high(a), high(b), high(c));
    const LaneBits low = (LaneBits)_mm_shuffle_ps((__m128)first, (__m128)second, 0x88);
    const LaneBits middle = (low & 0x1fffffff) == 0x10000000;
    if (__builtin_expect(_mm_movemask_ps((__m128)middle) == 0, 1)) {
      return (Lanes)_mm_movelh_ps(_mm_cvtpd_ps(first), _mm_cvtpd_ps(second));
    }
    for (int i = 0; i < kLanes; ++i) c[i] = mul_add(a[i], b[i], c[i]);
    return c;
#else
    for (int i = 0; i < kLanes; ++i) c[i] = mul_add(a[i], b[i], c[i]);
    return c;
#endif
  }
  FC_HD Lanes of(Lanes a, float b, Lanes c) { return of(a, Lanes{} + b, c); }
  FC_HD Lanes of(Lanes a, float b, float c) { return of(a, Lanes{} + b, Lanes{} + c); }
};

// As the function for one float has it (core/hd.h).
FC_HD Lanes clamp01(Lanes value) {
#if defined(__AVX512F__)
  const __m512i high = _mm512_set1_epi32(0x3f800000);
  const __m512i bits = _mm512_maskz_max_epi32(0xffff, (__m512i)value, __m512i{});
  return (Lanes)_mm512_maskz_min_epi32(0xffff, bits, high);
#else
  LaneBits bits = (LaneBits)value;
  bits = bits > 0 ? bits : 0;
  bits = bits < 0x3f800000 ? bits : 0x3f800000;
  return (Lanes)bits;
#endif
}

// True where a lane of any of them is at most limit, which is above 0. Floats above 0 are ordered
// like their bits, and the bits of those below 0 are negative numbers.
FC_HD bool any_at_most(float limit, Lanes a, Lanes b, Lanes c) {
#if defined(__AVX512F__)
  const __m512i ab = _mm512_maskz_min_epi32(0xffff, (__m512i)a, (__m512i)b);
  const __m512i least = _mm512_maskz_min_epi32(0xffff, ab, (__m512i)c);
  const __m512i most = _mm512_set1_epi32(static_cast<int32_t>(float_bits(limit)));
  return _mm512_cmple_epi32_mask(least, most) != 0;
#elif defined(__AVX2__)
  const __m256i least = _mm256_min_epi32(_mm256_min_epi32((__m256i)a, (__m256i)b), (__m256i)c);
  const __m256i above = _mm256_set1_epi32(static_cast<int32_t>(float_bits(limit)));
  return _mm256_movemask_epi8(_mm256_cmpgt_epi32(least, above)) != -1;
#else
  const LaneBits low = (a <= limit) | (b <= limit) | (c <= limit);
#if defined(__SSE2__)
  return _mm_movemask_ps((__m128)low) != 0;
#else
  return (low[0] | low[1] | low[2] | low[3]) != 0;
#endif
#endif
}

// True where a lane of any of them lies outside [0, 1]; -0 may count as outside. The bits of floats
// below 0 are, as unsigned numbers, above those of 1.
FC_HD bool any_outside01(Lanes a, Lanes b, Lanes c) {
#if defined(__AVX512F__)
  const __m512i ab = _mm512_maskz_max_epu32(0xffff, (__m512i)a, (__m512i)b);
  const __m512i most = _mm512_maskz_max_epu32(0xffff, ab, (__m512i)c);
  return _mm512_cmpgt_epu32_mask(most, _mm512_set1_epi32(0x3f800000)) != 0;
#elif defined(__AVX2__)
  const __m256i one = _mm256_set1_epi32(0x3f800000);
  const __m256i most = _mm256_max_epu32(_mm256_max_epu32((__m256i)a, (__m256i)b), (__m256i)c);
  return _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_max_epu32(most, one), one)) != -1;
#else
  const LaneBits outside = (a < 0) | (a > 1) | (b < 0) | (b > 1) | (c < 0) | (c > 1);
#if defined(__SSE2__)
  return _mm_movemask_ps((__m128)outside) != 0;
#else
  return (outside[0] | outside[1] | outside[2] | outside[3]) != 0;
#endif
#endif
}

}  // namespace
}  // namespace fastcolor
