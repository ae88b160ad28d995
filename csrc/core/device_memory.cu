#include <map>
#include <mutex>

#include "core/cuda.h"

namespace fastcolor {
namespace {

constexpr uint64_t kKept = uint64_t{512} << 20;  // bytes that a pool holds on to

cudaMemPool_t new_pool(int device) {
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.handleTypes = cudaMemHandleTypeNone;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  cudaMemPool_t pool = nullptr;
  if (cudaMemPoolCreate(&pool, &properties) != cudaSuccess) {
    cudaGetLastError();  // the default pool will do; the error must not meet the next check
    return nullptr;
  }
  uint64_t kept = kKept;
  FC_CUDA_CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept));
  return pool;
}

}  // namespace

cudaMemPool_t memory_pool() {
  // Never destroyed: memory may still be in use by streams when the process ends.
  static auto& pools = *new std::map<int, cudaMemPool_t>;
  static std::mutex mutex;
  int device = 0;
  FC_CUDA_CHECK(cudaGetDevice(&device));
  const std::lock_guard lock(mutex);
  const auto found = pools.find(device);
  return found != pools.end() ? found->second
                              : pools.emplace(device, new_pool(device)).first->second;
}

}  // namespace fastcolor
