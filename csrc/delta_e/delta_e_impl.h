// The two halves of the operator: row loops for each CPU level (they return 1 when `one` had a
// sample that is NaN or infinite, 2 when `two` had, 3 for both) and the launcher.
#pragma once

#include <vector>

#include "core/image.h"
#include "core/isa.h"

namespace fastcolor {

FC_DECLARE_LEVELS(int delta_e2000_rows(const ImageView& one, const ImageView& two,
                                       const ImageView& out, int64_t first, int64_t last))

namespace cuda {
void delta_e2000(const std::vector<ImageView>& one, const std::vector<ImageView>& two,
                 const std::vector<ImageView>& out, const Place& place);
}  // namespace cuda
}  // namespace fastcolor
