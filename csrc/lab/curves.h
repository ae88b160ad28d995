// The curves of sRGB and Lab as polynomial pieces from a table: no libm, no division, no branch,
// the same bytes everywhere. A table row is 128 bytes: two vector registers for the permutes of
// AVX-512, one cache line and 32 different banks for a warp.
#pragma once

#include "core/hd.h"

namespace fastcolor {

// For v in [0, 1.0005] and down to -1e-6. The piece of v is in bits 21 to 25 of
// u = mul_add(v, scale, offset); its polynomial in v is c[0] + c[1] v + c[2] v^2 + ...
template <int kDegree>
struct alignas(128) CurveOf {
  float scale, offset;
  alignas(128) float c[kDegree + 1][32];
};
using Curve = CurveOf<3>;
using FineCurve = CurveOf<4>;

#define FC_CURVE static constexpr
#include "lab/curve_tables.h"
#undef FC_CURVE

#if defined(__CUDACC__)
namespace on_device {
#define FC_CURVE static __device__ const
#include "lab/curve_tables.h"
#undef FC_CURVE
}  // namespace on_device
#endif

#if defined(__CUDA_ARCH__)
#define FC_CURVE_TABLE(name) ::fastcolor::on_device::name
#else
#define FC_CURVE_TABLE(name) ::fastcolor::name
#endif

FC_HD uint32_t curve_piece(float v, float scale, float offset) {
  return (float_bits(mul_add(v, scale, offset)) >> 21) & 31u;
}

template <int kDegree>
FC_HD float curve_at(const CurveOf<kDegree>& curve, float v) {
  const uint32_t piece = curve_piece(v, curve.scale, curve.offset);
  float sum = curve.c[kDegree][piece];
  for (int k = kDegree - 1; k >= 0; --k) sum = mul_add(sum, v, curve.c[k][piece]);
  return sum;
}

}  // namespace fastcolor
