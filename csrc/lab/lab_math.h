// sRGB (IEC 61966-2-1) <-> CIE 1976 L*a*b*, D65, 2 degree observer, for one pixel.
//
// sRGB components are in [0, 1]; L* is in [0, 100]; a*, b* of sRGB colours lie within
// [-86.2, 98.3] and [-107.9, 94.5].
//
// The matrix is that of the BT.709 primaries to six digits, as scikit-image has it, with each row
// divided by its sum, so that R = G = B gives a = b = 0 exactly. The forward transform stays within
// 0.005 of scikit-image (float64) on every 8-bit colour; half of that is this normalisation.
//
// The curves come from curves.h. Errors against float64: srgb_to_linear 3e-7, linear_to_srgb 2e-6,
// lab_f 9e-7, grey_to_f 4e-7 (tests/test_lab.py holds the bounds of the whole conversion).
#pragma once

#include "core/hd.h"
#include "lab/curves.h"

namespace fastcolor {

// F: float, or a vector of them (core/lanes.h).
template <typename F>
struct RgbOf {
  F r, g, b;
};
template <typename F>
struct XyzOf {  // each divided by the white point: white is (1, 1, 1)
  F x, y, z;
};
using Rgb = RgbOf<float>;
using Xyz = XyzOf<float>;
template <typename F>
struct LabOf {
  F l, a, b;
};
using Lab = LabOf<float>;

// The sRGB curve. Values outside [0, 1] are clamped; the unclamped form takes [-1e-6, 1.0005] and
// may leave [0, 1] by 2e-6.
FC_HD float srgb_to_linear(float encoded) {
  return curve_at(FC_CURVE_TABLE(kDecodeCurve), clamp01(encoded));
}
FC_HD float linear_to_srgb_unclamped(float linear) {
  return curve_at(FC_CURVE_TABLE(kEncodeCurve), linear);
}
// The same with a tenth of its mean error, for 16 bits.
FC_HD float linear_to_srgb_fine(float linear) {
  return curve_at(FC_CURVE_TABLE(kEncodeFineCurve), linear);
}
FC_HD float linear_to_srgb(float linear) {
  return clamp01(linear_to_srgb_unclamped(clamp01(linear)));
}

// f(t) of CIE 1976 for t in [0, 1], and its inverse for any f; t is a tristimulus value divided by
// that of white.
FC_HD float lab_f(float t) { return curve_at(FC_CURVE_TABLE(kLabCurve), t); }

// f of the luminance of an encoded grey; L* = 116 f - 16.
FC_HD float grey_to_f(float encoded) {
  return curve_at(FC_CURVE_TABLE(kGreyCurve), clamp01(encoded));
}
template <typename F>
FC_HD F f_to_lightness(F f) {
  return mul_add(f, 116.0f, -16.0f);
}

constexpr float kLabStraightEnd = 0.20689656f;  // the largest f of the straight part

template <typename F>
FC_HD F lab_f_inverse(F f) {
  const F cube = f * f * f;
  const F straight = mul_add(f, 0.12841855f, -0.0177129027f);
  return f > kLabStraightEnd ? cube : straight;
}

template <typename F>
FC_HD XyzOf<F> linear_to_xyz(RgbOf<F> c) {
  XyzOf<F> out;
  // Written as a neutral part plus differences: equal components stay equal to the last bit.
  const F rg = c.r - c.g;
  const F bg = c.b - c.g;
  out.x = mul_add(rg, 0.433952749f, mul_add(bg, 0.18982783f, c.g));
  out.y = mul_add(rg, 0.212670997f, mul_add(bg, 0.0721689984f, c.g));
  out.z = mul_add(rg, 0.017757915f, mul_add(bg, 0.872765541f, c.g));
  return out;
}

template <typename F>
FC_HD RgbOf<F> xyz_to_linear(XyzOf<F> c) {
  RgbOf<F> out;
  const F xy = c.x - c.y;
  const F zy = c.z - c.y;
  out.r = mul_add(xy, 3.07993484f, mul_add(zy, -0.542783439f, c.y));
  out.g = mul_add(xy, -0.92123419f, mul_add(zy, 0.0452441797f, c.y));
  out.b = mul_add(xy, 0.0528896824f, mul_add(zy, 1.15115166f, c.y));
  return out;
}

// f holds lab_f of x, y and z.
template <typename F>
FC_HD LabOf<F> f_to_lab(XyzOf<F> f) {
  LabOf<F> out;
  out.l = f_to_lightness(f.y);
  out.a = (f.x - f.y) * 500.0f;
  out.b = (f.y - f.z) * 200.0f;
  return out;
}

FC_HD Lab xyz_to_lab(Xyz c) { return f_to_lab(Xyz{lab_f(c.x), lab_f(c.y), lab_f(c.z)}); }

template <typename F>
FC_HD XyzOf<F> lab_to_xyz(LabOf<F> c) {
  const F fy = mul_add(c.l, 0.00862069f, 0.13793103f);
  XyzOf<F> out;
  out.x = lab_f_inverse(mul_add(c.a, 0.002f, fy));
  out.y = lab_f_inverse(fy);
  out.z = lab_f_inverse(mul_add(c.b, -0.005f, fy));
  return out;
}

}  // namespace fastcolor
