// The two halves of the operator: row loops for each CPU level (false when a sample was NaN or
// infinite) and the launcher.
#pragma once

#include <vector>

#include "core/image.h"
#include "core/isa.h"
#include "luma/luma_math.h"

namespace fastcolor {

FC_DECLARE_LEVELS(bool luma_rows(const ImageView& rgb, const ImageView& luma, LumaMatrix matrix,
                                 int64_t first, int64_t last))

namespace cuda {
void luma(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma, LumaMatrix matrix,
          const Place& place);
}  // namespace cuda
}  // namespace fastcolor
