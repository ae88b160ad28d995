// Table look-ups are scalar loads (gathers are microcode on many machines): the codes of the four
// tiles around a cell are packed into one entry, entries go to a buffer, and the blend is a loop
// that the compiler vectorises.
#include "clahe/clahe_tiles.h"

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

// counts[i] becomes sum + counts[0] + ... + counts[i]; bins is a multiple of 16.
// The masked forms throughout: the header of the others warns in GCC 12.
#if defined(__AVX512F__)
void cumulate(int32_t* __restrict__ counts, int32_t bins, int32_t start) {
  const __m512i last = _mm512_set1_epi32(15);
  __m512i before = _mm512_set1_epi32(start);
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
void cumulate(int32_t* __restrict__ counts, int32_t bins, int32_t sum) {
  for (int32_t i = 0; i < bins; ++i) counts[i] = sum += counts[i];
}
#endif

// Clips, redistributes and cumulates.
template <typename T>
void codes_of(const ClaheGeometry& g, ClaheRange range, int32_t* __restrict__ counts,
              T* __restrict__ codes) {
  const int32_t clip = g.clip;
  const float scale = g.scale;
  const int32_t low = range.low;
  const int32_t end = range.high + 1;
  int32_t clipped = 0;
  for (int32_t i = low; i < end; ++i) clipped += max_of(counts[i] - clip, 0);
  const int32_t batch = clipped / g.bins;
  const int32_t residual = clipped - batch * g.bins;
  for (int32_t i = low; i < end; ++i) counts[i] = min_of(counts[i], clip) + batch;
  if (residual > 0) {
    const int32_t step = max_of(g.bins / residual, 1);
    int32_t k = (low + step - 1) / step;  // bin k * step gets one more, for k < residual
    for (; k < residual && k * step < end; ++k) ++counts[k * step];
  }
  cumulate(counts + low, end - low, clahe_added_before(low, clipped, g.bins));
  for (int32_t i = low; i < end; ++i) codes[i] = static_cast<T>(clahe_code(counts[i], scale));
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
void cells(const ClaheItem& item, const ClaheRange* ranges, const T* codes, const float* weights,
           const int64_t* xs, int64_t count, int64_t y0, int64_t y1,
           typename Entry<T>::Type* tables) {
  using E = typename Entry<T>::Type;
  constexpr int64_t kSpan = 512;
  const ClaheGeometry g = item.geometry;
  const ClaheSpan down = clahe_span(y0, g.per_height, g.rows);
  const auto tile_at = [&](int32_t column, int32_t row) {
    return static_cast<int64_t>(row) * g.columns + column;
  };
  for (int64_t k = 0; k < count; ++k) {
    const ClaheSpan across = clahe_span(xs[k], g.per_width, g.columns);
    const int64_t tiles[4] = {tile_at(across.first, down.first), tile_at(across.second, down.first),
                              tile_at(across.first, down.second),
                              tile_at(across.second, down.second)};
    const auto codes_of_tile = [&](int i) { return codes + tiles[i] * g.bins; };
    pack(codes_of_tile(0), codes_of_tile(1), codes_of_tile(2), codes_of_tile(3), ranges[k].low,
         ranges[k].high, tables + k * g.bins);
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

void clahe_range(const ImageView& luma, int64_t x0, int64_t x1, int64_t y0, int64_t y1,
                 ClaheRange& range) {
  range = {0, 255};
  if (luma.type == DType::u8) return;
  uint16_t buffer[kBlock];
  uint16_t least = 0xffff;
  uint16_t most = 0;
  for (int64_t y = y0; y < y1; ++y) {
    for (int64_t x = x0; x < x1; x += kBlock) {
      const int64_t here = block_at(x, x1);
      const uint16_t* source = samples(luma, x, y, here, buffer);
      for (int64_t i = 0; i < here; ++i) {
        least = source[i] < least ? source[i] : least;
        most = source[i] > most ? source[i] : most;
      }
    }
  }
  range = {least & ~15, most | 15};
}

void clahe_count(const ClaheItem& item, int64_t index, int64_t first, int64_t last,
                 int32_t* counts) {
  if (item.luma.type == DType::u8) {
    Counter8 counter(counts);
    count_tile<uint8_t>(item, index, first, last, counter);
  } else {
    Counter16 counter(counts);
    count_tile<uint16_t>(item, index, first, last, counter);
  }
}

void clahe_codes(const ClaheItem& item, ClaheRange range, int32_t* counts, void* codes) {
  if (item.luma.type == DType::u8) {
    codes_of(item.geometry, range, counts, static_cast<uint8_t*>(codes));
  } else {
    codes_of(item.geometry, range, counts, static_cast<uint16_t*>(codes));
  }
}

void clahe_cells(const ClaheItem& item, const ClaheRange* ranges, const void* codes,
                 const float* weights, const int64_t* xs, int64_t count, int64_t y0, int64_t y1,
                 void* tables) {
  if (item.luma.type == DType::u8) {
    cells(item, ranges, static_cast<const uint8_t*>(codes), weights, xs, count, y0, y1,
          static_cast<uint32_t*>(tables));
  } else {
    cells(item, ranges, static_cast<const uint16_t*>(codes), weights, xs, count, y0, y1,
          static_cast<uint64_t*>(tables));
  }
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
