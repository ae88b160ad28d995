// Geometry of overlapping tiles along one axis.
//
// Tile i shows the samples [i * step - margin, i * step - margin + tile) of the axis, with
// step = tile - overlap and margin = overlap / 2; what lies outside is mirrored. So every sample
// has at least `margin` samples of context on either side, at the border of the picture too. There
// are ceil(size / step) tiles, and no more than two show the same sample (overlap <= tile / 2).
#pragma once

#include "core/hd.h"
#include "prepare/prepare_math.h"

namespace fastcolor {

struct TileAxis {
  int64_t size;     // of the picture
  int64_t tile;     // of a tile
  int64_t overlap;  // samples shared by neighbours
  int64_t count;    // tiles
};

FC_HD int64_t tile_step(const TileAxis& axis) { return axis.tile - axis.overlap; }
FC_HD int64_t tile_margin(const TileAxis& axis) { return axis.overlap / 2; }

// The sample of the picture that position k of tile i shows.
FC_HD int64_t tile_source(const TileAxis& axis, int64_t i, int64_t k) {
  const int64_t at = i * tile_step(axis) - tile_margin(axis) + k;
  return reflect_index(at < 0 ? -at : at, axis.size);
}

// sin^2(pi t / 2), the raised cosine that goes from 0 to 1, within 1e-6; no libm, the same on every
// device.
FC_HD float feather_weight(int64_t position, int64_t length) {
  const float t = (static_cast<float>(position) + 0.5f) / static_cast<float>(length);
  const float u = t * t;
  float p = 0.000151678658f;
  p = p * u + -0.00467415759f;
  p = p * u + 0.0796899274f;
  p = p * u + -0.645963788f;
  p = p * u + 1.57079637f;
  const float sine = p * t;
  return sine * sine;
}

// Where a sample of the blended picture comes from: first + weight * (second - first), each a
// position in a tile. Where one tile alone counts, both are the same.
struct TilePlace {
  int64_t first_tile, first;
  int64_t second_tile, second;
  float weight;
};

// All tiles are enlarged by `scale`; `at` is a sample of the enlarged picture.
FC_HD TilePlace tile_place(const TileAxis& axis, int64_t scale, bool feather, int64_t at) {
  const int64_t step = tile_step(axis) * scale;
  const int64_t margin = tile_margin(axis) * scale;
  TilePlace place;
  if (!feather) {
    place.first_tile = place.second_tile = at / step;
    place.first = place.second = at - place.first_tile * step + margin;
    place.weight = 0.0f;
    return place;
  }
  const int64_t last = axis.count - 1;
  const int64_t inside = at + margin;  // counted from the start of tile 0
  const int64_t tile = inside / step < last ? inside / step : last;
  place.second_tile = tile;
  place.second = inside - tile * step;
  const bool shared = tile > 0 && place.second < axis.overlap * scale;
  place.first_tile = shared ? tile - 1 : tile;
  place.first = shared ? place.second + step : place.second;
  place.weight = shared ? feather_weight(place.second, axis.overlap * scale) : 0.0f;
  return place;
}

}  // namespace fastcolor
