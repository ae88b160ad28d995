#include "bind/register.h"
#include "tiles/tiles.h"

namespace fastcolor {
namespace {

// (N, h, w) or (N, channels, h, w).
TileStack tile_stack(const ArrayRef& array, const std::string& name) {
  FC_CHECK(array.shape.size() == 3 || array.shape.size() == 4, name,
           " must have 3 or 4 dimensions, got ", array.shape.size());
  ArrayRef tile = array;
  tile.shape.erase(tile.shape.begin());
  tile.strides.erase(tile.strides.begin());
  return {image_view(tile, Layout::planar, name), array.strides[0], array.shape[0]};
}

}  // namespace

void register_tiles(py::module_& m) {
  m.def(
      "tile_counts",
      [](int64_t width, int64_t height, int64_t tile_width, int64_t tile_height, int64_t overlap) {
        const TileGrid grid = tile_grid(width, height, tile_width, tile_height, overlap);
        return py::make_tuple(grid.x.count, grid.y.count);
      },
      py::arg("width"), py::arg("height"), py::arg("tile_width"), py::arg("tile_height"),
      py::arg("overlap"));
  m.def(
      "split_tiles",
      [](py::handle image, py::handle out, int64_t tile_width, int64_t tile_height, int64_t overlap,
         std::uintptr_t stream) {
        Call call(stream);
        const auto source = image_view(call.input(image, "image"), Layout::planar, "image");
        const auto tiles = tile_stack(call.output(out, "out"), "out");
        const TileGrid grid =
            tile_grid(source.width, source.height, tile_width, tile_height, overlap);
        const py::gil_scoped_release unlocked;
        split_tiles(source, tiles, grid, call.place());
      },
      py::arg("image"), py::arg("out"), py::arg("tile_width"), py::arg("tile_height"),
      py::arg("overlap"), py::arg("stream"));
  m.def(
      "blend_tiles",
      [](py::handle tiles, py::handle out, int64_t width, int64_t height, int64_t tile_width,
         int64_t tile_height, int64_t overlap, int64_t scale, bool feather, std::uintptr_t stream) {
        Call call(stream);
        const auto stack = tile_stack(call.input(tiles, "tiles"), "tiles");
        const auto image = image_view(call.output(out, "out"), Layout::planar, "out");
        const TileGrid grid = tile_grid(width, height, tile_width, tile_height, overlap);
        const py::gil_scoped_release unlocked;
        blend_tiles(stack, image, grid, scale, feather, call.place());
      },
      py::arg("tiles"), py::arg("out"), py::arg("width"), py::arg("height"), py::arg("tile_width"),
      py::arg("tile_height"), py::arg("overlap"), py::arg("scale"), py::arg("feather"),
      py::arg("stream"));
}

}  // namespace fastcolor
