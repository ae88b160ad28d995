#include "core/cuda.h"
#include "tiles/blend_math.h"
#include "tiles/tiles_impl.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 128;

static __device__ __forceinline__ void copy_sample(const char* from, char* to, int64_t bytes) {
  if (bytes == 1) {
    *to = *from;
  } else if (bytes == 2) {
    *reinterpret_cast<uint16_t*>(to) = *reinterpret_cast<const uint16_t*>(from);
  } else {
    *reinterpret_cast<float*>(to) = *reinterpret_cast<const float*>(from);
  }
}

// x: columns of a tile; y: rows of all tiles, one after the other.
__global__ void split_kernel(const ImageView image, const TileStack tiles, const TileGrid grid) {
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= grid.x.tile) return;
  const int64_t bytes = dtype_size(image.type);
  for (int64_t row = blockIdx.y; row < tiles.count * grid.y.tile; row += gridDim.y) {
    const int64_t index = row / grid.y.tile;
    const int64_t y = row % grid.y.tile;
    const int64_t from_x = tile_source(grid.x, index % grid.x.count, x);
    const int64_t from_y = tile_source(grid.y, index / grid.x.count, y);
    for (int64_t channel = 0; channel < image.channels; ++channel) {
      copy_sample(image.at(from_x, from_y, channel),
                  tiles.first.at(x, y, channel) + index * tiles.stride, bytes);
    }
  }
}

__global__ void blend_kernel(const BlendJob job) {
  const ImageView& image = job.image;
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= image.width) return;
  const TilePlace column = tile_place(job.grid.x, job.scale, job.feather, x);
  for (int64_t y = blockIdx.y; y < image.height; y += gridDim.y) {
    const TilePlace row = tile_place(job.grid.y, job.scale, job.feather, y);
    for (int64_t channel = 0; channel < image.channels; ++channel) {
      char* to = image.at(x, y, channel);
      if (image.type == DType::u8) {
        *reinterpret_cast<uint8_t*>(to) = blend_sample<uint8_t>(job, column, row, channel);
      } else if (image.type == DType::u16) {
        *reinterpret_cast<uint16_t*>(to) = blend_sample<uint16_t>(job, column, row, channel);
      } else {
        *reinterpret_cast<float*>(to) = blend_sample<float>(job, column, row, channel);
      }
    }
  }
}

dim3 grid_for(int64_t width, int64_t rows) {
  return dim3(blocks_for(width, kThreads), static_cast<unsigned>(std::min<int64_t>(rows, 65535)));
}

}  // namespace

namespace cuda {

void split_tiles(const ImageView& image, const TileStack& tiles, const TileGrid& grid,
                 const Place& place) {
  const DeviceGuard guard(place);
  FC_LAUNCH(split_kernel, grid_for(grid.x.tile, tiles.count * grid.y.tile), kThreads,
            stream_of(place), image, tiles, grid);
}

void blend_tiles(const BlendJob& job, const Place& place) {
  const DeviceGuard guard(place);
  FC_LAUNCH(blend_kernel, grid_for(job.image.width, job.image.height), kThreads, stream_of(place),
            job);
}

}  // namespace cuda
}  // namespace fastcolor
