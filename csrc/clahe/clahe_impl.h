// The two halves of the operator: loops for each CPU level and the launcher.
#pragma once

#include <vector>

#include "clahe/clahe_math.h"
#include "core/image.h"
#include "core/isa.h"

namespace fastcolor {

struct ClaheItem {
  ImageView luma;
  ImageView out;
  ClaheGeometry geometry;
};

// Writes the `bins` codes of tile `index` (row by row) to codes (u8 or u16, as the picture).
// `counts` is scratch for 4 * 256 or 65536 counts.
FC_DECLARE_LEVELS(void clahe_tile(const ClaheItem& item, int64_t index, int32_t* counts,
                                  void* codes))

// Pixels [x0, x1) of rows [y0, y1), which all lie between the same four tiles. `table` is scratch
// for bins * 4 samples.
FC_DECLARE_LEVELS(void clahe_cell(const ClaheItem& item, const void* codes, int64_t x0, int64_t x1,
                                  int64_t y0, int64_t y1, void* table))

namespace cuda {
void clahe(const std::vector<ClaheItem>& items, const Place& place);
}
}  // namespace fastcolor
