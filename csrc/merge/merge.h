// Full-resolution colour from full-resolution luma and small chroma. Formulas: merge_math.h.
#pragma once

#include <vector>

#include "core/image.h"
#include "merge/merge_math.h"

namespace fastcolor {

enum class Chroma { bilinear, bicubic, guided };

// luma: one channel of u8 or u16. ab: two channels of f32 in Lab units, any layout, any size.
struct MergeInput {
  ImageView luma;
  ImageView ab;
};

struct MergeOptions {
  Chroma chroma = Chroma::guided;
  float saturation = 1.0f;  // ab is multiplied by it
};

// Rows [first, last) of a picture; all of them by default.
struct RowSpan {
  int64_t first = 0;
  int64_t last = -1;
};

// rgb[i]: 3 channels of u8 or u16, of the luma's size, or the asked rows of it. L* of the luma is
// kept. Every row is what it is in the whole picture.
void merge_rgb(const std::vector<MergeInput>& inputs, const std::vector<ImageView>& rgb,
               const MergeOptions& options, RowSpan rows, const Place& place);

// Chroma planes of a Y'CbCr picture whose luma stays as it is; a chroma sample covers
// step_x * step_y luma samples and is sited in their middle.
struct ChromaPlanes {
  ImageView cb, cr;  // one channel of the luma's type
};

struct YccOptions {
  MergeOptions merge;
  int step_x = 2;
  int step_y = 2;
  bool limited = false;  // video range
  bool bt709 = false;    // else BT.601
  int bits = 8;          // 8 to 16; codes are in u8 for 8 and in u16 above
};

YccCode ycc_code(const YccOptions& options);

void merge_ycc(const std::vector<MergeInput>& inputs, const std::vector<ChromaPlanes>& planes,
               const YccOptions& options, const Place& place);

}  // namespace fastcolor
