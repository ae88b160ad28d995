// Colour from luma and small chroma, for one pixel.
//
// Positions: sample centres; full-resolution x lies at (x + 0.5) * small / full - 0.5 of the small
// grid, samples beyond the border repeat the border. Predicted a and b are taken within +-1000.
//
//   ab(x) = cubic(ab_small)(x) + A(x) * (L(x) - cubic(L_small)(x))
//
// with Catmull-Rom cubics and A interpolated linearly. At small size
//
//   A = G[(G[L ab] - G[L] G[ab]) / (G[L^2] - G[L]^2 + eps)],  G a Gaussian of sigma 0.7, eps 100
//
// L_small is the L* of the area mean of the luma. Out-of-gamut colours move towards the grey of the
// same luminance in linear light, so L* stays and hue nearly so.
#pragma once

#include "core/hd.h"
#include "lab/lab_math.h"

namespace fastcolor {

// --- interpolation ---------------------------------------------------------------------------

struct Tap {
  int64_t index;  // left neighbour, from -1 to small - 1
  float part;     // distance from it, in [0, 1)
};

// Sample x lies at ((2 x + 1) * step * small - full) / (2 * full): whole numbers until the last
// division, so that no width costs precision.
struct TapScale {
  int64_t small;  // small samples, times the luma samples that x counts in (step)
  int64_t full;   // luma samples
};

FC_HD Tap tap_at(int64_t x, TapScale scale) {
  const int64_t whole = 2 * scale.full;
  const int64_t position = (2 * x + 1) * scale.small - scale.full + whole;  // never negative
  const int64_t index = position / whole;
  return {index - 1, static_cast<float>(position - index * whole) / static_cast<float>(whole)};
}

FC_HD int64_t clamp_index(int64_t index, int64_t size) {
  return index < 0 ? 0 : index < size ? index : size - 1;
}

// F here and below: float, or a vector of them (core/lanes.h).
template <typename F>
struct CubicOf {
  F w[4];  // of index - 1 ... index + 2
};
using Cubic = CubicOf<float>;

// Catmull-Rom. The weights sum to 1 to the last bit or nearly so; constants survive the rounding of
// the result (tests).
FC_HD Cubic cubic_weights(float t) {
  const float t2 = t * t;
  const float t3 = t2 * t;
  Cubic c;
  c.w[0] = t2 - (t3 + t) * 0.5f;
  c.w[2] = t * 0.5f + t2 * 2.0f - t3 * 1.5f;
  c.w[3] = (t3 - t2) * 0.5f;
  c.w[1] = 1.0f - (c.w[0] + c.w[2] + c.w[3]);
  return c;
}

FC_HD Cubic linear_weights(float t) {
  Cubic c;
  c.w[0] = 0.0f;
  c.w[1] = 1.0f - t;
  c.w[2] = t;
  c.w[3] = 0.0f;
  return c;
}

template <typename W, typename F>
FC_HD F cubic_sum(const CubicOf<W>& c, F a, F b, F d, F e) {
  return mul_add(a, c.w[0], mul_add(e, c.w[3], mul_add(b, c.w[1], d * c.w[2])));
}

template <typename W, typename F>
FC_HD F linear_sum(W t, F a, F b) {
  return mul_add(b - a, t, a);
}

// --- the guide at small size -------------------------------------------------------------------

constexpr int kGuideRadius = 2;

constexpr float kGuideEpsilon = 100.0f;

// The Gaussian over samples at -2 ... 2.
FC_HD float guide_sum(float a, float b, float c, float d, float e) {
  return mul_add(a + e, 0.00962005683f, mul_add(b + d, 0.205423697f, c * 0.569912492f));
}

FC_HD float guide_slope(float mean_l, float mean_ll, float mean_c, float mean_lc) {
  const float variance = mul_add(-mean_l, mean_l, mean_ll);
  return mul_add(-mean_l, mean_c, mean_lc) / (max_of_float(variance, 0.0f) + kGuideEpsilon);
}

// Chroma is upsampled as what it adds to f of the luma: a / 500 for that of X, -b / 200 for that of
// Z. The limits are far outside any gamut, and far from where float32 overflows.
FC_HD float chroma_in_f(int channel, float value) {
  const float limited = min_of_float(max_of_float(value, -1000.0f), 1000.0f);
  return limited * (channel == 0 ? 0.002f : -0.005f);
}

// --- colour ---------------------------------------------------------------------------------

// Linear light: the luminance of the luma, and red, green and blue, which may leave the gamut.
template <typename F>
struct Tint {
  F y, r, g, b;
};

template <typename F>
FC_HD Tint<F> tint_of(const XyzOf<F>& c) {
  const RgbOf<F> linear = xyz_to_linear(c);
  return {c.y, linear.r, linear.g, linear.b};
}

// f is that of the luma (L* = 116 f - 16); a and b as chroma_in_f has them.
template <typename F>
FC_HD Tint<F> tint_of(F f, F a, F b) {
  return tint_of(XyzOf<F>{lab_f_inverse(f + a), lab_f_inverse(f), lab_f_inverse(f + b)});
}

template <typename F>
FC_HD F largest(const Tint<F>& t) {
  return max_of_float(max_of_float(t.r, t.g), t.b);
}
template <typename F>
FC_HD F smallest(const Tint<F>& t) {
  return min_of_float(min_of_float(t.r, t.g), t.b);
}

// The colour, moved towards its grey as far as the gamut asks; inside the gamut it stays as it is.
template <typename F>
FC_HD Tint<F> in_gamut(Tint<F> t) {
  const F high = largest(t) - t.y;
  const F low = t.y - smallest(t);
  const F room = 1.0f - t.y;
  // room / high against y / low, by one division.
  const auto top = room * low < t.y * high;
  const F space = top ? room : t.y;
  const F reach = top ? high : low;
  const F factor = space / reach;
  const auto inside = space >= reach;
  t.r = inside ? t.r : mul_add(t.r - t.y, factor, t.y);
  t.g = inside ? t.g : mul_add(t.g - t.y, factor, t.y);
  t.b = inside ? t.b : mul_add(t.b - t.y, factor, t.y);
  return t;
}

// --- Y'CbCr ---------------------------------------------------------------------------------

// How a file's luma and chroma codes relate to Y' in [0, 1] and Cb, Cr in [-0.5, 0.5].
struct YccCode {
  float luma_offset, luma_scale;  // Y' = (code - offset) * scale
  // Codes before rounding: cb = (R' - G') cb_r + (B' - G') cb_b + offset, cr likewise.
  float chroma_offset, cb_r, cb_b, cr_r, cr_b;
  float chroma_low, chroma_high;  // codes are clamped to these
};

template <typename F>
struct CbCr {
  F cb, cr;  // codes, not yet rounded
};

template <typename F>
FC_HD CbCr<F> encode_chroma(const RgbOf<F>& encoded, const YccCode& code) {
  const F rg = encoded.r - encoded.g;
  const F bg = encoded.b - encoded.g;
  const auto clamped = [&](F value) {
    value = value > code.chroma_low ? value : code.chroma_low;
    return value < code.chroma_high ? value : code.chroma_high;
  };
  return {clamped(mul_add(rg, code.cb_r, mul_add(bg, code.cb_b, code.chroma_offset))),
          clamped(mul_add(rg, code.cr_r, mul_add(bg, code.cr_b, code.chroma_offset)))};
}

}  // namespace fastcolor
