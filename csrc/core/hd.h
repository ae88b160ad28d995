// One formula for host and device: markers and branch-free helpers.
//
// Everything here has internal linkage, because the same header is compiled once per CPU level:
// an inline function with external linkage could be merged by the linker into a copy that uses
// instructions which the machine lacks.
//
// NOTE: results are the same bytes everywhere only under -ffp-contract=off (host) and -fmad=false
// (device); CMakeLists.txt sets both. Where one rounding is wanted, mul_add says so.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define FC_HD static __host__ __device__ __forceinline__
#else
#define FC_HD static inline __attribute__((always_inline, unused))
#endif

namespace fastcolor {

FC_HD uint32_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

FC_HD float bits_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// mul_add(a, b, c) is a * b + c of finite floats, rounded once, on every machine (results below the
// normal range aside): the formulas say so where a product meets a sum. FC_FUSED: there is an
// instruction for it. Else the exact product, which a double holds, and c are added in double.
// Where that falls on the middle of two floats, a second rounding would hide which side the exact
// sum is on: there the sum is rounded to odd first (Boldo and Melquiond 2008).
#if defined(__FMA__) || defined(__FP_FAST_FMAF)
#define FC_FUSED 1
#else
#define FC_FUSED 0
#endif

FC_HD float mul_add_in_double(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  double sum = product + c;
  int64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  if (__builtin_expect((bits & 0x1fffffff) != 0x10000000, 1)) return static_cast<float>(sum);
  const double back = sum - product;
  const double lost = (product - (sum - back)) + (c - back);
  if (lost != 0) bits += (lost > 0) == (sum > 0) ? 1 : -1;
  memcpy(&sum, &bits, sizeof sum);
  return static_cast<float>(sum);
}

namespace {
template <typename F>
struct MulAdd;  // also of vectors: core/lanes.h

template <>
struct MulAdd<float> {
  FC_HD float of(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, c);
#elif FC_FUSED
    return __builtin_fmaf(a, b, c);
#else
    return mul_add_in_double(a, b, c);
#endif
  }
};
}  // namespace

template <typename F, typename B, typename C>
FC_HD F mul_add(F a, B b, C c) {
  return MulAdd<F>::of(a, b, c);
}

// IEEE square root, correctly rounded on both sides.
FC_HD float square_root(float value) {
#if defined(__CUDA_ARCH__)
  return __fsqrt_rn(value);
#else
  return __builtin_sqrtf(value);
#endif
}

FC_HD int32_t min_of(int32_t a, int32_t b) { return a < b ? a : b; }
FC_HD int32_t max_of(int32_t a, int32_t b) { return a > b ? a : b; }

// F: float, or a vector of them (core/lanes.h).
template <typename F>
FC_HD F min_of_float(F a, F b) {
  return a < b ? a : b;
}
template <typename F>
FC_HD F max_of_float(F a, F b) {
  return a > b ? a : b;
}

// Index into [0, size) of position i >= 0 beyond the end, mirrored at the border samples
// (0 1 2 3 | 2 1 0 1 2 ...).
FC_HD int64_t reflect_index(int64_t i, int64_t size) {
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  const int64_t phase = i % period;
  return phase < size ? phase : period - phase;
}

// Clamps to [0, 1]. Floats of one sign are ordered like their bits, so two integer instructions do
// it on every target, and what becomes of -0 (0) and NaN (0 or 1, by its sign) is fixed as well.
FC_HD float clamp01(float value) {
  const int32_t bits = static_cast<int32_t>(float_bits(value));
  return bits_float(static_cast<uint32_t>(min_of(max_of(bits, 0), 0x3f800000)));
}

// Nearest integer for values in [0, 2^22], ties to even, without a libm call: adding 2^23 leaves no
// bits for the fraction.
FC_HD uint32_t round_to_uint(float value) { return float_bits(value + 8388608.0f) & 0x007fffffu; }

// IEEE binary16 and bfloat16, round to nearest even; finite values only, overflow gives infinity.
FC_HD uint16_t float_to_half(float value) {
  const uint32_t bits = float_bits(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Below 2^-14 halves are subnormal: adding 0.5 aligns the wanted bits at the bottom.
  const uint32_t small = float_bits(bits_float(magnitude) + 0.5f) - float_bits(0.5f);
  const uint32_t normal = (magnitude - 0x38000000u + 0x0fffu + ((magnitude >> 13) & 1u)) >> 13;
  const uint32_t large = 0x7c00u;
  const uint32_t half = magnitude < 0x38800000u ? small : magnitude < 0x477ff000u ? normal : large;
  return static_cast<uint16_t>(sign | half);
}

FC_HD float half_to_float(uint16_t half) {
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffu) << 13;
  const float scaled = bits_float(magnitude) * bits_float(0x77800000u);  // times 2^112
  const uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u | magnitude : float_bits(scaled);
  return bits_float(special | (static_cast<uint32_t>(half & 0x8000u) << 16));
}

FC_HD uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = float_bits(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace fastcolor
