// Counting the pixels of a tile, for the per-level loops.
#pragma once

#include "clahe/clahe_impl.h"
#include "core/rows.h"

namespace fastcolor {
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

// Adds to 256 bins through eight tables, so that equal neighbours do not wait for each other.
class Counter8 {
 public:
  explicit Counter8(int32_t* counts) : counts_(counts) { memset(tables_, 0, sizeof tables_); }
  ~Counter8() {
    for (const auto& table : tables_) {
      for (int i = 0; i < 256; ++i) counts_[i] += table[i];
    }
  }
  void one(uint8_t value) { ++tables_[0][value]; }
  void many(const uint8_t* source, int64_t count) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
      uint64_t word;  // one load for eight samples
      memcpy(&word, source + i, sizeof word);
      for (int k = 0; k < 8; ++k) ++tables_[k][(word >> (8 * k)) & 0xff];
    }
    for (; i < count; ++i) ++tables_[i % 8][source[i]];
  }

 private:
  int32_t* counts_;
  int32_t tables_[8][256];
};

class Counter16 {
 public:
  explicit Counter16(int32_t* counts) : counts_(counts) {}
  void one(uint16_t value) { ++counts_[value]; }
  void many(const uint16_t* source, int64_t count) {
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
      uint64_t word;
      memcpy(&word, source + i, sizeof word);
      for (int k = 0; k < 4; ++k) ++counts_[(word >> (16 * k)) & 0xffff];
    }
    for (; i < count; ++i) ++counts_[source[i]];
  }

 private:
  int32_t* counts_;
};

// Counts the pixels of rows [first, last) of tile `index`, reflected beyond the border.
template <typename T, typename Counter>
void count_tile(const ClaheItem& item, int64_t index, int64_t first, int64_t last,
                Counter& counter) {
  const ClaheGeometry g = item.geometry;
  const ImageView luma = item.luma;
  const int64_t x0 = index % g.columns * g.tile_width;
  const int64_t y0 = index / g.columns * g.tile_height;
  const int64_t x1 = x0 + g.tile_width;
  const int64_t inside = x1 < luma.width ? x1 : luma.width;
  T buffer[kBlock];
  for (int64_t y = y0 + first; y < y0 + last; ++y) {
    const int64_t row = reflect_index(y, luma.height);
    if (luma.contiguous_rows()) {
      if (x0 < inside) counter.many(reinterpret_cast<const T*>(luma.at(x0, row)), inside - x0);
    } else {
      for (int64_t x = x0; x < inside; x += kBlock) {
        const int64_t here = block_at(x, inside);
        counter.many(samples(luma, x, row, here, buffer), here);
      }
    }
    for (int64_t x = x0 > luma.width ? x0 : luma.width; x < x1; ++x) {
      counter.one(*reinterpret_cast<const T*>(luma.at(reflect_index(x, luma.width), row)));
    }
  }
}

}  // namespace
}  // namespace fastcolor
