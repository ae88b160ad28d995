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

// Bins that matter; both ends are in. In 16 bits a tile uses few of its 65,536.
struct ClaheRange {
  int32_t low, high;
};

// That of the pixels of [x0, x1) x [y0, y1), rounded outwards to whole sixteens.
FC_DECLARE_LEVELS(void clahe_range(const ImageView& luma, int64_t x0, int64_t x1, int64_t y0,
                                   int64_t y1, ClaheRange& range))

// Adds the pixels of rows [first, last) of tile `index` to the `bins` counts.
FC_DECLARE_LEVELS(void clahe_count(const ClaheItem& item, int64_t index, int64_t first,
                                   int64_t last, int32_t* counts))

// The codes (u8 or u16, as the picture) of bins low to high for a tile with these counts, which it
// overwrites; no pixel of the tile lies in other bins.
FC_DECLARE_LEVELS(void clahe_codes(const ClaheItem& item, ClaheRange range, int32_t* counts,
                                   void* codes))

// Rows [y0, y1) of `count` cells side by side, cell k from xs[k] to xs[k + 1]; the pixels of a cell
// all lie between the same four tiles and in ranges[k]. weights[x] is that of column
// x. `tables` is scratch for count * bins * 4 samples.
FC_DECLARE_LEVELS(void clahe_cells(const ClaheItem& item, const ClaheRange* ranges,
                                   const void* codes, const float* weights, const int64_t* xs,
                                   int64_t count, int64_t y0, int64_t y1, void* tables))

namespace cuda {
void clahe(const std::vector<ClaheItem>& items, const Place& place);
}
}  // namespace fastcolor
