// What is gathered about the chroma of a picture, for one pixel.
//
// Samples are brought to 8 bits (rounded, clamped), then to Y'CbCr as JFIF defines it, all in
// integers of 1/255. Everything gathered is a sum of integers, so it does not depend on the order:
// any CPU level, any number of threads and CUDA give the same numbers.
#pragma once

#include "core/hd.h"

namespace fastcolor {

constexpr int kToneBins = 32;  // levels of luma, 8 of 255 each
constexpr int kToneSums = 6;   // count, Cb, Cr, Cb^2, Cr^2, Cb * Cr
constexpr int kToneTableSize = kToneBins * kToneSums;

struct Chroma8 {
  int32_t bin;     // of luma
  int32_t cb, cr;  // [-128, 128]
};

FC_HD Chroma8 chroma8(float red, float green, float blue) {
  const int32_t r = static_cast<int32_t>(round_to_uint(clamp01(red) * 255.0f));
  const int32_t g = static_cast<int32_t>(round_to_uint(clamp01(green) * 255.0f));
  const int32_t b = static_cast<int32_t>(round_to_uint(clamp01(blue) * 255.0f));
  constexpr int32_t kHalf = 1 << 15;
  constexpr int32_t kBias = 1 << 24;  // keeps what is shifted positive
  Chroma8 out;
  out.bin = (19595 * r + 38470 * g + 7471 * b + kHalf) >> 19;
  out.cb = ((-11059 * r - 21709 * g + 32768 * b + kHalf + kBias) >> 16) - 256;
  out.cr = ((32768 * r - 27439 * g - 5329 * b + kHalf + kBias) >> 16) - 256;
  return out;
}

// The tone of one bin, and what counts as far from it: with d = (Cb, Cr) - (cb, cr), a pixel is off
// the tone where bb * d.cb^2 + br * d.cb * d.cr + rr * d.cr^2 > limit. The tone lies within
// [-128, 128], and the weights are at most 256 in size, so that 32 bits hold the sum.
struct Tone {
  int32_t cb, cr, bb, br, rr, limit;
};
constexpr int kToneFields = 6;

FC_HD bool off_tone(const Chroma8& c, const Tone& tone) {
  const int32_t db = c.cb - tone.cb;
  const int32_t dr = c.cr - tone.cr;
  return tone.bb * db * db + tone.br * db * dr + tone.rr * dr * dr > tone.limit;
}

}  // namespace fastcolor
