// Upsampling of small chroma to one strip of columns, row by row, for the per-level loops.
//
// Small rows are upsampled horizontally once and kept for as long as the vertical interpolation
// needs them: at most four rows of a strip of kBlock columns, which fit the L1 cache.
#pragma once

#include <memory>

#include "core/lanes.h"
#include "core/rows.h"
#include "merge/merge_impl.h"

namespace fastcolor {
namespace {

class ChromaStrip {
 public:
  // Columns [x0, x0 + count) of the job's grid, count <= kBlock. The job must outlive the strip.
  void begin(const MergeJob& job, int64_t x0, int64_t count) {
    job_ = &job;
    x0_ = x0;
    count_ = count;
    enlarges_ = 2 * job.scale_x.small <= job.scale_x.full;
    for (int64_t i = 0; i < count; ++i) {
      const Tap tap = tap_at(x0 + i, job.scale_x);
      index_[i] = tap.index;
      part_[i] = tap.part;
      offset_[i] = static_cast<int32_t>(tap.index - index_[i / kLanes * kLanes]);
    }
    for (int64_t i = count; i < kBlock; ++i) offset_[i] = 0;
    for (int64_t i = 0; i < count; ++i) {
      const Cubic w = cubic_weights(part_[i]);
      for (int k = 0; k < 4; ++k) cubic_[k][i] = w.w[k];
    }
    for (int64_t& row : held_) row = -1;
    row_index_ = -2;  // no tap's
  }

  int64_t x0() const { return x0_; }
  int64_t count() const { return count_; }

  // The small rows that output row y interpolates between; valid until the next call.
  struct Rows {
    const float* cubic[3][4];   // a, b, lightness; small rows index - 1 ... index + 2
    const float* linear[4][2];  // a, b, slope a, slope b; small rows index and index + 1
    Cubic weights;
    float part;
  };
  const Rows& rows_at(int64_t y) {
    const Tap tap = tap_at(y, job_->scale_y);
    rows_.weights = cubic_weights(tap.part);
    rows_.part = tap.part;
    if (tap.index != row_index_) take(tap.index);
    return rows_;
  }

 private:
  // Has the small rows index - 1 ... index + 2 in the planes, and rows_ point to them.
  void take(int64_t index) {
    row_index_ = index;
    const bool four = job_->chroma != Chroma::bilinear;
    for (int k = four ? 0 : 1; k < (four ? 4 : 3); ++k) {
      const int64_t row = clamp_index(index + k - 1, job_->small.height);
      const int64_t slot = row & 3;
      if (held_[slot] != row) fill(row, slot);
      rows_.cubic[0][k] = planes_[0][slot];
      rows_.cubic[1][k] = planes_[1][slot];
      rows_.cubic[2][k] = planes_[2][slot];
      if (k == 1 || k == 2) {
        rows_.linear[0][k - 1] = planes_[0][slot];
        rows_.linear[1][k - 1] = planes_[1][slot];
        rows_.linear[2][k - 1] = planes_[3][slot];
        rows_.linear[3][k - 1] = planes_[4][slot];
      }
    }
  }

  void fill(int64_t row, int64_t slot) {
    held_[slot] = row;
    const SmallChroma& small = job_->small;
    const int64_t start = row * small.width;
    if (job_->chroma == Chroma::bilinear) {
      upsample_linear(small.a + start, planes_[0][slot]);
      upsample_linear(small.b + start, planes_[1][slot]);
      return;
    }
    upsample_cubic(small.a + start, planes_[0][slot]);
    upsample_cubic(small.b + start, planes_[1][slot]);
    if (job_->chroma == Chroma::bicubic) return;
    upsample_cubic(small.lightness + start, planes_[2][slot]);
    upsample_linear(small.slope_a + start, planes_[3][slot]);
    upsample_linear(small.slope_b + start, planes_[4][slot]);
  }

  // The small samples that the strip needs, from index_[0] - 1 on, borders repeated; a register of
  // floats behind them may be read. Where a step in the small row is two or more in the strip, the
  // four neighbours of each of a register of pixels lie within a register of them.
  const float* cells_of(const float* small) {
    const int64_t width = job_->small.width;
    const int64_t low = index_[0] - 1;
    const int64_t needed = index_[count_ - 1] + 3 - low;
    if (low >= 0 && low + needed <= width) return small + low;
    const int64_t first = low < 0 ? 0 : low;
    const int64_t end = low + needed < width ? low + needed : width;
    memcpy(cells_ + first - low, small + first, static_cast<size_t>(end - first) * sizeof(float));
    for (int64_t c = 0; c < first - low; ++c) cells_[c] = small[0];
    for (int64_t c = end - low; c < needed; ++c) cells_[c] = small[width - 1];
    return cells_;
  }

