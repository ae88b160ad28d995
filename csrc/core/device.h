// The one branch on the device. Operators declare the same function in namespaces cpu and cuda and
// write FC_DISPATCH(place, rgb_to_lab(rgb, lab, place)); a build without CUDA turns the second case
// into an error, so operators need no #ifdef.
#pragma once

#include "core/errors.h"
#include "core/image.h"

#if defined(FC_WITH_CUDA)
#define FC_DISPATCH(place, call)                     \
  do {                                               \
    if ((place).device == ::fastcolor::Device::cuda) \
      cuda::call;                                    \
    else                                             \
      cpu::call;                                     \
  } while (false)
#else
#define FC_DISPATCH(place, call)                                                          \
  do {                                                                                    \
    if ((place).device == ::fastcolor::Device::cuda) {                                    \
      throw ::fastcolor::DeviceError(                                                     \
          "this build of fastcolor has no CUDA operators; build with FASTCOLOR_CUDA=ON"); \
    }                                                                                     \
    cpu::call;                                                                            \
  } while (false)
#endif
