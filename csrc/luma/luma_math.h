// Y' of gamma-encoded R'G'B' of one pixel, full range: the weighted sum that JPEG (JFIF: BT.601)
// and HD video (BT.709) define, on the samples as they are.
//
// Integers: the weights are the standards' own decimals, summed exactly in 32 bits and divided with
// rounding to nearest, ties up. So the result is the correctly rounded Y' of every u8 and u16
// colour, and greys pass unchanged.
// Floats: a neutral part plus differences, within 2e-7 of the exact sum for samples in [0, 1];
// greys pass to the last bit.
#pragma once

#include "core/hd.h"

namespace fastcolor {

enum class LumaMatrix : int { bt601, bt709 };

struct Bt601 {
  static constexpr uint32_t kRed = 299, kGreen = 587, kBlue = 114, kWhole = 1000;
  static constexpr float kRedF = 0.299f, kBlueF = 0.114f;
};
struct Bt709 {
  static constexpr uint32_t kRed = 2126, kGreen = 7152, kBlue = 722, kWhole = 10000;
  static constexpr float kRedF = 0.2126f, kBlueF = 0.0722f;
};

template <typename Matrix>
FC_HD uint32_t luma_of(uint32_t r, uint32_t g, uint32_t b) {
  return (r * Matrix::kRed + g * Matrix::kGreen + b * Matrix::kBlue + Matrix::kWhole / 2) /
         Matrix::kWhole;
}

// The same for u8 samples held in floats, to be truncated: sums stay below 2^24, and the half added
// keeps every quotient further from a whole number than the product's error (checked for all sums).
// F: float, or a vector of them (core/lanes.h).
template <typename Matrix, typename F>
FC_HD F luma_of_bytes(F r, F g, F b) {
  const F sum = r * static_cast<float>(Matrix::kRed) + g * static_cast<float>(Matrix::kGreen) +
                b * static_cast<float>(Matrix::kBlue);
  return (sum + (static_cast<float>(Matrix::kWhole / 2) + 0.5f)) *
         (1.0f / static_cast<float>(Matrix::kWhole));
}

template <typename Matrix>
FC_HD float luma_of(float r, float g, float b) {
  return g + ((r - g) * Matrix::kRedF + (b - g) * Matrix::kBlueF);
}

}  // namespace fastcolor
