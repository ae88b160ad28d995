// CIEDE2000 (CIE 142-2001, kL = kC = kH = 1) of two Lab colours, for one pixel.
//
// Written without angles: the hue difference is a chord between unit vectors, the mean hue their
// bisector, and its multiples come from double-angle formulas. Only the rotation term needs an
// angle, as a function of the cosine from 275 degrees: a polynomial (beyond 90 degrees the term is
// below 1e-5 and is held there). Square roots and divisions are IEEE on every target, so the bytes
// are the same on every CPU level and on CUDA (see core/hd.h for the flags).
//
// For colours of |a|, |b| <= 128 the result is within 1e-4 + 1e-5 of itself of float64 (measured:
// 8e-6 for differences of a few units, 2e-4 for the largest; tests/test_delta_e.py), except for two
// opposite hues within float precision of 180 degrees, where CIEDE2000 itself jumps; exactly
// opposite hues are decided as the published test data ask. Components over 1e6 in size may give
// infinity or NaN.
#pragma once

#include "core/hd.h"
#include "lab/lab_math.h"

namespace fastcolor {

struct Direction {
  float x, y;
};

// Unit vector of (x, y) given its length; (0, 0) for no length.
FC_HD Direction unit(float x, float y, float length) {
  const float inverse = 1.0f / (length > 0.0f ? length : 1.0f);
  return {x * inverse, y * inverse};
}

FC_HD float length_of(float x, float y) { return square_root(x * x + y * y); }

// sqrt(c^7 / (c^7 + 25^7))
FC_HD float chroma_weight(float c) {
  const float q = c * 0.04f;
  const float q2 = q * q;
  const float q7 = q2 * q2 * q2 * q;
  const float bounded = q7 < 1e30f ? q7 : 1e30f;
  return square_root(bounded / (bounded + 1.0f));
}

// sin(2 * 30 degrees * exp(-(d / 25 degrees)^2)), d = the angle from 275 degrees.
FC_HD float rotation_sine(Direction hue) {
  const float cosine = hue.x * 0.0871557444f - hue.y * 0.99619472f;
  const float t = clamp01(1.0f - cosine);
  float p = 0.089997970f;
  p = p * t + -0.050384868f;
  p = p * t + 0.212180720f;
  p = p * t + 0.450928720f;
  p = p * t + 1.7522922f;
  p = p * t + 10.504959f;
  const float z = p * t * 0.0625f;
  float e = -0.005518564f;
  e = e * z + 0.0391927f;
  e = e * z + -0.165615678f;
  e = e * z + 0.499792218f;
  e = e * z + -0.999984562f;
  e = e * z + 0.999999821f;
  e = e * e;
  e = e * e;
  e = e * e;
  e = e * e;
  const float x = e * 1.04719758f;
  const float s = x * x;
  float q = -0.000192366061f;
  q = q * s + 0.00832912885f;
  q = q * s + -0.166665718f;
  q = q * s + 0.999999940f;
  return x * q;
}

// 1 - 0.17 cos(h - 30) + 0.24 cos(2h) + 0.32 cos(3h + 6) - 0.20 cos(4h - 63)
FC_HD float hue_weight(Direction h) {
  const float c2 = h.x * h.x - h.y * h.y;
  const float s2 = 2.0f * h.x * h.y;
  const float c3 = c2 * h.x - s2 * h.y;
  const float s3 = s2 * h.x + c2 * h.y;
  const float c4 = c2 * c2 - s2 * s2;
  const float s4 = 2.0f * c2 * s2;
  const float first = h.x * 0.866025388f + h.y * 0.5f;
  const float third = c3 * 0.994521916f - s3 * 0.104528464f;
  const float fourth = c4 * 0.453990489f + s4 * 0.891006529f;
  return 1.0f - 0.17f * first + 0.24f * c2 + 0.32f * third - 0.2f * fourth;
}

FC_HD float delta_e2000(Lab one, Lab two) {
  const float mean_c = (length_of(one.a, one.b) + length_of(two.a, two.b)) * 0.5f;
  const float stretch = 1.5f - 0.5f * chroma_weight(mean_c);
  const float a1 = one.a * stretch;
  const float a2 = two.a * stretch;
  const float c1 = length_of(a1, one.b);
  const float c2 = length_of(a2, two.b);
  const Direction u1 = unit(a1, one.b, c1);
  const Direction u2 = unit(a2, two.b, c2);

  // Which way round from the first hue to the second; the stretch cannot change that, so the plain
  // components tell. For opposite hues (no turn), from the one in [0, 180) degrees to the other.
  const float turn = one.a * two.b - one.b * two.a;
  const bool first_is_low = one.b > 0.0f || (one.b == 0.0f && one.a > 0.0f);
  const float sign = turn > 0.0f ? 1.0f : turn < 0.0f ? -1.0f : first_is_low ? 1.0f : -1.0f;
  const float chord_x = u2.x - u1.x;
  const float chord_y = u2.y - u1.y;
  const float chord = length_of(chord_x, chord_y);

  // The mean hue: along u1 + u2, or for obtuse angles across the chord, whichever is longer.
  const bool obtuse = u1.x * u2.x + u1.y * u2.y < 0.0f;
  const float mean_x = obtuse ? chord_y * sign : u1.x + u2.x;
  const float mean_y = obtuse ? -chord_x * sign : u1.y + u2.y;
  const Direction hue = unit(mean_x, mean_y, length_of(mean_x, mean_y));

  const float mean_c_stretched = (c1 + c2) * 0.5f;
  const float off = (one.l + two.l) * 0.5f - 50.0f;
  const float off2 = off * off;
  const float dl = (two.l - one.l) / (1.0f + 0.015f * off2 / square_root(20.0f + off2));
  const float dc = (c2 - c1) / (1.0f + 0.045f * mean_c_stretched);
  const float dh = square_root(c1) * square_root(c2) * chord * sign /
                   (1.0f + 0.015f * mean_c_stretched * hue_weight(hue));
  const float rotation = -2.0f * chroma_weight(mean_c_stretched) * rotation_sine(hue);
  const float sum = dl * dl + dc * dc + dh * dh + rotation * dc * dh;
  return square_root(sum > 0.0f ? sum : 0.0f);
}

}  // namespace fastcolor
