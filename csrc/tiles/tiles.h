// Pictures to overlapping tiles and back. Geometry: tiles_math.h.
#pragma once

#include "core/image.h"
#include "tiles/tiles_math.h"

namespace fastcolor {

struct TileGrid {
  TileAxis x, y;
};
// Throws std::invalid_argument for sizes that make no grid.
TileGrid tile_grid(int64_t width, int64_t height, int64_t tile_width, int64_t tile_height,
                   int64_t overlap);

// Tiles of one size and layout, row after row of the grid: tile i lies i * stride bytes after the
// first.
struct TileStack {
  ImageView first;
  int64_t stride;
  int64_t count;
};

// u8, u16 or f32, any number of channels.
void split_tiles(const ImageView& image, const TileStack& tiles, const TileGrid& grid,
                 const Place& place);

// tiles are `scale` times as large as the grid's, and so is the image. Without feather the overlap
// is cropped, half of it on each side; with it neighbours are mixed over the overlap.
void blend_tiles(const TileStack& tiles, const ImageView& image, const TileGrid& grid,
                 int64_t scale, bool feather, const Place& place);

}  // namespace fastcolor
