// RGB <-> Lab. Formulas, ranges and error bounds: lab_math.h.
#pragma once

#include <vector>

#include "core/image.h"

namespace fastcolor {

// Converts rgb[i] (3 channels of u8, u16 or f32; sRGB) to lab[i] (3 channels of f32; on CUDA f16
// too), of the same size, any layout. Throws std::invalid_argument when f32 samples are NaN or
// infinite (CPU only: on CUDA they give some colour, since looking would mean waiting).
void rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                const Place& place);

// The inverse, to u8, u16 or f32; components outside the sRGB gamut are clipped one by one.
void lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                const Place& place);

}  // namespace fastcolor
