// Contrast limited adaptive histogram equalisation: geometry and the formulas of one table entry
// and one pixel, in the order of operations that gives OpenCV's bytes.
#pragma once

#include "core/hd.h"

namespace fastcolor {

// Computed once on the host (clahe.cpp) and handed to both sides.
struct ClaheGeometry {
  int32_t columns, rows;            // tiles
  int32_t tile_width, tile_height;  // of the picture after reflection to the right and below
  int32_t bins;                     // 256 or 65536
  int32_t clip;                     // most pixels that a bin keeps
  float scale;                      // cumulated pixels to code
  float per_width, per_height;      // 1 / tile side
};

// Between which two tiles a coordinate lies, and the weight of the second.
struct ClaheSpan {
  int32_t first, second;
  float weight;
};

FC_HD ClaheSpan clahe_span(int64_t x, float per_side, int32_t tiles) {
  const float position = static_cast<float>(x) * per_side - 0.5f;
  const int32_t below = static_cast<int32_t>(position + 1.0f) - 1;  // a start for the floor
  int32_t tile = below;
  if (static_cast<float>(tile) > position) --tile;
  if (static_cast<float>(tile + 1) <= position) ++tile;
  return {max_of(tile, 0), min_of(tile + 1, tiles - 1), position - static_cast<float>(tile)};
}

// What redistribution adds to bin i of `bins` when `clipped` pixels were cut off.
FC_HD int32_t clahe_added(int32_t i, int32_t clipped, int32_t bins) {
  const int32_t batch = clipped / bins;
  const int32_t residual = clipped - batch * bins;
  if (residual == 0) return batch;
  const int32_t step = max_of(bins / residual, 1);
  return batch + (i % step == 0 && i / step < residual ? 1 : 0);
}

// What it adds to all bins before i together.
FC_HD int32_t clahe_added_before(int32_t i, int32_t clipped, int32_t bins) {
  const int32_t batch = clipped / bins;
  const int32_t residual = clipped - batch * bins;
  if (residual == 0) return i * batch;
  const int32_t step = max_of(bins / residual, 1);
  return i * batch + min_of((i + step - 1) / step, residual);
}

FC_HD uint32_t clahe_code(int32_t sum, float scale) {
  return round_to_uint(static_cast<float>(sum) * scale);
}

// The codes of the four tiles around a pixel, weighed.
FC_HD uint32_t clahe_blend(float a, float b, float c, float d, float wx, float wy) {
  const float vx = 1.0f - wx;
  const float vy = 1.0f - wy;
  return round_to_uint((a * vx + b * wx) * vy + (c * vx + d * wx) * wy);
}

}  // namespace fastcolor
