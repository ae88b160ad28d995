// A stand-in for <cuda_runtime.h> that runs the project's kernels on the CPU, so that their
// indexing, barriers and arithmetic are tested on machines without a GPU (CMake:
// FASTCOLOR_CUDA=EMULATE). One block at a time, one fiber per thread; fibers change at barriers
// only. Device memory is host memory. It says nothing about speed or about races between blocks.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __constant__ static
#define __shared__ static  // blocks run one after another in one thread

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();

// Fibers of one thread never interrupt each other: plain arithmetic is atomic.
template <typename T>
T atomicAdd(T* address, T value) {
  const T before = *address;
  *address = before + value;
  return before;
}
template <typename T>
T atomicMax(T* address, T value) {
  const T before = *address;
  if (value > before) *address = value;
  return before;
}

using cudaStream_t = struct emulated_stream*;
using cudaError_t = int;
constexpr cudaError_t cudaSuccess = 0;
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaMemoryType { cudaMemoryTypeHost = 1, cudaMemoryTypeDevice = 2, cudaMemoryTypeManaged = 3 };
struct cudaDeviceProp {
  const char* name = "emulated device";
  int major = 0, minor = 0;
  size_t totalGlobalMem = 0;
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
};

inline const char* cudaGetErrorString(cudaError_t) { return "emulated"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp*, int) { return cudaSuccess; }
inline cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 0, cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) { return *version = 0, cudaSuccess; }
inline cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* out, const void*) {
  return *out = {cudaMemoryTypeDevice, 0}, cudaSuccess;
}
inline cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) {
  *memory = std::malloc(bytes);
  return *memory != nullptr ? cudaSuccess : 2;
}
// One pool, which is there and does nothing of its own.
using cudaMemPool_t = struct emulated_pool*;
enum { cudaMemAllocationTypePinned, cudaMemHandleTypeNone, cudaMemLocationTypeDevice };
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold };
struct cudaMemPoolProps {
  int allocType, handleTypes;
  struct {
    int type, id;
  } location;
};
inline cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps*) {
  static char place;
  return *pool = reinterpret_cast<cudaMemPool_t>(&place), cudaSuccess;
}
inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) {
  return cudaSuccess;
}
inline cudaError_t cudaMallocFromPoolAsync(void** memory, size_t bytes, cudaMemPool_t,
                                           cudaStream_t stream) {
  return cudaMallocAsync(memory, bytes, stream);
}
inline cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  return std::free(memory), cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t) {
  return std::memset(memory, value, bytes), cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                                   cudaStream_t) {
  return std::memcpy(to, from, bytes), cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

namespace cuda_emulator {
void launch(dim3 grid, dim3 block, const std::function<void()>& kernel);
}
