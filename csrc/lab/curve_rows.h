// A curve over a block of values, for the per-level loops. The table look-ups are the one thing
// that compilers do not vectorise well (gathers are slow), so they are written out for each level;
// the arithmetic is that of curve_at, operation by operation.
#pragma once

#include "core/lanes.h"
#include "core/rows.h"
#include "lab/curves.h"

namespace fastcolor {
namespace {

// A curve made ready for a loop: with AVX-512 its table is held in registers.
template <int kDegree>
class CurveLanes {
 public:
#if defined(__AVX512F__)

  explicit CurveLanes(const CurveOf<kDegree>& curve) : scale_(curve.scale), offset_(curve.offset) {
    const CurveOf<kDegree>* from = &curve;
    __asm__("" : "+r"(from));  // else the compiler knows the values, and loads them at every use
    for (int k = 0; k <= kDegree; ++k) {
      low_[k] = _mm512_load_ps(from->c[k]);
      high_[k] = _mm512_load_ps(from->c[k] + 16);
    }
  }
  // The two halves of operator(), for loops that begin the next turn before they end this one. The
  // permute looks at five bits of a piece only.
  __attribute__((always_inline)) LaneBits piece_of(Lanes v) const {
    return (LaneBits)mul_add(v, scale_, offset_) >> 21;
  }
  __attribute__((always_inline)) Lanes at(LaneBits piece, Lanes v) const {
    const auto row = [&](int k) {
      return (Lanes)_mm512_permutex2var_ps(low_[k], (__m512i)piece, high_[k]);
    };
    Lanes sum = row(kDegree);
    for (int k = kDegree - 1; k >= 0; --k) sum = mul_add(sum, v, row(k));
    return sum;
  }
  __attribute__((always_inline)) Lanes operator()(Lanes v) const { return at(piece_of(v), v); }

 private:
  __m512 low_[kDegree + 1], high_[kDegree + 1];
  float scale_, offset_;

#elif defined(__AVX2__)

  explicit CurveLanes(const CurveOf<kDegree>& curve) : curve_(curve) {}
  __attribute__((always_inline)) Lanes operator()(Lanes v) const {
    const __m256i piece = (__m256i)((LaneBits)mul_add(v, curve_.scale, curve_.offset) >> 21);
    // Bits 3 and 4 of the piece, moved to the sign, choose among four registers of eight entries.
    const __m256 bit3 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 28));
    const __m256 bit4 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 27));
    const auto row = [&](int k) {
      const float* c = curve_.c[k];
      const auto entry = [&](int part) {
        return _mm256_permutevar8x32_ps(_mm256_load_ps(c + 8 * part), piece);
      };
      return (Lanes)_mm256_blendv_ps(_mm256_blendv_ps(entry(0), entry(1), bit3),
                                     _mm256_blendv_ps(entry(2), entry(3), bit3), bit4);
    };
    Lanes sum = row(kDegree);
    for (int k = kDegree - 1; k >= 0; --k) sum = mul_add(sum, v, row(k));
    return sum;
  }

 private:
  const CurveOf<kDegree>& curve_;

#else

  explicit CurveLanes(const CurveOf<kDegree>& curve) : curve_(curve) {}
  __attribute__((always_inline)) Lanes operator()(Lanes v) const {
    const LaneBits piece = ((LaneBits)mul_add(v, curve_.scale, curve_.offset) >> 21) & 31;
    const auto row = [&](int k) {
      Lanes c;
      for (int i = 0; i < kLanes; ++i) c[i] = curve_.c[k][piece[i]];
      return c;
    };
    Lanes sum = row(kDegree);
    for (int k = kDegree - 1; k >= 0; --k) sum = mul_add(sum, v, row(k));
    return sum;
  }

 private:
  const CurveOf<kDegree>& curve_;

#endif
};

// values[i] = curve(values[i]) for i < count, rounded up to whole registers: the buffer must hold
// count rounded up to 16 floats (a Plane does).
template <int kDegree>
inline void apply_curve(const CurveOf<kDegree>& curve, int64_t count, float* values) {
  const CurveLanes<kDegree> lanes(curve);
  for (int64_t i = 0; i < count; i += kLanes) {
    store_lanes(values + i, lanes(load_lanes(values + i)));
  }
}

}  // namespace
}  // namespace fastcolor
