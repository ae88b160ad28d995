// The two halves of the operator: row loops for each CPU level and launchers.
#pragma once

#include "core/isa.h"
#include "tiles/tiles.h"

namespace fastcolor {

struct BlendJob {
  TileStack tiles;
  ImageView image;
  TileGrid grid;
  int64_t scale;
  bool feather;
};

// Rows [first, last) of all tiles, counted through the stack (tile * tile height + row).
FC_DECLARE_LEVELS(void split_rows(const ImageView& image, const TileStack& tiles,
                                  const TileGrid& grid, int64_t first, int64_t last))
// Rows [first, last) of the image; columns[x] = tile_place of column x.
FC_DECLARE_LEVELS(void blend_rows(const BlendJob& job, const TilePlace* columns, int64_t first,
                                  int64_t last))

namespace cuda {
void split_tiles(const ImageView& image, const TileStack& tiles, const TileGrid& grid,
                 const Place& place);
void blend_tiles(const BlendJob& job, const Place& place);
}  // namespace cuda
}  // namespace fastcolor
