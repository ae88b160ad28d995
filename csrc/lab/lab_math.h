// sRGB (IEC 61966-2-1) <-> CIE 1976 L*a*b*, D65, 2 degree observer, for one pixel.
//
// sRGB components are in [0, 1]; L* is in [0, 100]; a*, b* of sRGB colours lie within
// [-86.2, 98.3] and [-107.9, 94.5].
//
// The matrix is that of the BT.709 primaries to six digits, as scikit-image has it, with each row
// divided by its sum, so that R = G = B gives a = b = 0 exactly. The forward transform stays within
// 0.005 of scikit-image (float64) on every 8-bit colour; half of that is this normalisation.
//
// Powers start from a line in the bits of the float and are finished by a polynomial: no table, no
// libm, no division, the same bytes on every CPU level and on CUDA (see core/hd.h for the flags).
// Errors against float64: srgb_to_linear 4e-6, linear_to_srgb 4e-6, cube_root 4e-7 relative
// (tools/fit_curves.py prints the coefficients; tests/test_lab.py holds the bounds).
#pragma once

#include "core/hd.h"

namespace fastcolor {

struct Rgb {
  float r, g, b;
};
struct Xyz {  // each divided by the white point: white is (1, 1, 1)
  float x, y, z;
};
struct Lab {
  float l, a, b;
};

// sRGB curve, encoded to linear. Values outside [0, 1] are clamped.
// The polynomial is weighted so that its error is even in L*, not in linear light.
FC_HD float srgb_to_linear(float encoded) {
  const float v = clamp01(encoded);
  float p = -0.14880842f;
  p = p * v + 0.657910287f;
  p = p * v + -1.25244069f;
  p = p * v + 1.38407719f;
  p = p * v + -1.07217419f;
  p = p * v + 0.917051375f;
  p = p * v + 0.477736473f;
  p = p * v + 0.0358004123f;
  p = p * v + 0.000843132671f;
  return v <= 0.04045f ? v * 0.0773993805f : p;
}

// sRGB curve, linear to encoded, for values in [-0.001, 1.001]; the result may leave [0, 1] by as
// much as the argument does.
//
//   v^(1/2.4) = v * w^7 * (1 - r)^(-7/12)   with w near v^(-1/12), r = 1 - v * w^12
//
// w is a line in the bits of v, |r| <= 0.345, the last factor a polynomial (times 1.055).
FC_HD float linear_to_srgb_unclamped(float v) {
  const float bits = static_cast<float>(static_cast<int32_t>(float_bits(v)));
  const float w =
      bits_float(static_cast<uint32_t>(static_cast<int32_t>(1153651000.0f - bits * 0.0833333358f)));
  const float w2 = w * w;
  const float w4 = w2 * w2;
  const float r = 1.0f - v * (w4 * w4 * w4);
  float p = 0.397996724f;
  p = p * r + 0.417191833f;
  p = p * r + 0.370032221f;
  p = p * r + 0.415007144f;
  p = p * r + 0.487337232f;
  p = p * r + 0.615485549f;
  p = p * r + 1.05499947f;
  const float power = v * (w4 * w2 * w) * p - 0.055f;
  return v <= 0.0031308f ? v * 12.92f : power;
}

FC_HD float linear_to_srgb(float linear) {
  return clamp01(linear_to_srgb_unclamped(clamp01(linear)));
}

// x^(1/3) for x in [2^-12, 2^12]: a line in the bits starts x^(-1/3) within 3.4 %, one step of a
// quartic brings it to float precision; no division.
FC_HD float cube_root(float x) {
  const float line = static_cast<float>(static_cast<int32_t>(float_bits(x)));
  const int32_t start = static_cast<int32_t>(1419900529.0f - line * 0.33333334f);
  const float y = bits_float(static_cast<uint32_t>(start));
  const float xy = x * y;
  const float r = 1.0f - xy * y * y;
  float p = 0.14615639f;
  p = p * r + 0.1747471f;
  p = p * r + 0.2222119f;
  p = p * r + 0.33332753f;
  p = p * r + 1.0f;
  const float inverse = y * p;
  return x * inverse * inverse;
}

// f(t) of CIE 1976 and its inverse; t is a tristimulus value divided by that of white.
FC_HD float lab_f(float t) {
  const float root = cube_root(t);
  return t > 0.008856452f ? root : t * 7.787037f + 0.13793103f;
}

FC_HD float lab_f_inverse(float f) {
  const float cube = f * f * f;
  return f > 0.20689656f ? cube : (f - 0.13793103f) * 0.12841855f;
}

FC_HD Xyz linear_to_xyz(Rgb c) {
  Xyz out;
  // Written as a neutral part plus differences: equal components stay equal to the last bit.
  const float rg = c.r - c.g;
  const float bg = c.b - c.g;
  out.x = c.g + (rg * 0.433952749f + bg * 0.18982783f);
  out.y = c.g + (rg * 0.212670997f + bg * 0.0721689984f);
  out.z = c.g + (rg * 0.017757915f + bg * 0.872765541f);
  return out;
}

FC_HD Rgb xyz_to_linear(Xyz c) {
  Rgb out;
  const float xy = c.x - c.y;
  const float zy = c.z - c.y;
  out.r = c.y + (xy * 3.07993484f + zy * -0.542783439f);
  out.g = c.y + (xy * -0.92123419f + zy * 0.0452441797f);
  out.b = c.y + (xy * 0.0528896824f + zy * 1.15115166f);
  return out;
}

FC_HD Lab xyz_to_lab(Xyz c) {
  const float fx = lab_f(c.x);
  const float fy = lab_f(c.y);
  const float fz = lab_f(c.z);
  Lab out;
  out.l = fy * 116.0f - 16.0f;
  out.a = (fx - fy) * 500.0f;
  out.b = (fy - fz) * 200.0f;
  return out;
}

FC_HD Xyz lab_to_xyz(Lab c) {
  const float fy = (c.l + 16.0f) * 0.00862069f;
  Xyz out;
  out.x = lab_f_inverse(fy + c.a * 0.002f);
  out.y = lab_f_inverse(fy);
  out.z = lab_f_inverse(fy - c.b * 0.005f);
  return out;
}

}  // namespace fastcolor
