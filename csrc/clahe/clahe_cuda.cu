#include "clahe/clahe_impl.h"
#include "core/cuda.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 256;
constexpr int kShared = 8192;  // bins of the privatised histogram; wider ones go slice by slice

struct Work {
  ClaheItem item;
  uint32_t* counts;
  uint16_t* codes;
};

static __device__ __forceinline__ uint32_t sample(const ImageView& view, int64_t x, int64_t y) {
  const char* at = view.at(x, y);
  return view.type == DType::u8 ? *reinterpret_cast<const uint8_t*>(at)
                                : *reinterpret_cast<const uint16_t*>(at);
}

// x: parts of a tile times slices of bins, y: tiles, z: image.
__global__ void count_kernel(const Batch<Work> batch, int parts) {
  __shared__ uint32_t counts[kShared];
  const Work& work = batch.items[blockIdx.z];
  const ClaheGeometry& g = work.item.geometry;
  const ImageView& luma = work.item.luma;
  const uint32_t low = blockIdx.x / parts * kShared;
  const int part = static_cast<int>(blockIdx.x) % parts;
  const int here = min_of(g.bins, kShared);
  for (int64_t tile = blockIdx.y; tile < int64_t{g.columns} * g.rows; tile += gridDim.y) {
    for (int i = threadIdx.x; i < here; i += kThreads) counts[i] = 0;
    __syncthreads();
    const int64_t x0 = tile % g.columns * g.tile_width;
    const int64_t y0 = tile / g.columns * g.tile_height;
    for (int64_t row = part; row < g.tile_height; row += parts) {
      const int64_t y = reflect_index(y0 + row, luma.height);
      for (int64_t i = threadIdx.x; i < g.tile_width; i += kThreads) {
        const uint32_t bin = sample(luma, reflect_index(x0 + i, luma.width), y) - low;
        if (bin < static_cast<uint32_t>(kShared)) atomicAdd(&counts[bin], 1u);
      }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < here; i += kThreads) {
      if (counts[i] != 0) atomicAdd(&work.counts[tile * g.bins + low + i], counts[i]);
    }
    __syncthreads();
  }
}

// One block a tile; each thread owns consecutive bins.
__global__ void codes_kernel(const Batch<Work> batch) {
  __shared__ int32_t sums[kThreads];
  const Work& work = batch.items[blockIdx.z];
  const ClaheGeometry& g = work.item.geometry;
  const int each = g.bins / kThreads;
  const int first = static_cast<int>(threadIdx.x) * each;
  for (int64_t tile = blockIdx.x; tile < int64_t{g.columns} * g.rows; tile += gridDim.x) {
    const uint32_t* counts = work.counts + tile * g.bins;
    int32_t mine = 0;
    for (int i = first; i < first + each; ++i) {
      mine += max_of(static_cast<int32_t>(counts[i]) - g.clip, 0);
    }
    sums[threadIdx.x] = mine;
    __syncthreads();
    int32_t clipped = 0;
    for (int i = 0; i < kThreads; ++i) clipped += sums[i];
    __syncthreads();
    mine = 0;
    for (int i = first; i < first + each; ++i) {
      mine += min_of(static_cast<int32_t>(counts[i]), g.clip) + clahe_added(i, clipped, g.bins);
    }
    sums[threadIdx.x] = mine;
    __syncthreads();
    int32_t sum = 0;
    for (int i = 0; i < static_cast<int>(threadIdx.x); ++i) sum += sums[i];
    for (int i = first; i < first + each; ++i) {
      sum += min_of(static_cast<int32_t>(counts[i]), g.clip) + clahe_added(i, clipped, g.bins);
      work.codes[tile * g.bins + i] = static_cast<uint16_t>(clahe_code(sum, g.scale));
    }
    __syncthreads();
  }
}

__global__ void blend_kernel(const Batch<Work> batch) {
  const Work& work = batch.items[blockIdx.z];
  const ClaheGeometry& g = work.item.geometry;
  const ImageView& luma = work.item.luma;
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= luma.width) return;
  const ClaheSpan across = clahe_span(x, g.per_width, g.columns);
  for (int64_t y = blockIdx.y; y < luma.height; y += gridDim.y) {
    const ClaheSpan down = clahe_span(y, g.per_height, g.rows);
    const uint16_t* codes = work.codes + sample(luma, x, y);
    const auto code = [&](int32_t column, int32_t row) {
      return static_cast<float>(codes[(static_cast<int64_t>(row) * g.columns + column) * g.bins]);
    };
    const uint32_t value =
        clahe_blend(code(across.first, down.first), code(across.second, down.first),
                    code(across.first, down.second), code(across.second, down.second),
                    across.weight, down.weight);
    if (luma.type == DType::u8) {
      *reinterpret_cast<uint8_t*>(work.item.out.at(x, y)) = static_cast<uint8_t>(value);
    } else {
      *reinterpret_cast<uint16_t*>(work.item.out.at(x, y)) = static_cast<uint16_t>(value);
    }
  }
}

}  // namespace

namespace cuda {

void clahe(const std::vector<ClaheItem>& items, const Place& place) {
  const DeviceGuard guard(place);
  const cudaStream_t stream = stream_of(place);
  size_t entries = 0;
  int64_t width = 0;
  int64_t height = 0;
  for (const ClaheItem& item : items) {
    const ClaheGeometry& g = item.geometry;
    entries +=
        static_cast<size_t>(g.columns) * static_cast<size_t>(g.rows) * static_cast<size_t>(g.bins);
    width = std::max(width, item.luma.width);
    height = std::max(height, item.luma.height);
  }
  const size_t count_bytes = entries * sizeof(uint32_t);
  const StreamMemory scratch(count_bytes + entries * sizeof(uint16_t), stream);
  uint32_t* counts = scratch.as<uint32_t>();
  uint16_t* codes = reinterpret_cast<uint16_t*>(counts + entries);
  FC_CUDA_CHECK(cudaMemsetAsync(counts, 0, count_bytes, stream));
  std::vector<Work> works;
  for (const ClaheItem& item : items) {
    const ClaheGeometry& g = item.geometry;
    works.push_back({item, counts, codes});
    const int64_t used = int64_t{g.columns} * g.rows * g.bins;
    counts += used;
    codes += used;
  }
  const ClaheGeometry& g = items[0].geometry;
  // Enough blocks for a coarse grid, no idle ones for small tiles.
  const int64_t rows_of_tile = (height + g.rows - 1) / g.rows;
  const int parts = static_cast<int>(std::clamp<int64_t>(rows_of_tile / 32, 1, 64));
  const unsigned slices = static_cast<unsigned>((g.bins + kShared - 1) / kShared);
  const unsigned tiles =
      static_cast<unsigned>(std::min<int64_t>(int64_t{g.columns} * g.rows, 65535));
  for_each_batch(works, [&](const Batch<Work>& batch, unsigned count) {
    FC_LAUNCH(count_kernel, dim3(parts * slices, tiles, count), kThreads, stream, batch, parts);
    FC_LAUNCH(codes_kernel, dim3(tiles, 1, count), kThreads, stream, batch);
    const dim3 grid(blocks_for(width, kThreads),
                    static_cast<unsigned>(std::min<int64_t>(height, 65535)), count);
    FC_LAUNCH(blend_kernel, grid, kThreads, stream, batch);
  });
}

}  // namespace cuda
}  // namespace fastcolor
