// Contrast limited adaptive histogram equalisation, equal to OpenCV's bit for bit.
#pragma once

#include <vector>

#include "core/image.h"

namespace fastcolor {

// luma[i] (one channel of u8 or u16) to out[i] of the same type and size. The grid counts tiles
// across and down. Throws std::invalid_argument naming clip_limit, grid or luma.
void clahe(const std::vector<ImageView>& luma, const std::vector<ImageView>& out, double clip_limit,
           int64_t columns, int64_t rows, const Place& place);

}  // namespace fastcolor
