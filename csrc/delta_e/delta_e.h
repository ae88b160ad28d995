// Colour differences. Formula and error bound: delta_e_math.h.
#pragma once

#include <vector>

#include "core/image.h"

namespace fastcolor {

// Writes CIEDE2000 of one[i] against two[i] (3 channels of f32 Lab, any layout) to out[i] (1
// channel of f32), all of one size. Throws std::invalid_argument when samples are NaN or infinite
// (CPU only).
void delta_e2000(const std::vector<ImageView>& one, const std::vector<ImageView>& two,
                 const std::vector<ImageView>& out, const Place& place);

}  // namespace fastcolor
