// Facts about CUDA devices, for the bindings (no CUDA header needed to include this).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fastcolor {

struct CudaStatus {
  bool built = false;
  int toolkit = 0;  // as CUDA numbers it: 13000 is 13.0
  int driver = 0;   // highest CUDA version that the driver supports; 0 without a driver
  std::vector<std::string> devices;
  std::string problem;  // why no device can be used; empty when one can
};

CudaStatus cuda_status();

// Which device holds this memory; throws std::invalid_argument for memory that no device holds.
int device_of_pointer(const void* data, const std::string& name);

// Waits for a stream, for timing in benchmarks and for copies in to_device().
void synchronize(std::uintptr_t stream);

}  // namespace fastcolor
