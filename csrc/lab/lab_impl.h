// The two halves of the operator: row loops for each CPU level (lab_cpu.cpp; they return false when
// they met a sample that is NaN or infinite) and launchers (lab_cuda.cu).
#pragma once

#include <vector>

#include "core/image.h"
#include "core/isa.h"

namespace fastcolor {

FC_DECLARE_LEVELS(bool rgb_to_lab_rows(const ImageView& rgb, const ImageView& lab, int64_t first,
                                       int64_t last))
FC_DECLARE_LEVELS(bool lab_to_rgb_rows(const ImageView& lab, const ImageView& rgb, int64_t first,
                                       int64_t last))

namespace cuda {
void rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                const Place& place);
void lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                const Place& place);
}  // namespace cuda
}  // namespace fastcolor
