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

// Codes of all tiles, one after another.
std::unique_ptr<char[]> tile_codes(const ClaheItem& item) {
  const ClaheGeometry& g = item.geometry;
  const int64_t tiles = int64_t{g.columns} * g.rows;
  const int64_t bytes = g.bins * dtype_size(item.luma.type);
  auto codes = scratch<char>(tiles * bytes);
  const int64_t bands = bands_for(tiles, g.tile_height);
  if (bands == 1) {
    parallel_rows(tiles, 1, [&](int64_t first, int64_t last) {
      const auto counts = scratch<int32_t>(g.bins);
      for (int64_t i = first; i < last; ++i) {
        std::fill_n(counts.get(), g.bins, 0);
        FC_CALL_LEVEL(, clahe_count, item, i, 0, g.tile_height, counts.get());
        FC_CALL_LEVEL(, clahe_codes, item, counts.get(), codes.get() + i * bytes);
      }
    });
    return codes;
  }
  const auto counts = scratch<int32_t>(tiles * bands * g.bins);
  parallel_rows(tiles * bands, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t band = i % bands;
      int32_t* part = counts.get() + i * g.bins;
      std::fill_n(part, g.bins, 0);
      FC_CALL_LEVEL(, clahe_count, item, i / bands, band * g.tile_height / bands,
                    (band + 1) * g.tile_height / bands, part);
    }
  });
  parallel_rows(tiles, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      int32_t* sum = counts.get() + i * bands * g.bins;
      for (int64_t band = 1; band < bands; ++band) {
        for (int32_t k = 0; k < g.bins; ++k) sum[k] += sum[band * g.bins + k];
      }
      FC_CALL_LEVEL(, clahe_codes, item, sum, codes.get() + i * bytes);
    }
  });
  return codes;
}

void clahe(const std::vector<ClaheItem>& items, const Place&) {
  for (const ClaheItem& item : items) {
    const ClaheGeometry& g = item.geometry;
    const auto codes = tile_codes(item);
    const auto xs = cell_starts(item.luma.width, g.per_width, g.columns);
    const auto ys = cell_starts(item.luma.height, g.per_height, g.rows);
    std::vector<float> weights(static_cast<size_t>(item.luma.width));
    for (size_t x = 0; x < weights.size(); ++x) {
      weights[x] = clahe_span(static_cast<int64_t>(x), g.per_width, g.columns).weight;
    }
    const int64_t group = g.bins == 256 ? 16 : 1;  // cells; their tables fit the L1 cache for u8
    const int64_t across = static_cast<int64_t>(xs.size()) - 1;
    const int64_t groups = (across + group - 1) / group;
    const int64_t pieces = groups * (static_cast<int64_t>(ys.size()) - 1);
    const int64_t bands = bands_for(pieces, g.tile_height);
    parallel_rows(pieces * bands, 1, [&](int64_t first, int64_t last) {
      const auto tables = scratch<uint64_t>(group * g.bins);
      for (int64_t i = first; i < last; ++i) {
        const int64_t x = i / bands % groups * group;
        const size_t y = static_cast<size_t>(i / bands / groups);
        const int64_t height = ys[y + 1] - ys[y];
        const int64_t y0 = ys[y] + i % bands * height / bands;
        const int64_t y1 = ys[y] + (i % bands + 1) * height / bands;
        if (y0 == y1) continue;
        FC_CALL_LEVEL(, clahe_cells, item, codes.get(), weights.data(), xs.data() + x,
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
