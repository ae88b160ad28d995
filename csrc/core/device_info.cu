#include "core/cuda.h"
#include "core/device_info.h"

namespace fastcolor {

CudaStatus cuda_status() {
  CudaStatus status;
  status.built = true;
  cudaRuntimeGetVersion(&status.toolkit);
  cudaDriverGetVersion(&status.driver);
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found != cudaSuccess) {
    cudaGetLastError();  // the error is reported here and must not meet the next check
    status.problem = cudaGetErrorString(found);
    return status;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    FC_CUDA_CHECK(cudaGetDeviceProperties(&properties, i));
    status.devices.push_back(concat(properties.name, ", compute ", properties.major, ".",
                                    properties.minor, ", ", properties.totalGlobalMem >> 20,
                                    " MiB"));
  }
  if (count == 0) status.problem = "no CUDA device";
  return status;
}

int device_of_pointer(const void* data, const std::string& name) {
  cudaPointerAttributes attributes{};
  FC_CUDA_CHECK(cudaPointerGetAttributes(&attributes, data));
  FC_CHECK(attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged,
           name, " has a CUDA array interface, but its memory is not on a CUDA device");
  return attributes.device;
}

void synchronize(std::uintptr_t stream) {
  FC_CUDA_CHECK(cudaStreamSynchronize(reinterpret_cast<cudaStream_t>(stream)));
}

}  // namespace fastcolor
