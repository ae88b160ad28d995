#include "core/rows.h"
#include "tiles/blend_math.h"
#include "tiles/tiles_impl.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

template <typename T>
void copy_run(const ImageView& from, int64_t from_x, int64_t from_y, const ImageView& to,
              int64_t to_x, int64_t to_y, int64_t channel, int64_t count, int64_t from_bytes,
              int64_t to_bytes) {
  const char* source = from.at(from_x, from_y, channel) + from_bytes;
  char* target = to.at(to_x, to_y, channel) + to_bytes;
  if (from.contiguous_rows() && to.contiguous_rows()) {
    const T* __restrict__ s = reinterpret_cast<const T*>(source);
    T* __restrict__ t = reinterpret_cast<T*>(target);
    for (int64_t i = 0; i < count; ++i) t[i] = s[i];
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    *reinterpret_cast<T*>(target + i * to.pixel_stride) =
        *reinterpret_cast<const T*>(source + i * from.pixel_stride);
  }
}

template <typename T>
void split(const ImageView& image, const TileStack& tiles, const TileGrid& grid, int64_t first,
           int64_t last) {
  const ImageView& tile = tiles.first;
  for (int64_t row = first; row < last; ++row) {
    const int64_t index = row / grid.y.tile;
    const int64_t y = row % grid.y.tile;
    const int64_t column = index % grid.x.count;
    const int64_t source_y = tile_source(grid.y, index / grid.x.count, y);
    // The part inside the picture is one run; the mirrored rest goes sample by sample.
    const int64_t start = column * tile_step(grid.x) - tile_margin(grid.x);
    const int64_t low = start < 0 ? (-start < tile.width ? -start : tile.width) : 0;
    const int64_t room = image.width - start;
    const int64_t high = room < tile.width ? (room > low ? room : low) : tile.width;
    const int64_t offset = index * tiles.stride;
    for (int64_t channel = 0; channel < image.channels; ++channel) {
      const char* source = image.at(0, source_y, channel);
      char* target = tile.at(0, y, channel) + offset;
      const auto mirror = [&](int64_t x, int64_t end) {
        const int64_t period = image.width > 1 ? 2 * (image.width - 1) : 1;
        int64_t phase = (start + x) % period;  // as reflect_index, with one division for the run
        if (phase < 0) phase += period;
        for (; x < end; ++x) {
          const int64_t at = phase < image.width ? phase : period - phase;
          *reinterpret_cast<T*>(target + x * tile.pixel_stride) =
              *reinterpret_cast<const T*>(source + at * image.pixel_stride);
          if (++phase == period) phase = 0;
        }
      };
      if (low > 0) mirror(0, low);
      if (high > low) {
        copy_run<T>(image, start + low, source_y, tile, low, y, channel, high - low, 0, offset);
      }
      if (high < tile.width) mirror(high, tile.width);
    }
  }
}

template <typename T>
void blend(const BlendJob& job, const TilePlace* columns, int64_t first, int64_t last) {
  const ImageView& image = job.image;
  for (int64_t y = first; y < last; ++y) {
    const TilePlace row = tile_place(job.grid.y, job.scale, job.feather, y);
    for (int64_t channel = 0; channel < image.channels; ++channel) {
      for (int64_t x = 0; x < image.width;) {
        const TilePlace& place = columns[x];
        const bool alone = place.weight == 0.0f && row.weight == 0.0f;
        if (!alone) {
          *reinterpret_cast<T*>(image.at(x, y, channel)) =
              blend_sample<T>(job, place, row, channel);
          ++x;
          continue;
        }
        // A run up to where the tile ends, or where the next one begins to be mixed in.
        int64_t end = x + 1;
        while (end < image.width && columns[end].weight == 0.0f &&
               columns[end].first_tile == place.first_tile) {
          ++end;
        }
        const int64_t offset =
            (row.first_tile * job.grid.x.count + place.first_tile) * job.tiles.stride;
        copy_run<T>(job.tiles.first, place.first, row.first, image, x, y, channel, end - x, offset,
                    0);
        x = end;
      }
    }
  }
}

}  // namespace

void split_rows(const ImageView& image, const TileStack& tiles, const TileGrid& grid, int64_t first,
                int64_t last) {
  if (image.type == DType::u8) return split<uint8_t>(image, tiles, grid, first, last);
  if (image.type == DType::u16) return split<uint16_t>(image, tiles, grid, first, last);
  split<float>(image, tiles, grid, first, last);
}

void blend_rows(const BlendJob& job, const TilePlace* columns, int64_t first, int64_t last) {
  if (job.image.type == DType::u8) return blend<uint8_t>(job, columns, first, last);
  if (job.image.type == DType::u16) return blend<uint16_t>(job, columns, first, last);
  blend<float>(job, columns, first, last);
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
