// Table look-ups are scalar loads (gathers are microcode on many machines): the codes of the four
// tiles around a cell are packed into one entry, entries go to a buffer, and the blend is a loop
// that the compiler vectorises.
#include "clahe/clahe_impl.h"
#include "core/rows.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

// `count` samples of row y from x: in place where they are dense, else copied to `buffer`.
template <typename T>
inline const T* samples(const ImageView& view, int64_t x, int64_t y, int64_t count, T* buffer) {
  const char* start = view.at(x, y);
  if (view.contiguous_rows()) return reinterpret_cast<const T*>(start);
  for (int64_t i = 0; i < count; ++i) {
    buffer[i] = *reinterpret_cast<const T*>(start + i * view.pixel_stride);
  }
  return buffer;
}

// Four histograms for u8, so that equal neighbours do not wait for each other; one for u16.
template <typename T, int kCopies>
void tile(const ClaheItem& item, int64_t index, int32_t* counts, T* codes) {
  const ClaheGeometry& g = item.geometry;
  const ImageView& luma = item.luma;
  memset(counts, 0, sizeof(int32_t) * static_cast<size_t>(g.bins) * kCopies);
  const int64_t x0 = index % g.columns * g.tile_width;
  const int64_t y0 = index / g.columns * g.tile_height;
  const int64_t x1 = x0 + g.tile_width;
  const int64_t inside = x1 < luma.width ? x1 : luma.width;
  T buffer[kBlock];
  for (int64_t y = y0; y < y0 + g.tile_height; ++y) {
    const int64_t row = reflect_index(y, luma.height);
    for (int64_t x = x0; x < inside; x += kBlock) {
      const int64_t count = block_at(x, inside);
      const T* source = samples(luma, x, row, count, buffer);
      int64_t i = 0;
      for (; i + 4 <= count; i += 4) {
        for (int k = 0; k < 4; ++k) ++counts[source[i + k] * kCopies + k % kCopies];
      }
      for (; i < count; ++i) ++counts[source[i] * kCopies];
    }
    for (int64_t x = x0 > luma.width ? x0 : luma.width; x < x1; ++x) {
      ++counts[*reinterpret_cast<const T*>(luma.at(reflect_index(x, luma.width), row)) * kCopies];
    }
  }
  int32_t clipped = 0;
  for (int32_t i = 0; i < g.bins; ++i) {
    int32_t sum = 0;
    for (int k = 0; k < kCopies; ++k) sum += counts[i * kCopies + k];
    clipped += max_of(sum - g.clip, 0);
    counts[i] = min_of(sum, g.clip);
  }
  const int32_t batch = clipped / g.bins;
  int32_t residual = clipped - batch * g.bins;
  const int32_t step = residual > 0 ? max_of(g.bins / residual, 1) : 1;
  for (int32_t i = 0; i < g.bins && residual > 0; i += step, --residual) ++counts[i];
  int32_t sum = 0;
  for (int32_t i = 0; i < g.bins; ++i) {
    sum += counts[i] + batch;
    counts[i] = sum;
  }
  for (int32_t i = 0; i < g.bins; ++i) codes[i] = static_cast<T>(clahe_code(counts[i], g.scale));
}

template <typename T, typename Entry>
void cell(const ClaheItem& item, const T* codes, int64_t x0, int64_t x1, int64_t y0, int64_t y1,
          Entry* __restrict__ table) {
  constexpr int kBits = 8 * sizeof(T);
  const ClaheGeometry& g = item.geometry;
  const ClaheSpan across = clahe_span(x0, g.per_width, g.columns);
  const ClaheSpan down = clahe_span(y0, g.per_height, g.rows);
  const auto tile_codes = [&](int32_t column, int32_t row) {
    return codes + (static_cast<int64_t>(row) * g.columns + column) * g.bins;
  };
  const T* a = tile_codes(across.first, down.first);
  const T* b = tile_codes(across.second, down.first);
  const T* c = tile_codes(across.first, down.second);
  const T* d = tile_codes(across.second, down.second);
  for (int32_t i = 0; i < g.bins; ++i) {
    table[i] = static_cast<Entry>(a[i]) | static_cast<Entry>(b[i]) << kBits |
               static_cast<Entry>(c[i]) << (2 * kBits) | static_cast<Entry>(d[i]) << (3 * kBits);
  }
  T buffer[kBlock];
  alignas(64) T result[kBlock];
  alignas(64) Entry entries[kBlock];
  alignas(64) float weights[kBlock];
  for (int64_t x = x0; x < x1; x += kBlock) {
    const int64_t count = block_at(x, x1);
    for (int64_t i = 0; i < count; ++i) {
      weights[i] = clahe_span(x + i, g.per_width, g.columns).weight;
    }
    for (int64_t y = y0; y < y1; ++y) {
      const float wy = clahe_span(y, g.per_height, g.rows).weight;
      const T* source = samples(item.luma, x, y, count, buffer);
      for (int64_t i = 0; i < count; ++i) entries[i] = table[source[i]];
      const bool dense = item.out.contiguous_rows();
      T* __restrict__ target = dense ? reinterpret_cast<T*>(item.out.at(x, y)) : result;
      for (int64_t i = 0; i < count; ++i) {
        const Entry e = entries[i];
        const auto code = [&](int k) {
          return static_cast<float>(static_cast<int32_t>(static_cast<T>(e >> (k * kBits))));
        };
        target[i] = static_cast<T>(clahe_blend(code(0), code(1), code(2), code(3), weights[i], wy));
      }
      if (dense) continue;
      for (int64_t i = 0; i < count; ++i) {
        *reinterpret_cast<T*>(item.out.at(x + i, y)) = result[i];
      }
    }
  }
}

}  // namespace

void clahe_tile(const ClaheItem& item, int64_t index, int32_t* counts, void* codes) {
  if (item.luma.type == DType::u8) {
    return tile<uint8_t, 4>(item, index, counts, static_cast<uint8_t*>(codes));
  }
  tile<uint16_t, 1>(item, index, counts, static_cast<uint16_t*>(codes));
}

void clahe_cell(const ClaheItem& item, const void* codes, int64_t x0, int64_t x1, int64_t y0,
                int64_t y1, void* table) {
  if (item.luma.type == DType::u8) {
    return cell(item, static_cast<const uint8_t*>(codes), x0, x1, y0, y1,
                static_cast<uint32_t*>(table));
  }
  cell(item, static_cast<const uint16_t*>(codes), x0, x1, y0, y1, static_cast<uint64_t*>(table));
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
