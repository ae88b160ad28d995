// What merge.cpp hands to the row loops (merge_cpu.cpp) and kernels (merge_cuda.cu).
#pragma once

#include <vector>

#include "core/isa.h"
#include "merge/merge.h"

namespace fastcolor {

// Chroma at small size: dense planes of width * height floats, kSmallSlack readable floats behind
// the last of them; in the units of chroma_in_f, saturated. lightness and slopes are only there for
// Chroma::guided.
constexpr int64_t kSmallSlack = 32;
struct SmallChroma {
  const float* a;
  const float* b;
  const float* lightness;
  const float* slope_a;
  const float* slope_b;
  int64_t width, height;
};

// One picture's way to RGB or to chroma planes: the samples to be made, in their own grid.
struct MergeJob {
  ImageView luma;
  SmallChroma small;
  ImageView rgb;              // merge_rgb: the result
  ImageView cb, cr;           // merge_ycc: the result
  int64_t width, height;      // of the samples' grid
  int64_t first, last;        // rows of it to make; `rgb` begins where row 0 would
  TapScale scale_x, scale_y;  // where they lie in the small grid
  Chroma chroma;
  int step_x, step_y;      // luma samples for each of them
  float black, code_step;  // luma code -> Y': (code - black) * code_step
  YccCode code;
};

// Planes of the scratch memory, width * height floats each.
enum SmallPlane { kA, kB, kLightness, kSlopeA, kSlopeB, kRawSlopeA, kRawSlopeB, kSmallPlanes };

FC_DECLARE_LEVELS(void guide_raw_rows(const SmallChroma& small, float* raw_a, float* raw_b,
                                      int64_t first, int64_t last))
FC_DECLARE_LEVELS(void guide_smooth_rows(const float* raw, float* slope, int64_t width,
                                         int64_t height, int64_t first, int64_t last))
FC_DECLARE_LEVELS(void merge_rgb_rows(const MergeJob& job, int64_t first, int64_t last))
FC_DECLARE_LEVELS(void merge_ycc_rows(const MergeJob& job, int64_t first, int64_t last))

namespace cuda {
void merge(std::vector<MergeJob>& jobs, const std::vector<ImageView>& ab, float saturation,
           const Place& place);
}
}  // namespace fastcolor
