// A curve over a block of values, for the per-level loops. The table look-ups are the one thing
// that compilers do not vectorise well (gathers are slow), so they are written out for each level;
// the arithmetic is that of curve_at, operation by operation.
#pragma once

#include "core/rows.h"
#include "lab/curves.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fastcolor {
namespace {

#if defined(__AVX512F__)

constexpr int64_t kLanes = 16;

inline __m512 look_up_32(const float* row, __m512i piece) {
  return _mm512_permutex2var_ps(_mm512_load_ps(row), piece, _mm512_load_ps(row + 16));
}

inline __m512 curve_of(const Curve& curve, __m512 v) {
  const __m512 u =
      _mm512_add_ps(_mm512_mul_ps(v, _mm512_set1_ps(curve.scale)), _mm512_set1_ps(curve.offset));
  // Written as a shift of GCC's vector type: the intrinsic's header warns in GCC 12. The permute
  // looks at five bits only.
  using Lanes = uint32_t __attribute__((vector_size(64)));
  const __m512i piece = (__m512i)((Lanes)_mm512_castps_si512(u) >> 21);
  __m512 p = look_up_32(curve.c[3], piece);
  p = _mm512_add_ps(_mm512_mul_ps(p, v), look_up_32(curve.c[2], piece));
  p = _mm512_add_ps(_mm512_mul_ps(p, v), look_up_32(curve.c[1], piece));
  return _mm512_add_ps(_mm512_mul_ps(p, v), look_up_32(curve.c[0], piece));
}

inline void curve_lanes(const Curve& curve, float* values) {
  _mm512_storeu_ps(values, curve_of(curve, _mm512_loadu_ps(values)));
}

#elif defined(__AVX2__)

constexpr int64_t kLanes = 8;

// Bits 3 and 4 of the piece, moved to the sign, choose among four registers of eight entries.
inline __m256 look_up_32(const float* row, __m256i piece, __m256 bit3, __m256 bit4) {
  const __m256 a = _mm256_permutevar8x32_ps(_mm256_load_ps(row), piece);
  const __m256 b = _mm256_permutevar8x32_ps(_mm256_load_ps(row + 8), piece);
  const __m256 c = _mm256_permutevar8x32_ps(_mm256_load_ps(row + 16), piece);
  const __m256 d = _mm256_permutevar8x32_ps(_mm256_load_ps(row + 24), piece);
  return _mm256_blendv_ps(_mm256_blendv_ps(a, b, bit3), _mm256_blendv_ps(c, d, bit3), bit4);
}

inline void curve_lanes(const Curve& curve, float* values) {
  const __m256 v = _mm256_loadu_ps(values);
  const __m256 u =
      _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(curve.scale)), _mm256_set1_ps(curve.offset));
  const __m256i piece = _mm256_srli_epi32(_mm256_castps_si256(u), 21);
  const __m256 bit3 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 28));
  const __m256 bit4 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 27));
  __m256 p = look_up_32(curve.c[3], piece, bit3, bit4);
  p = _mm256_add_ps(_mm256_mul_ps(p, v), look_up_32(curve.c[2], piece, bit3, bit4));
  p = _mm256_add_ps(_mm256_mul_ps(p, v), look_up_32(curve.c[1], piece, bit3, bit4));
  p = _mm256_add_ps(_mm256_mul_ps(p, v), look_up_32(curve.c[0], piece, bit3, bit4));
  _mm256_storeu_ps(values, p);
}

#else

constexpr int64_t kLanes = 1;

inline void curve_lanes(const Curve& curve, float* values) { *values = curve_at(curve, *values); }

#endif

// values[i] = curve(values[i]) for i < count, rounded up to whole registers: the buffer must hold
// count rounded up to 16 floats (a Plane does).
inline void apply_curve(const Curve& curve, int64_t count, float* values) {
  for (int64_t i = 0; i < count; i += kLanes) curve_lanes(curve, values + i);
}

}  // namespace
}  // namespace fastcolor
