// Upsampling of small chroma to one strip of columns, row by row, for the per-level loops.
//
// Small rows are upsampled horizontally once and kept for as long as the vertical interpolation
// needs them: at most four rows of a strip of kBlock columns, which fit the L1 cache.
#pragma once

#include <memory>

#include "core/rows.h"
#include "merge/merge_impl.h"

namespace fastcolor {
namespace {

constexpr int64_t kRun = 16;  // floats written at a time

class ChromaStrip {
 public:
  // Columns [x0, x0 + count) of the job's grid, count <= kBlock. The job must outlive the strip.
  void begin(const MergeJob& job, int64_t x0, int64_t count) {
    job_ = &job;
    x0_ = x0;
    count_ = count;
    cells_ = 0;
    in_runs_ = 2 * job.scale_x.small <= job.scale_x.full;
    for (int64_t i = 0; i < count; ++i) {
      const Tap tap = tap_at(x0 + i, job.scale_x);
      index_[i] = tap.index;
      part_[i] = tap.part;
      if (!in_runs_) continue;
      // starts_[c] is where cell index_[0] + c begins.
      for (; cells_ <= tap.index - index_[0]; ++cells_) starts_[cells_] = static_cast<int32_t>(i);
    }
    for (int64_t i = 0; i < count; ++i) {
      const Cubic w = cubic_weights(part_[i]);
      for (int k = 0; k < 4; ++k) cubic_[k][i] = w.w[k];
    }
    for (int64_t& row : held_) row = -1;
  }

  int64_t x0() const { return x0_; }
  int64_t count() const { return count_; }

  // The rows that output row y interpolates between; valid until the next call.
  struct Rows {
    const float* cubic[3][4];   // a, b, lightness; small rows index - 1 ... index + 2
    const float* linear[4][2];  // a, b, slope a, slope b; small rows index and index + 1
    Cubic weights;
    float part;
  };
  void rows_at(int64_t y, Rows& out) {
    const Tap tap = tap_at(y, job_->scale_y);
    out.weights = cubic_weights(tap.part);
    out.part = tap.part;
    const bool four = job_->chroma != Chroma::bilinear;
    for (int k = four ? 0 : 1; k < (four ? 4 : 3); ++k) {
      const int64_t row = clamp_index(tap.index + k - 1, job_->small.height);
      const int64_t slot = row & 3;
      if (held_[slot] != row) fill(row, slot);
      out.cubic[0][k] = planes_[0][slot];
      out.cubic[1][k] = planes_[1][slot];
      out.cubic[2][k] = planes_[2][slot];
      if (k == 1 || k == 2) {
        out.linear[0][k - 1] = planes_[0][slot];
        out.linear[1][k - 1] = planes_[1][slot];
        out.linear[2][k - 1] = planes_[3][slot];
        out.linear[3][k - 1] = planes_[4][slot];
      }
    }
  }

 private:
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

  // spread_[k][i] = small[index_[i] + k - 1] for k in [kFirst, kLast]: whole runs at a time, each
  // overwriting the excess of the one before; one by one where the runs would be short.
  template <int kFirst, int kLast>
  void spread(const float* small) {
    const int64_t width = job_->small.width;
    if (!in_runs_) {
      for (int k = kFirst; k <= kLast; ++k) {
        for (int64_t i = 0; i < count_; ++i) {
          spread_[k][i] = small[clamp_index(index_[i] + k - 1, width)];
        }
      }
      return;
    }
    float cells[kBlock + 3];  // the small samples from index_[0] - 1 on, borders repeated
    for (int64_t c = 0; c < cells_ + 3; ++c)
      cells[c] = small[clamp_index(index_[0] + c - 1, width)];
    for (int64_t c = 0; c < cells_; ++c) {
      const int64_t end = c + 1 < cells_ ? starts_[c + 1] : count_;
      for (int64_t i = starts_[c]; i < end; i += kRun) {
        for (int k = kFirst; k <= kLast; ++k) {
          for (int64_t j = 0; j < kRun; ++j) spread_[k][i + j] = cells[c + k];
        }
      }
    }
  }

  void upsample_cubic(const float* small, float* __restrict__ out) {
    spread<0, 3>(small);
    for (int64_t i = 0; i < count_; ++i) {
      const Cubic w{{cubic_[0][i], cubic_[1][i], cubic_[2][i], cubic_[3][i]}};
      out[i] = cubic_sum(w, spread_[0][i], spread_[1][i], spread_[2][i], spread_[3][i]);
    }
  }

  void upsample_linear(const float* small, float* __restrict__ out) {
    spread<1, 2>(small);
    for (int64_t i = 0; i < count_; ++i) {
      out[i] = linear_sum(part_[i], spread_[1][i], spread_[2][i]);
    }
  }

  const MergeJob* job_ = nullptr;
  int64_t x0_ = 0;
  int64_t count_ = 0;
  bool in_runs_ = false;
  int64_t cells_ = 0;
  int64_t held_[4];
  alignas(64) float planes_[5][4][kBlock];
  alignas(64) float cubic_[4][kBlock];
  alignas(64) float part_[kBlock];
  alignas(64) float spread_[4][kBlock + 2 * kRun];
  int64_t index_[kBlock];
  int32_t starts_[kBlock];
};

// Calls body(strip, y) for all rows [first, last) of all strips of the job, in bands: within a band
// of rows a strip stays in the L1 cache, and the band's pages stay in the TLB from strip to strip
// (strips of the whole height took 1.7 times as long at 8 megapixels).
template <typename Body>
void for_each_strip(const MergeJob& job, int64_t first, int64_t last, Body body) {
  constexpr int64_t kBandRows = 16;
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
        for (int64_t y = band; y < end; ++y) body(strips[s], y);
      }
    }
  }
}

}  // namespace
}  // namespace fastcolor
