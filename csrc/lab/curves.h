// The curves of sRGB and Lab as cubic pieces from a table: no libm, no division, no branch, the
// same bytes everywhere. A table row is 128 bytes: two vector registers for the permutes of
// AVX-512, one cache line and 32 different banks for a warp.
#pragma once

#include "core/hd.h"

namespace fastcolor {

// For v in [0, 1.0005] and down to -1e-6. The piece of v is in bits 21 to 25 of
// u = v * scale + offset; its cubic in v is c[0] + c[1] v + c[2] v^2 + c[3] v^3.
struct alignas(128) Curve {
  float scale, offset;
  alignas(128) float c[4][32];
};

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
  return (float_bits(v * scale + offset) >> 21) & 31u;
}

FC_HD float curve_cubic(float v, float c0, float c1, float c2, float c3) {
  return ((c3 * v + c2) * v + c1) * v + c0;
}

FC_HD float curve_at(const Curve& curve, float v) {
  const uint32_t piece = curve_piece(v, curve.scale, curve.offset);
  return curve_cubic(v, curve.c[0][piece], curve.c[1][piece], curve.c[2][piece], curve.c[3][piece]);
}

}  // namespace fastcolor
