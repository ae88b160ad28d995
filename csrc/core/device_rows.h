// Four neighbouring pixels a thread: loads and stores of 4 * sizeof(T) bytes (16 for float) where
// the layout is dense and aligned, sample by sample elsewhere. The CUDA twin of core/rows.h.
//
// Integer samples are scaled to [0, 1] on the way in and rounded on the way out; floats pass.
#pragma once

#include "core/cuda.h"
#include "core/hd.h"

namespace fastcolor {

struct Quad {
  int64_t x = 0;
  int64_t y = 0;
  int count = 0;  // 1 to 4 pixels
};

struct Half {  // IEEE binary16, as its bits
  uint16_t bits;
};

FC_HD float sample_to_float(uint8_t v) { return static_cast<float>(v) * (1.0f / 255.0f); }
FC_HD float sample_to_float(uint16_t v) { return static_cast<float>(v) * (1.0f / 65535.0f); }
FC_HD float sample_to_float(float v) { return v; }
FC_HD float sample_to_float(Half v) { return half_to_float(v.bits); }

FC_HD void float_to_sample(float v, uint8_t& out) {
  out = static_cast<uint8_t>(round_to_uint(v * 255.0f));
}
FC_HD void float_to_sample(float v, uint16_t& out) {
  out = static_cast<uint16_t>(round_to_uint(v * 65535.0f));
}
FC_HD void float_to_sample(float v, float& out) { out = v; }
FC_HD void float_to_sample(float v, Half& out) { out.bits = float_to_half(v); }

template <typename T>
struct alignas(4 * sizeof(T)) Pack4 {
  T v[4];
};

template <typename T>
FC_HD bool aligned_for_pack(const char* address) {
  return reinterpret_cast<uintptr_t>(address) % (4 * sizeof(T)) == 0;
}

// Launch geometry: x covers a row in quads, y strides over the rows, z picks the image.
inline dim3 quad_grid(int64_t width, int64_t height, unsigned images, int threads) {
  return dim3(blocks_for(width, int64_t{4} * threads),
              static_cast<unsigned>(std::min<int64_t>(height, 65535)), images);
}

// The quad of this thread in row y; false when the row ends before it.
static __device__ __forceinline__ bool quad_in_row(const ImageView& view, int64_t y, Quad& quad) {
  quad.x = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * 4;
  quad.y = y;
  if (quad.x >= view.width) return false;
  const int64_t left = view.width - quad.x;
  quad.count = left < 4 ? static_cast<int>(left) : 4;
  return true;
}

// c[channel][i] for i < count; the others are 0.
template <typename T, int kChannels>
__device__ __forceinline__ void load_quad(const ImageView& view, const Quad& quad,
                                          float (&c)[kChannels][4]) {
  const char* start = view.at(quad.x, quad.y);
  if (quad.count == 4 && view.interleaved() && aligned_for_pack<T>(start)) {
    T samples[kChannels * 4];
    for (int i = 0; i < kChannels; ++i) {
      const Pack4<T> pack = reinterpret_cast<const Pack4<T>*>(start)[i];
      for (int k = 0; k < 4; ++k) samples[i * 4 + k] = pack.v[k];
    }
    for (int i = 0; i < 4; ++i) {
      for (int k = 0; k < kChannels; ++k) c[k][i] = sample_to_float(samples[i * kChannels + k]);
    }
    return;
  }
  for (int k = 0; k < kChannels; ++k) {
    const char* first = view.at(quad.x, quad.y, k);
    if (quad.count == 4 && view.contiguous_rows() && aligned_for_pack<T>(first)) {
      const Pack4<T> pack = *reinterpret_cast<const Pack4<T>*>(first);
      for (int i = 0; i < 4; ++i) c[k][i] = sample_to_float(pack.v[i]);
      continue;
    }
    for (int i = 0; i < 4; ++i) {
      c[k][i] = i < quad.count
                    ? sample_to_float(*reinterpret_cast<const T*>(first + i * view.pixel_stride))
                    : 0.0f;
    }
  }
}

template <typename T, int kChannels>
__device__ __forceinline__ void store_quad(const ImageView& view, const Quad& quad,
                                           const float (&c)[kChannels][4]) {
  char* start = view.at(quad.x, quad.y);
  if (quad.count == 4 && view.interleaved() && aligned_for_pack<T>(start)) {
    T samples[kChannels * 4];
    for (int i = 0; i < 4; ++i) {
      for (int k = 0; k < kChannels; ++k) float_to_sample(c[k][i], samples[i * kChannels + k]);
    }
    for (int i = 0; i < kChannels; ++i) {
      Pack4<T> pack;
      for (int k = 0; k < 4; ++k) pack.v[k] = samples[i * 4 + k];
      reinterpret_cast<Pack4<T>*>(start)[i] = pack;
    }
    return;
  }
  for (int k = 0; k < kChannels; ++k) {
    char* first = view.at(quad.x, quad.y, k);
    if (quad.count == 4 && view.contiguous_rows() && aligned_for_pack<T>(first)) {
      Pack4<T> pack;
      for (int i = 0; i < 4; ++i) float_to_sample(c[k][i], pack.v[i]);
      *reinterpret_cast<Pack4<T>*>(first) = pack;
      continue;
    }
    for (int i = 0; i < quad.count; ++i) {
      float_to_sample(c[k][i], *reinterpret_cast<T*>(first + i * view.pixel_stride));
    }
  }
}

// The same for a type known at run time. All threads take one branch, and one kernel serves every
// type: a kernel for each pair of types multiplied the time to compile.
template <int kChannels>
__device__ __forceinline__ void load_quad_any(const ImageView& view, const Quad& quad,
                                              float (&c)[kChannels][4]) {
  switch (view.type) {
    case DType::u8: return load_quad<uint8_t, kChannels>(view, quad, c);
    case DType::u16: return load_quad<uint16_t, kChannels>(view, quad, c);
    case DType::f16: return load_quad<Half, kChannels>(view, quad, c);
    default: return load_quad<float, kChannels>(view, quad, c);
  }
}

template <int kChannels>
__device__ __forceinline__ void store_quad_any(const ImageView& view, const Quad& quad,
                                               const float (&c)[kChannels][4]) {
  switch (view.type) {
    case DType::u8: return store_quad<uint8_t, kChannels>(view, quad, c);
    case DType::u16: return store_quad<uint16_t, kChannels>(view, quad, c);
    case DType::f16: return store_quad<Half, kChannels>(view, quad, c);
    default: return store_quad<float, kChannels>(view, quad, c);
  }
}

}  // namespace fastcolor
