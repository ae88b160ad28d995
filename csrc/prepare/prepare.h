// From full-resolution luma to the small picture that a network sees.
#pragma once

#include <vector>

#include "core/image.h"

namespace fastcolor {

// The working size: the short side becomes `size`, the long side keeps the aspect ratio, rounded to
// a multiple of `step`; both are then padded up to a multiple of `multiple`.
struct PreparedSize {
  int64_t width, height;
  int64_t padded_width, padded_height;
};
PreparedSize prepared_size(int64_t width, int64_t height, int64_t size, int64_t multiple,
                           int64_t step);

// What one picture needs: luma (one channel of u8 or u16, full range), the place of its result in
// the batch (one channel of f32, f16 or bf16, dense rows, of the padded size), and the working
// size.
struct PrepareItem {
  ImageView luma;
  ImageView target;
  int64_t width, height;  // of the picture inside the target; the rest is filled by reflection
};

// From sample codes to what is stored: Y' = (code - black) / (white - black), clamped to [0, 1],
// and target = L*(Y') * scale + offset.
struct LightnessCode {
  float black, white;
  float scale, offset;
};
LightnessCode full_range(DType type);  // black 0, white the largest code, L* itself

// Every cell of the target is the lightness of the area mean of the samples it covers.
void prepare(const std::vector<PrepareItem>& items, const LightnessCode& code, const Place& place);

}  // namespace fastcolor
