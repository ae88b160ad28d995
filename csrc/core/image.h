// Views of pixels that somebody else owns.
#pragma once

#include <cstdint>

// image.h is used in device code as well, and once per CPU level: always inlined, so that no copy
// with another level's instructions is left for the linker to pick (see core/hd.h).
#if defined(__CUDACC__)
#define FC_VIEW_HD __host__ __device__
#else
#define FC_VIEW_HD inline __attribute__((always_inline))
#endif

namespace fastcolor {

// From b8 on: only there so that messages can name what was given; no operator takes these.
enum class DType : int { u8, u16, f16, bf16, f32, b8, i8, i16, i32, i64, u32, u64, f64 };
enum class Device : int { cpu, cuda };

// Where the work runs. A CUDA stream is the caller's own, as an integer so that code without CUDA
// can carry it; operators enqueue on it and never synchronise.
struct Place {
  Device device = Device::cpu;
  int device_index = 0;
  std::uintptr_t stream = 0;
};

FC_VIEW_HD constexpr int64_t dtype_size(DType type) {
  switch (type) {
    case DType::u8:
    case DType::b8:
    case DType::i8: return 1;
    case DType::u16:
    case DType::f16:
    case DType::bf16:
    case DType::i16: return 2;
    case DType::f32:
    case DType::i32:
    case DType::u32: return 4;
    case DType::i64:
    case DType::u64:
    case DType::f64: return 8;
  }
  return 0;
}

constexpr const char* dtype_name(DType type) {
  switch (type) {
    case DType::u8: return "uint8";
    case DType::u16: return "uint16";
    case DType::f16: return "float16";
    case DType::bf16: return "bfloat16";
    case DType::f32: return "float32";
    case DType::b8: return "bool";
    case DType::i8: return "int8";
    case DType::i16: return "int16";
    case DType::i32: return "int32";
    case DType::i64: return "int64";
    case DType::u32: return "uint32";
    case DType::u64: return "uint64";
    case DType::f64: return "float64";
  }
  return "?";
}

// A picture of `channels` samples per pixel, any layout: interleaved, planar or a strided cut of
// either. Strides count bytes and may be zero or negative where the memory is only read.
struct ImageView {
  void* data = nullptr;
  DType type = DType::u8;
  int64_t width = 0;
  int64_t height = 0;
  int64_t channels = 1;
  int64_t row_stride = 0;
  int64_t pixel_stride = 0;
  int64_t channel_stride = 0;

  // First byte of a sample.
  FC_VIEW_HD char* at(int64_t x, int64_t y, int64_t channel = 0) const {
    return static_cast<char*>(data) + y * row_stride + x * pixel_stride + channel * channel_stride;
  }
  FC_VIEW_HD bool interleaved() const {
    return channel_stride == dtype_size(type) && pixel_stride == channels * channel_stride;
  }
  FC_VIEW_HD bool contiguous_rows() const { return pixel_stride == dtype_size(type); }
};

}  // namespace fastcolor
