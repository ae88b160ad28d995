// The two halves of the operator: row loops for each CPU level and the launcher.
#pragma once

#include <vector>

#include "core/isa.h"
#include "prepare/prepare.h"
#include "prepare/prepare_math.h"

namespace fastcolor {

// Rows [first, last) of the picture (not of the padding below it). `columns` holds the spans of the
// item's columns, `sums` is scratch for luma.width sums of 8 bytes.
FC_DECLARE_LEVELS(void prepare_rows(const PrepareItem& item, const LightnessCode& code,
                                    const AxisSpan* columns, int64_t first, int64_t last,
                                    void* sums))

namespace cuda {
void prepare(const std::vector<PrepareItem>& items, const LightnessCode& code, const Place& place);
}
}  // namespace fastcolor
