#include "core/cuda.h"
#include "core/device_rows.h"
#include "neutral/neutral_impl.h"
#include "neutral/neutral_math.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 256;
constexpr int kCopies = 8;  // of the table in a block, so that its warps seldom meet
constexpr unsigned kMostBlocks = 1024;

using Sum = unsigned long long;  // what atomicAdd takes; negative sums wrap around and back

struct SumsItem {
  ImageView rgb;
  Sum* table;
};
struct OffItem {
  ImageView rgb;
  const Tone* tones;
  Sum* count;
};

// use(chroma) for the pixels of this thread: rows over blockIdx.y, quads over blockIdx.x.
template <typename T, typename Use>
__device__ __forceinline__ void for_each_pixel(const ImageView& rgb, Use use) {
  for (int64_t y = blockIdx.y; y < rgb.height; y += gridDim.y) {
    Quad quad;
    if (!quad_in_row(rgb, y, quad)) return;
    float c[3][4];
    load_quad<T, 3>(rgb, quad, c);
    for (int i = 0; i < quad.count; ++i) use(chroma8(c[0][i], c[1][i], c[2][i]));
  }
}

template <typename T>
__global__ void tone_sums_kernel(const Batch<SumsItem> batch) {
  __shared__ Sum tables[kCopies][kToneTableSize];
  const SumsItem& item = batch.items[blockIdx.z];
  Sum* flat = &tables[0][0];
  for (int i = static_cast<int>(threadIdx.x); i < kCopies * kToneTableSize; i += kThreads) {
    flat[i] = 0;
  }
  __syncthreads();
  Sum* mine = tables[threadIdx.x / 32 % kCopies];
  for_each_pixel<T>(item.rgb, [&](const Chroma8& c) {
    Sum* sums = mine + c.bin * kToneSums;
    const int32_t values[kToneSums] = {1, c.cb, c.cr, c.cb * c.cb, c.cr * c.cr, c.cb * c.cr};
    for (int k = 0; k < kToneSums; ++k) {
      if (values[k] != 0) atomicAdd(&sums[k], static_cast<Sum>(static_cast<int64_t>(values[k])));
    }
  });
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kToneTableSize; i += kThreads) {
    Sum sum = 0;
    for (int copy = 0; copy < kCopies; ++copy) sum += tables[copy][i];
    if (sum != 0) atomicAdd(&item.table[i], sum);
  }
}

template <typename T>
__global__ void off_tone_kernel(const Batch<OffItem> batch) {
  __shared__ Sum total;
  const OffItem& item = batch.items[blockIdx.z];
  if (threadIdx.x == 0) total = 0;
  __syncthreads();
  Sum off = 0;
  for_each_pixel<T>(item.rgb,
                    [&](const Chroma8& c) { off += off_tone(c, item.tones[c.bin]) ? 1 : 0; });
  if (off != 0) atomicAdd(&total, off);
  __syncthreads();
  if (threadIdx.x == 0 && total != 0) atomicAdd(item.count, total);
}

// launch(items, grid) in batches; the grid covers the largest image with rows left to stride over.
template <typename Item, typename Launch>
void launch_items(const std::vector<Item>& items, Launch launch) {
  int64_t width = 0;
  int64_t height = 0;
  for (const Item& item : items) {
    width = std::max(width, item.rgb.width);
    height = std::max(height, item.rgb.height);
  }
  for_each_batch(items, [&](const Batch<Item>& batch, unsigned count) {
    dim3 grid = quad_grid(width, height, count, kThreads);
    grid.y = std::min(grid.y, std::max(1u, kMostBlocks / grid.x));
    launch(batch, grid);
  });
}

template <typename T>
void launch_sums(const std::vector<SumsItem>& items, cudaStream_t stream) {
  launch_items(items, [&](const Batch<SumsItem>& batch, dim3 grid) {
    FC_LAUNCH(tone_sums_kernel<T>, grid, kThreads, stream, batch);
  });
}

template <typename T>
void launch_off(const std::vector<OffItem>& items, cudaStream_t stream) {
  launch_items(items, [&](const Batch<OffItem>& batch, dim3 grid) {
    FC_LAUNCH(off_tone_kernel<T>, grid, kThreads, stream, batch);
  });
}

}  // namespace

namespace cuda {

void tone_sums(const std::vector<ImageView>& rgb, std::vector<ToneTable>& tables,
               const Place& place) {
  const DeviceGuard guard(place);
  const cudaStream_t stream = stream_of(place);
  const size_t bytes = rgb.size() * sizeof(ToneTable);
  const StreamMemory sums(bytes, stream);
  FC_CUDA_CHECK(cudaMemsetAsync(sums.as<void>(), 0, bytes, stream));
  std::vector<SumsItem> items;
  for (size_t i = 0; i < rgb.size(); ++i) {
    items.push_back({rgb[i], sums.as<Sum>() + i * kToneTableSize});
  }
  if (rgb[0].type == DType::u8) launch_sums<uint8_t>(items, stream);
  if (rgb[0].type == DType::u16) launch_sums<uint16_t>(items, stream);
  if (rgb[0].type == DType::f32) launch_sums<float>(items, stream);
  FC_CUDA_CHECK(
      cudaMemcpyAsync(tables.data(), sums.as<void>(), bytes, cudaMemcpyDeviceToHost, stream));
  FC_CUDA_CHECK(cudaStreamSynchronize(stream));
}

void off_tone_counts(const std::vector<ImageView>& rgb, const std::vector<Tones>& tones,
                     std::vector<int64_t>& counts, const Place& place) {
  const DeviceGuard guard(place);
  const cudaStream_t stream = stream_of(place);
  const size_t bytes = rgb.size() * sizeof(Sum);
  const StreamMemory sums(bytes, stream);
  const StreamMemory device_tones(rgb.size() * sizeof(Tones), stream);
  FC_CUDA_CHECK(cudaMemsetAsync(sums.as<void>(), 0, bytes, stream));
  FC_CUDA_CHECK(cudaMemcpyAsync(device_tones.as<void>(), tones.data(), rgb.size() * sizeof(Tones),
                                cudaMemcpyHostToDevice, stream));
  std::vector<OffItem> items;
  for (size_t i = 0; i < rgb.size(); ++i) {
    items.push_back({rgb[i], device_tones.as<const Tone>() + i * kToneBins, sums.as<Sum>() + i});
  }
  if (rgb[0].type == DType::u8) launch_off<uint8_t>(items, stream);
  if (rgb[0].type == DType::u16) launch_off<uint16_t>(items, stream);
  if (rgb[0].type == DType::f32) launch_off<float>(items, stream);
  FC_CUDA_CHECK(
      cudaMemcpyAsync(counts.data(), sums.as<void>(), bytes, cudaMemcpyDeviceToHost, stream));
  FC_CUDA_CHECK(cudaStreamSynchronize(stream));
}

}  // namespace cuda
}  // namespace fastcolor
