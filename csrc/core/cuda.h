// What CUDA sources share: checks, launches, batches. Included by .cu files only.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <vector>

#include "core/errors.h"
#include "core/image.h"

#define FC_CUDA_CHECK(expression)                                                                 \
  do {                                                                                            \
    const cudaError_t fc_status = (expression);                                                   \
    if (fc_status != cudaSuccess) {                                                               \
      throw ::fastcolor::DeviceError(::fastcolor::concat("CUDA: ", cudaGetErrorString(fc_status), \
                                                         " (" #expression ", ", __FILE__, ":",    \
                                                         __LINE__, ")"));                         \
    }                                                                                             \
  } while (false)

// FC_LAUNCH((kernel<T>), grid, block, stream, arguments...): launch and check, no waiting. Under
// the emulator (tests/cuda_emulator) the same line runs the kernel on the CPU.
#if defined(__CUDACC__)
#define FC_LAUNCH(kernel, grid, block, stream, ...)  \
  do {                                               \
    kernel<<<grid, block, 0, stream>>>(__VA_ARGS__); \
    FC_CUDA_CHECK(cudaGetLastError());               \
  } while (false)
#else
#define FC_LAUNCH(kernel, grid, block, stream, ...) \
  ((void)(stream), ::cuda_emulator::launch(grid, block, [&] { kernel(__VA_ARGS__); }))
#endif

namespace fastcolor {

// Makes the place's device current, and the former one again at the end.
class DeviceGuard {
 public:
  explicit DeviceGuard(const Place& place) {
    FC_CUDA_CHECK(cudaGetDevice(&before_));
    if (before_ != place.device_index) FC_CUDA_CHECK(cudaSetDevice(place.device_index));
  }
  ~DeviceGuard() { cudaSetDevice(before_); }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = 0;
};

inline cudaStream_t stream_of(const Place& place) {
  return reinterpret_cast<cudaStream_t>(place.stream);
}

// A pool of the current device's memory that keeps what was freed for the next call; nullptr where
// there are none. CUDA's default pool gives memory back to the system whenever somebody waits for a
// stream, and getting it anew takes longer than most kernels.
cudaMemPool_t memory_pool();

// Memory in stream order: freed once the work enqueued before has run.
class StreamMemory {
 public:
  StreamMemory(size_t bytes, cudaStream_t stream) : stream_(stream) {
    const cudaMemPool_t pool = memory_pool();
    FC_CUDA_CHECK(pool != nullptr ? cudaMallocFromPoolAsync(&memory_, bytes, pool, stream)
                                  : cudaMallocAsync(&memory_, bytes, stream));
  }
  ~StreamMemory() { cudaFreeAsync(memory_, stream_); }
  StreamMemory(const StreamMemory&) = delete;
  StreamMemory& operator=(const StreamMemory&) = delete;
  template <typename T>
  T* as() const {
    return static_cast<T*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  cudaStream_t stream_;
};

// A batch of items of different sizes travels in the kernel's own parameters (at most 4 KB), so a
// launch needs no memory and no copy. blockIdx.z picks the item.
template <typename Item>
struct Batch {
  static constexpr int kMost = static_cast<int>(3840 / sizeof(Item));
  static_assert(kMost >= 1, "an item must fit into the kernel's parameters");
  Item items[kMost];
};

// Calls launch(batch, count) for consecutive groups of items.
template <typename Item, typename Launch>
void for_each_batch(const std::vector<Item>& items, Launch launch) {
  for (size_t first = 0; first < items.size(); first += Batch<Item>::kMost) {
    Batch<Item> batch{};
    const size_t count = std::min(items.size() - first, static_cast<size_t>(Batch<Item>::kMost));
    std::copy_n(items.begin() + static_cast<std::ptrdiff_t>(first), count, batch.items);
    launch(batch, static_cast<unsigned>(count));
  }
}

inline unsigned blocks_for(int64_t work, int64_t per_block) {
  return static_cast<unsigned>((work + per_block - 1) / per_block);
}

}  // namespace fastcolor
