// One sample of a blended picture; used by the row loops and the kernel.
#pragma once

#include "core/image.h"
#include "tiles/tiles_impl.h"

namespace fastcolor {

FC_HD const char* tile_sample(const BlendJob& job, int64_t column, int64_t x, int64_t row,
                              int64_t y, int64_t channel) {
  return job.tiles.first.at(x, y, channel) + (row * job.grid.x.count + column) * job.tiles.stride;
}

FC_HD void round_sample(float v, uint8_t& out) { out = static_cast<uint8_t>(round_to_uint(v)); }
FC_HD void round_sample(float v, uint16_t& out) { out = static_cast<uint16_t>(round_to_uint(v)); }
FC_HD void round_sample(float v, float& out) { out = v; }

// Across first, then down; equal samples stay equal to the last bit.
template <typename T>
FC_HD T blend_sample(const BlendJob& job, const TilePlace& x, const TilePlace& y, int64_t channel) {
  const auto at = [&](int64_t column, int64_t px, int64_t row, int64_t py) {
    return static_cast<float>(
        *reinterpret_cast<const T*>(tile_sample(job, column, px, row, py, channel)));
  };
  const float top_left = at(x.first_tile, x.first, y.first_tile, y.first);
  const float top_right = at(x.second_tile, x.second, y.first_tile, y.first);
  const float bottom_left = at(x.first_tile, x.first, y.second_tile, y.second);
  const float bottom_right = at(x.second_tile, x.second, y.second_tile, y.second);
  const float top = top_left + x.weight * (top_right - top_left);
  const float bottom = bottom_left + x.weight * (bottom_right - bottom_left);
  T out;
  round_sample(top + y.weight * (bottom - top), out);
  return out;
}

}  // namespace fastcolor
