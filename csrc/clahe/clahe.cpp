#include "clahe/clahe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clahe/clahe_impl.h"
#include "core/device.h"
#include "core/parallel.h"

namespace fastcolor {
namespace {

constexpr int64_t kMostCodes = int64_t{1} << 31;

// OpenCV reflects as soon as one side does not divide, and then adds a whole `tiles` to a side
// that does.
ClaheGeometry clahe_geometry(const ImageView& luma, double clip_limit, int64_t columns,
                             int64_t rows) {
  ClaheGeometry g{};
  g.bins = luma.type == DType::u8 ? 256 : 65536;
  FC_CHECK(columns <= kMostCodes && rows <= kMostCodes && columns * rows <= kMostCodes / g.bins,
           "grid has ", columns, " x ", rows, " tiles, too many");
  int64_t width = luma.width;
  int64_t height = luma.height;
  if (width % columns != 0 || height % rows != 0) {
    width += columns - width % columns;
    height += rows - height % rows;
  }
  g.columns = static_cast<int32_t>(columns);
  g.rows = static_cast<int32_t>(rows);
  g.tile_width = static_cast<int32_t>(width / columns);
  g.tile_height = static_cast<int32_t>(height / rows);
  const int64_t area = int64_t{g.tile_width} * g.tile_height;
  FC_CHECK(area <= std::numeric_limits<int32_t>::max(), "luma has tiles of ", area,
           " pixels, too many; use a finer grid");
  const double clip = clip_limit * static_cast<double>(area) / g.bins;
  g.clip = std::max(static_cast<int32_t>(std::min(clip, static_cast<double>(area))), 1);
  g.scale = static_cast<float>(g.bins - 1) / static_cast<float>(area);
  g.per_width = 1.0f / static_cast<float>(g.tile_width);
  g.per_height = 1.0f / static_cast<float>(g.tile_height);
  return g;
}

// Where the cells between tile centres begin along one side, and the end.
std::vector<int64_t> cell_starts(int64_t size, float per_side, int32_t tiles) {
  std::vector<int64_t> starts{0};
  ClaheSpan before = clahe_span(0, per_side, tiles);
  for (int64_t x = 1; x < size; ++x) {
    const ClaheSpan span = clahe_span(x, per_side, tiles);
    if (span.first != before.first || span.second != before.second) starts.push_back(x);
    before = span;
  }
  starts.push_back(size);
  return starts;
}

}  // namespace

namespace cpu {

void clahe(const std::vector<ClaheItem>& items, const Place&) {
  for (const ClaheItem& item : items) {
    const ClaheGeometry& g = item.geometry;
    const int64_t tiles = int64_t{g.columns} * g.rows;
    const int64_t code_bytes = dtype_size(item.luma.type);
    std::vector<char> codes(static_cast<size_t>(tiles * g.bins * code_bytes));
    parallel_rows(tiles, 1, [&](int64_t first, int64_t last) {
      std::vector<int32_t> counts(static_cast<size_t>(std::max(g.bins, 1024)));
      for (int64_t i = first; i < last; ++i) {
        FC_CALL_LEVEL(, clahe_tile, item, i, counts.data(), codes.data() + i * g.bins * code_bytes);
      }
    });
    const auto xs = cell_starts(item.luma.width, g.per_width, g.columns);
    const auto ys = cell_starts(item.luma.height, g.per_height, g.rows);
    const int64_t across = static_cast<int64_t>(xs.size()) - 1;
    const int64_t cells = across * (static_cast<int64_t>(ys.size()) - 1);
    parallel_rows(cells, 1, [&](int64_t first, int64_t last) {
      std::vector<uint64_t> table(static_cast<size_t>(g.bins));
      for (int64_t i = first; i < last; ++i) {
        const size_t x = static_cast<size_t>(i % across);
        const size_t y = static_cast<size_t>(i / across);
        FC_CALL_LEVEL(, clahe_cell, item, codes.data(), xs[x], xs[x + 1], ys[y], ys[y + 1],
                      table.data());
      }
    });
  }
}

}  // namespace cpu

void clahe(const std::vector<ImageView>& luma, const std::vector<ImageView>& out, double clip_limit,
           int64_t columns, int64_t rows, const Place& place) {
  FC_CHECK(std::isfinite(clip_limit) && clip_limit > 0, "clip_limit must be above 0, got ",
           clip_limit);
  FC_CHECK(columns > 0 && rows > 0, "grid must hold two numbers above 0, got ", columns, ", ",
           rows);
  std::vector<ClaheItem> items;
  for (size_t i = 0; i < luma.size(); ++i) {
    FC_CHECK(luma[i].channels == 1, "luma must have 1 channel, got ", luma[i].channels);
    FC_CHECK_TYPE(luma[i].type == DType::u8 || luma[i].type == DType::u16,
                  "luma must be uint8 or uint16, got ", dtype_name(luma[i].type));
    FC_CHECK_TYPE(out[i].type == luma[i].type, "out must be ", dtype_name(luma[i].type), ", got ",
                  dtype_name(out[i].type));
    FC_CHECK(
        out[i].width == luma[i].width && out[i].height == luma[i].height && out[i].channels == 1,
        "out must be as large as luma");
    items.push_back({luma[i], out[i], clahe_geometry(luma[i], clip_limit, columns, rows)});
  }
  FC_DISPATCH(place, clahe(items, place));
}

}  // namespace fastcolor
