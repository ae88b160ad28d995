// The two halves of the operator: row loops for each CPU level and the launcher.
#pragma once

#include <vector>

#include "core/isa.h"
#include "prepare/prepare.h"

namespace fastcolor {

// Rows [first, last) of the picture (not of the padding below it). `sums` is scratch for
// luma.width sums of 8 bytes.
FC_DECLARE_LEVELS(void prepare_rows(const PrepareItem& item, LightnessCode code, int64_t first,
                                    int64_t last, void* sums))

namespace cuda {
void prepare(const std::vector<PrepareItem>& items, const LightnessCode& code, const Place& place);
}
}  // namespace fastcolor
