#include "clahe/clahe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "clahe/clahe_impl.h"
#include "core/device.h"
#include "core/parallel.h"

namespace fastcolor {
namespace {

constexpr int64_t kLeastBand = 64;  // rows; thinner bands repeat too much of what one sets up
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

// Scratch is left uninitialised: clearing megabytes that are written anyway takes time.
template <typename T>
std::unique_ptr<T[]> scratch(int64_t count) {
  return std::unique_ptr<T[]>(new T[static_cast<size_t>(count)]);
}

// Into how many bands to cut each of `pieces` so that all threads have work.
int64_t bands_for(int64_t pieces, int64_t rows) {
  const int64_t threads = thread_count();
  if (threads == 1 || pieces >= 4 * threads) return 1;
  return std::clamp<int64_t>(4 * threads / pieces, 1, std::max<int64_t>(rows / kLeastBand, 1));
}

// The picture cut between tile centres, and the range of each cell, row by row.
struct Cells {
  std::vector<int64_t> xs, ys;  // where they begin, and the end
  std::vector<ClaheRange> ranges;

  int64_t columns() const { return static_cast<int64_t>(xs.size()) - 1; }
  int64_t rows() const { return static_cast<int64_t>(ys.size()) - 1; }
};

Cells cells_of(const ClaheItem& item) {
  const ClaheGeometry& g = item.geometry;
  Cells cells{cell_starts(item.luma.width, g.per_width, g.columns),
              cell_starts(item.luma.height, g.per_height, g.rows),
              {}};
  cells.ranges.resize(static_cast<size_t>(cells.columns() * cells.rows()));
  parallel_rows(cells.columns() * cells.rows(), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t* x = &cells.xs[static_cast<size_t>(i % cells.columns())];
      const int64_t* y = &cells.ys[static_cast<size_t>(i / cells.columns())];
      FC_CALL_LEVEL(, clahe_range, item.luma, x[0], x[1], y[0], y[1],
                    cells.ranges[static_cast<size_t>(i)]);
    }
  });
  return cells;
}