  // Calls body(i, sample), sample(k) being small[index + k - 1] of the lanes from i on.
  template <typename Body>
  void each_lanes(const float* small, Body body) {
    if (enlarges_) {
      const float* cells = cells_of(small);
      for (int64_t i = 0; i < count_; i += kLanes) {
        const Pickable from(cells + (index_[i] - index_[0]));
        LaneBits offset;
        memcpy(&offset, offset_ + i, sizeof offset);
        body(i, [&](int k) { return from.pick(offset + k); });
      }
      return;
    }
    for (int64_t i = 0; i < count_; i += kLanes) {
      body(i, [&](int k) {
        Lanes v = {};
        for (int64_t j = 0; j < kLanes && i + j < count_; ++j) {
          v[j] = small[clamp_index(index_[i + j] + k - 1, job_->small.width)];
        }
        return v;
      });
    }
  }

  void upsample_cubic(const float* small, float* out) {
    each_lanes(small, [&](int64_t i, auto sample) {
      const CubicOf<Lanes> w{{load_lanes(cubic_[0] + i), load_lanes(cubic_[1] + i),
                              load_lanes(cubic_[2] + i), load_lanes(cubic_[3] + i)}};
      store_lanes(out + i, cubic_sum(w, sample(0), sample(1), sample(2), sample(3)));
    });
  }

  void upsample_linear(const float* small, float* out) {
    each_lanes(small, [&](int64_t i, auto sample) {
      store_lanes(out + i, linear_sum(load_lanes(part_ + i), sample(1), sample(2)));
    });
  }

  const MergeJob* job_ = nullptr;
  int64_t x0_ = 0;
  int64_t count_ = 0;
  bool enlarges_ = false;
  int64_t held_[4];
  int64_t row_index_ = -2;
  Rows rows_;
  alignas(64) float planes_[5][4][kBlock];
  alignas(64) float cubic_[4][kBlock];
  alignas(64) float part_[kBlock];
  alignas(64) float cells_[kBlock + 2 * kLanes] = {};
  alignas(64) int32_t offset_[kBlock];
  int64_t index_[kBlock];
};

// Calls body(strip, y) for all rows [first, last) of all strips of the job, in bands: within a band
// of rows a strip stays in the L1 cache, and the band's pages stay in the TLB from strip to strip
// (strips of the whole height took 1.7 times as long at 8 megapixels). Two calls ahead of it,
// soon(strip, y) may ask for the memory: runs this short are too short for the hardware to foresee.
template <typename Soon, typename Body>
void for_each_strip(const MergeJob& job, int64_t first, int64_t last, Soon soon, Body body) {
  constexpr int64_t kBandRows = 16;
  constexpr int64_t kAhead = 2;
  constexpr int64_t kMostStrips = 64;  // 1.8 MB of them
  const int64_t group = kMostStrips * kBlock;
  const int64_t strips_of_widest = (job.width + kBlock - 1) / kBlock;
  const int64_t held = strips_of_widest < kMostStrips ? strips_of_widest : kMostStrips;
  const std::unique_ptr<ChromaStrip[]> strips(new ChromaStrip[static_cast<size_t>(held)]);
  for (int64_t x0 = 0; x0 < job.width; x0 += group) {
    int64_t count = 0;
    for (int64_t x = x0; x < job.width && count < held; x += kBlock) {
      strips[count++].begin(job, x, block_at(x, job.width));
    }
    for (int64_t band = first; band < last; band += kBandRows) {
      const int64_t end = band + kBandRows < last ? band + kBandRows : last;
      for (int64_t s = 0; s < count; ++s) {
        for (int64_t y = band; y < end; ++y) {
          if (y + kAhead < end) {
            soon(strips[s], y + kAhead);
          } else if (s + 1 < count) {
            soon(strips[s + 1], y + kAhead - (end - band));
          } else {
            soon(strips[0], y + kAhead);
          }
          body(strips[s], y);
        }
      }
    }
  }
}

}  // namespace
}  // namespace fastcolor
