#include "tiles/tiles.h"

#include <vector>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "tiles/tiles_impl.h"

namespace fastcolor {
namespace cpu {

void split_tiles(const ImageView& image, const TileStack& tiles, const TileGrid& grid,
                 const Place&) {
  parallel_rows(tiles.count * grid.y.tile, 16, [&](int64_t first, int64_t last) {
    FC_CALL_LEVEL(, split_rows, image, tiles, grid, first, last);
  });
}

void blend_tiles(const BlendJob& job, const Place&) {
  std::vector<TilePlace> columns;
  for (int64_t x = 0; x < job.image.width; ++x) {
    columns.push_back(tile_place(job.grid.x, job.scale, job.feather, x));
  }
  parallel_rows(job.image.height, 16, [&](int64_t first, int64_t last) {
    FC_CALL_LEVEL(, blend_rows, job, columns.data(), first, last);
  });
}

}  // namespace cpu

namespace {

TileAxis axis_of(int64_t size, int64_t tile, int64_t overlap) {
  constexpr int64_t kMost = int64_t{1} << 24;
  FC_CHECK(size >= 1 && size <= kMost, "width and height must be from 1 to ", kMost, ", got ",
           size);
  FC_CHECK(tile >= 1 && tile <= kMost, "tile must be from 1 to ", kMost, ", got ", tile);
  FC_CHECK(overlap >= 0 && overlap <= tile / 2, "overlap must be from 0 to half a tile (", tile / 2,
           "), got ", overlap);
  const int64_t step = tile - overlap;
  return {size, tile, overlap, (size + step - 1) / step};
}

void check(const ImageView& image, const TileStack& tiles, const TileGrid& grid, int64_t scale,
           const char* image_name, const char* tiles_name) {
  FC_CHECK_TYPE(image.type == DType::u8 || image.type == DType::u16 || image.type == DType::f32,
                image_name, " must be uint8, uint16 or float32, got ", dtype_name(image.type));
  FC_CHECK_TYPE(tiles.first.type == image.type, tiles_name, " must be ", dtype_name(image.type),
                ", got ", dtype_name(tiles.first.type));
  FC_CHECK(scale >= 1 && scale <= 64, "scale must be from 1 to 64, got ", scale);
  FC_CHECK(image.width == grid.x.size * scale && image.height == grid.y.size * scale, image_name,
           " must be ", grid.x.size * scale, " wide and ", grid.y.size * scale, " high, got ",
           image.width, " and ", image.height);
  FC_CHECK(tiles.first.channels == image.channels, tiles_name, " must have ", image.channels,
           " channels, got ", tiles.first.channels);
  FC_CHECK(tiles.count == grid.x.count * grid.y.count && tiles.first.width == grid.x.tile * scale &&
               tiles.first.height == grid.y.tile * scale,
           tiles_name, " must be ", grid.x.count * grid.y.count, " tiles, ", grid.x.tile * scale,
           " wide and ", grid.y.tile * scale, " high");
}

}  // namespace

TileGrid tile_grid(int64_t width, int64_t height, int64_t tile_width, int64_t tile_height,
                   int64_t overlap) {
  return {axis_of(width, tile_width, overlap), axis_of(height, tile_height, overlap)};
}

void split_tiles(const ImageView& image, const TileStack& tiles, const TileGrid& grid,
                 const Place& place) {
  check(image, tiles, grid, 1, "image", "out");
  FC_DISPATCH(place, split_tiles(image, tiles, grid, place));
}

void blend_tiles(const TileStack& tiles, const ImageView& image, const TileGrid& grid,
                 int64_t scale, bool feather, const Place& place) {
  check(image, tiles, grid, scale, "out", "tiles");
  const BlendJob job{tiles, image, grid, scale, feather};
  FC_DISPATCH(place, blend_tiles(job, place));
}

}  // namespace fastcolor
