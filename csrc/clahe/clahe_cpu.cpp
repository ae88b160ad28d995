// Table look-ups are scalar loads (gathers are microcode on many machines): the codes of the four
// tiles around a cell are packed into one entry, entries go to a buffer, and the blend is a loop
// that the compiler vectorises.
#include "clahe/clahe_impl.h"
#include "core/rows.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace fastcolor {
namespace FC_LEVEL {
namespace {

// Four samples packed.
template <typename T>
struct Entry;
template <>
struct Entry<uint8_t> {
  using Type = uint32_t;
};
template <>
struct Entry<uint16_t> {
  using Type = uint64_t;
};

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

template <typename T, typename Counter>
void count(const ClaheItem& item, int64_t index, int64_t first, int64_t last, int32_t* counts) {
  const ClaheGeometry g = item.geometry;
  const ImageView luma = item.luma;
  const int64_t x0 = index % g.columns * g.tile_width;
  const int64_t y0 = index / g.columns * g.tile_height;
  const int64_t x1 = x0 + g.tile_width;
  const int64_t inside = x1 < luma.width ? x1 : luma.width;
  Counter counter(counts);
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

// counts[i] becomes the sum of counts[0] to counts[i]; bins is a multiple of 16.
// The masked forms throughout: the header of the others warns in GCC 12.
#if defined(__AVX512F__)
void cumulate(int32_t* __restrict__ counts, int32_t bins) {
  const __m512i last = _mm512_set1_epi32(15);
  __m512i before = _mm512_setzero_si512();
  for (int32_t i = 0; i < bins; i += 16) {
    __m512i sum = _mm512_loadu_si512(counts + i);
    sum = _mm512_add_epi32(sum, _mm512_maskz_alignr_epi32(0xfffe, sum, sum, 15));
    sum = _mm512_add_epi32(sum, _mm512_maskz_alignr_epi32(0xfffc, sum, sum, 14));
    sum = _mm512_add_epi32(sum, _mm512_maskz_alignr_epi32(0xfff0, sum, sum, 12));
    sum = _mm512_add_epi32(sum, _mm512_maskz_alignr_epi32(0xff00, sum, sum, 8));
    sum = _mm512_add_epi32(sum, before);
    _mm512_storeu_si512(counts + i, sum);
    before = _mm512_maskz_permutexvar_epi32(0xffff, last, sum);
  }
}
#else
void cumulate(int32_t* __restrict__ counts, int32_t bins) {
  int32_t sum = 0;
  for (int32_t i = 0; i < bins; ++i) counts[i] = sum += counts[i];
}
#endif

// Clips, redistributes and cumulates. The bins that hold no pixel and lie beyond the first or last
// that does cost as much as others: a neighbour may need their codes.
template <typename T>
void codes_of(const ClaheGeometry& g, int32_t* __restrict__ counts, T* __restrict__ codes) {
  const int32_t bins = g.bins;
  const int32_t clip = g.clip;
  const float scale = g.scale;
  int32_t clipped = 0;
  for (int32_t i = 0; i < bins; ++i) clipped += max_of(counts[i] - clip, 0);
  const int32_t batch = clipped / bins;
  int32_t residual = clipped - batch * bins;
  const int32_t step = residual > 0 ? max_of(bins / residual, 1) : 1;
  for (int32_t i = 0; i < bins; ++i) counts[i] = min_of(counts[i], clip) + batch;
  for (int32_t i = 0; i < bins && residual > 0; i += step, --residual) ++counts[i];
  cumulate(counts, bins);
  for (int32_t i = 0; i < bins; ++i) codes[i] = static_cast<T>(clahe_code(counts[i], scale));
}

// The first and last code of [x0, x1) x [y0, y1).
template <typename T>
void range_of(const ImageView& luma, int64_t x0, int64_t x1, int64_t y0, int64_t y1, int32_t& low,
              int32_t& high) {
  T buffer[kBlock];
  T least = static_cast<T>(-1);
  T most = 0;
  for (int64_t y = y0; y < y1; ++y) {
    for (int64_t x = x0; x < x1; x += kBlock) {
      const int64_t here = block_at(x, x1);
      const T* source = samples(luma, x, y, here, buffer);
      for (int64_t i = 0; i < here; ++i) {
        least = source[i] < least ? source[i] : least;
        most = source[i] > most ? source[i] : most;
      }
    }
  }
  low = least;
  high = most;
}

// Scalar on purpose: two table loads a cycle, where a vector gather takes several for each element.
template <typename T, typename E>
__attribute__((noinline, optimize("no-tree-vectorize"))) void look_up(const T* source,
                                                                      int64_t count, const E* table,
                                                                      E* __restrict__ entries) {
  constexpr int kPerWord = 8 / sizeof(T);
  int64_t i = 0;
  for (; i + kPerWord <= count; i += kPerWord) {
    uint64_t word;
    memcpy(&word, source + i, sizeof word);
#pragma GCC unroll 8
    for (int k = 0; k < kPerWord; ++k) {
      entries[i + k] = table[static_cast<T>(word >> (8 * sizeof(T) * static_cast<size_t>(k)))];
    }
  }
  for (; i < count; ++i) entries[i] = table[source[i]];
}

inline float to_float(uint32_t value) { return static_cast<float>(static_cast<int32_t>(value)); }

void blend(const uint32_t* __restrict__ e, const float* __restrict__ weights, float down,
           int64_t count, uint8_t* __restrict__ target) {
  for (int64_t i = 0; i < count; ++i) {
    target[i] = static_cast<uint8_t>(
        clahe_blend(to_float(e[i] & 0xffu), to_float((e[i] >> 8) & 0xffu),
                    to_float((e[i] >> 16) & 0xffu), to_float(e[i] >> 24), weights[i], down));
  }
}

using Words __attribute__((may_alias)) = uint32_t;  // an entry of u16 is two: above, below

void blend(const uint64_t* __restrict__ entries, const float* __restrict__ weights, float down,
           int64_t count, uint16_t* __restrict__ target) {
  const Words* __restrict__ e = reinterpret_cast<const Words*>(entries);
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t above = e[2 * i];
    const uint32_t below = e[2 * i + 1];
    target[i] = static_cast<uint16_t>(clahe_blend(to_float(above & 0xffffu), to_float(above >> 16),
                                                  to_float(below & 0xffffu), to_float(below >> 16),
                                                  weights[i], down));
  }
}

// Entries low to high of a table, from the codes of the four tiles around a cell.
void pack(const uint8_t* __restrict__ a, const uint8_t* __restrict__ b,
          const uint8_t* __restrict__ c, const uint8_t* __restrict__ d, int32_t low, int32_t high,
          uint32_t* __restrict__ table) {
  for (int32_t i = low; i <= high; ++i) {
    table[i] = a[i] | static_cast<uint32_t>(b[i]) << 8 | static_cast<uint32_t>(c[i]) << 16 |
               static_cast<uint32_t>(d[i]) << 24;
  }
}

void pack(const uint16_t* __restrict__ a, const uint16_t* __restrict__ b,
          const uint16_t* __restrict__ c, const uint16_t* __restrict__ d, int32_t low, int32_t high,
          uint64_t* __restrict__ table) {
  Words* __restrict__ words = reinterpret_cast<Words*>(table);
  for (int32_t i = low; i <= high; ++i) {
    words[2 * i] = a[i] | static_cast<uint32_t>(b[i]) << 16;
    words[2 * i + 1] = c[i] | static_cast<uint32_t>(d[i]) << 16;
  }
}

// Small tables: several cells side by side row by row, so that memory is read in long runs. Large
// ones come one cell at a time, and only with the entries that occur.
template <typename T>
void cells(const ClaheItem& item, const T* codes, const float* weights, const int64_t* xs,
           int64_t count, int64_t y0, int64_t y1, typename Entry<T>::Type* tables) {
  using E = typename Entry<T>::Type;
  constexpr int64_t kSpan = 512;
  const ClaheGeometry g = item.geometry;
  const ClaheSpan down = clahe_span(y0, g.per_height, g.rows);
  const auto tile_codes = [&](int32_t column, int32_t row) {
    return codes + (static_cast<int64_t>(row) * g.columns + column) * g.bins;
  };
  for (int64_t k = 0; k < count; ++k) {
    int32_t low = 0;
    int32_t high = 255;
    if (sizeof(T) == 2) range_of<T>(item.luma, xs[k], xs[k + 1], y0, y1, low, high);
    const ClaheSpan across = clahe_span(xs[k], g.per_width, g.columns);
    pack(tile_codes(across.first, down.first), tile_codes(across.second, down.first),
         tile_codes(across.first, down.second), tile_codes(across.second, down.second), low, high,
         tables + k * g.bins);
  }
  const bool dense = item.out.contiguous_rows();
  T buffer[kSpan];
  alignas(64) T result[kSpan];
  alignas(64) E entries[kSpan];
  for (int64_t y = y0; y < y1; ++y) {
    const float weight = clahe_span(y, g.per_height, g.rows).weight;
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t x = xs[k]; x < xs[k + 1]; x += kSpan) {
        const int64_t here = xs[k + 1] - x < kSpan ? xs[k + 1] - x : kSpan;
        look_up(samples(item.luma, x, y, here, buffer), here, tables + k * g.bins, entries);
        blend(entries, weights + x, weight, here,
              dense ? reinterpret_cast<T*>(item.out.at(x, y)) : result);
        if (dense) continue;
        for (int64_t i = 0; i < here; ++i) {
          *reinterpret_cast<T*>(item.out.at(x + i, y)) = result[i];
        }
      }
    }
  }
}

}  // namespace

void clahe_count(const ClaheItem& item, int64_t index, int64_t first, int64_t last,
                 int32_t* counts) {
  if (item.luma.type == DType::u8) {
    count<uint8_t, Counter8>(item, index, first, last, counts);
  } else {
    count<uint16_t, Counter16>(item, index, first, last, counts);
  }
}

void clahe_codes(const ClaheItem& item, int32_t* counts, void* codes) {
  if (item.luma.type == DType::u8) {
    codes_of(item.geometry, counts, static_cast<uint8_t*>(codes));
  } else {
    codes_of(item.geometry, counts, static_cast<uint16_t*>(codes));
  }
}

void clahe_cells(const ClaheItem& item, const void* codes, const float* weights, const int64_t* xs,
                 int64_t count, int64_t y0, int64_t y1, void* tables) {
  if (item.luma.type == DType::u8) {
    cells(item, static_cast<const uint8_t*>(codes), weights, xs, count, y0, y1,
          static_cast<uint32_t*>(tables));
  } else {
    cells(item, static_cast<const uint16_t*>(codes), weights, xs, count, y0, y1,
          static_cast<uint64_t*>(tables));
  }
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
