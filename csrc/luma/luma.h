// Y' of colour pictures. Formulas and rounding: luma_math.h.
#pragma once

#include <vector>

#include "core/image.h"
#include "luma/luma_math.h"

namespace fastcolor {

// Writes the luma of rgb[i] (3 channels of u8, u16 or f32, any layout) to luma[i] (1 channel of the
// same type and size). Throws std::invalid_argument when f32 samples are NaN or infinite (CPU
// only).
void luma(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma, LumaMatrix matrix,
          const Place& place);

}  // namespace fastcolor