ClaheRange both(const ClaheRange& a, const ClaheRange& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

// Bins of which somebody asks for codes of the tiles: those of the cells around each, and of what
// is reflected into it.
std::vector<ClaheRange> tile_ranges(const ClaheItem& item, const Cells& cells) {
  const ClaheGeometry& g = item.geometry;
  const ImageView& luma = item.luma;
  std::vector<ClaheRange> ranges(static_cast<size_t>(g.columns) * static_cast<size_t>(g.rows),
                                 {g.bins - 1, 0});
  const auto add = [&](int64_t column, int64_t row, const ClaheRange& range) {
    ClaheRange& tile = ranges[static_cast<size_t>(row * g.columns + column)];
    tile = both(tile, range);
  };
  for (int64_t y = 0; y < cells.rows(); ++y) {
    const ClaheSpan down = clahe_span(cells.ys[static_cast<size_t>(y)], g.per_height, g.rows);
    for (int64_t x = 0; x < cells.columns(); ++x) {
      const ClaheSpan across = clahe_span(cells.xs[static_cast<size_t>(x)], g.per_width, g.columns);
      const ClaheRange& range = cells.ranges[static_cast<size_t>(y * cells.columns() + x)];
      for (const int32_t row : {down.first, down.second}) {
        for (const int32_t column : {across.first, across.second}) add(column, row, range);
      }
    }
  }
  // Pixel i beyond the end mirrors one at 2 (size - 1) - i or further on.
  const auto mirrored = [](int64_t start, int64_t end, int64_t size) {
    return std::clamp<int64_t>(std::min(start, 2 * size - 1 - end), 0, size - 1);
  };
  for (int64_t row = 0; row < g.rows; ++row) {
    for (int64_t column = 0; column < g.columns; ++column) {
      const int64_t x0 = column * g.tile_width;
      const int64_t y0 = row * g.tile_height;
      const int64_t x1 = x0 + g.tile_width;
      const int64_t y1 = y0 + g.tile_height;
      if (x1 <= luma.width && y1 <= luma.height) continue;
      ClaheRange range;
      FC_CALL_LEVEL(, clahe_range, luma, mirrored(x0, x1, luma.width), std::min(x1, luma.width),
                    mirrored(y0, y1, luma.height), std::min(y1, luma.height), range);
      add(column, row, range);
    }
  }
  return ranges;
}

// Codes of all tiles, one after another; only those of bins in its range for each.
std::unique_ptr<char[]> tile_codes(const ClaheItem& item, const std::vector<ClaheRange>& ranges) {
  const ClaheGeometry& g = item.geometry;
  const int64_t tiles = int64_t{g.columns} * g.rows;
  const int64_t bytes = g.bins * dtype_size(item.luma.type);
  auto codes = scratch<char>(tiles * bytes);
  const auto range_of = [&](int64_t tile) { return ranges[static_cast<size_t>(tile)]; };
  const auto clear = [](const ClaheRange& range, int32_t* counts) {
    std::fill(counts + range.low, counts + range.high + 1, 0);
  };
  const int64_t bands = bands_for(tiles, g.tile_height);
  if (bands == 1) {
    parallel_rows(tiles, 1, [&](int64_t first, int64_t last) {
      const auto counts = scratch<int32_t>(g.bins);
      for (int64_t i = first; i < last; ++i) {
        clear(range_of(i), counts.get());
        FC_CALL_LEVEL(, clahe_count, item, i, 0, g.tile_height, counts.get());
        FC_CALL_LEVEL(, clahe_codes, item, range_of(i), counts.get(), codes.get() + i * bytes);
      }
    });
    return codes;
  }
  const auto counts = scratch<int32_t>(tiles * bands * g.bins);
  parallel_rows(tiles * bands, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t band = i % bands;
      int32_t* part = counts.get() + i * g.bins;
      clear(range_of(i / bands), part);
      FC_CALL_LEVEL(, clahe_count, item, i / bands, band * g.tile_height / bands,
                    (band + 1) * g.tile_height / bands, part);
    }
  });
  parallel_rows(tiles, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const ClaheRange range = range_of(i);
      int32_t* sum = counts.get() + i * bands * g.bins;
      for (int64_t band = 1; band < bands; ++band) {
        for (int32_t k = range.low; k <= range.high; ++k) sum[k] += sum[band * g.bins + k];
      }
      FC_CALL_LEVEL(, clahe_codes, item, range, sum, codes.get() + i * bytes);
    }
  });
  return codes;
}

void clahe(const std::vector<ClaheItem>& items, const Place&) {
  for (const ClaheItem& item : items) {
    const ClaheGeometry& g = item.geometry;
    const Cells cells = cells_of(item);
    const auto codes = tile_codes(item, tile_ranges(item, cells));
    std::vector<float> weights(static_cast<size_t>(item.luma.width));
    for (size_t x = 0; x < weights.size(); ++x) {
      weights[x] = clahe_span(static_cast<int64_t>(x), g.per_width, g.columns).weight;
    }
    const int64_t group = g.bins == 256 ? 16 : 1;  // cells; their tables fit the L1 cache for u8
    const int64_t across = cells.columns();
    const int64_t groups = (across + group - 1) / group;
    const int64_t pieces = groups * cells.rows();
    const int64_t bands = bands_for(pieces, g.tile_height);
    parallel_rows(pieces * bands, 1, [&](int64_t first, int64_t last) {
      const auto tables = scratch<uint64_t>(group * g.bins);
      for (int64_t i = first; i < last; ++i) {
        const int64_t x = i / bands % groups * group;
        const size_t y = static_cast<size_t>(i / bands / groups);
        const int64_t* const start = &cells.ys[y];
        const int64_t height = start[1] - start[0];
        const int64_t y0 = start[0] + i % bands * height / bands;
        const int64_t y1 = start[0] + (i % bands + 1) * height / bands;
        if (y0 == y1) continue;
        const ClaheRange* ranges = &cells.ranges[y * static_cast<size_t>(across)] + x;
        FC_CALL_LEVEL(, clahe_cells, item, ranges, codes.get(), weights.data(), cells.xs.data() + x,
                      std::min(group, across - x), y0, y1, tables.get());
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
