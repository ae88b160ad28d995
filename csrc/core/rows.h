// Blocks of pixels between a view of any layout and planar float buffers, for per-level row loops.
// Internal linkage throughout (see core/hd.h). The dense layouts are loops that the compiler
// vectorises; every other stride goes sample by sample.
#pragma once

#include "core/hd.h"
#include "core/image.h"

namespace fastcolor {
namespace {

constexpr int64_t kBlock = 256;  // pixels; three planes of it fit the L1 cache twice over

using Plane = float[kBlock];

inline int64_t block_at(int64_t x, int64_t width) {
  return width - x < kBlock ? width - x : kBlock;
}

template <typename T, int kStride, typename Convert>
inline void load_dense(const T* __restrict__ source, int64_t count, float* __restrict__ plane,
                       Convert convert) {
  for (int64_t i = 0; i < count; ++i) plane[i] = convert(source[i * kStride]);
}

// plane[c][i] = convert(sample c of pixel x + i of row y), i < count <= kBlock.
template <typename T, int kChannels, typename Convert>
inline void load_block(const ImageView& view, int64_t x, int64_t y, int64_t count,
                       Plane (&planes)[kChannels], Convert convert) {
  if (view.interleaved()) {
    // One contiguous pass converts, a second takes the channels apart in 32-bit lanes: the
    // compiler makes good code of either, and poor code of both at once for bytes.
    const T* __restrict__ source = reinterpret_cast<const T*>(view.at(x, y));
    alignas(64) float samples[kBlock * kChannels];
    for (int64_t i = 0; i < count * kChannels; ++i) samples[i] = convert(source[i]);
    for (int64_t i = 0; i < count; ++i) {
      for (int c = 0; c < kChannels; ++c) planes[c][i] = samples[i * kChannels + c];
    }
    return;
  }
  for (int c = 0; c < kChannels; ++c) {
    if (view.contiguous_rows()) {
      load_dense<T, 1>(reinterpret_cast<const T*>(view.at(x, y, c)), count, planes[c], convert);
      continue;
    }
    for (int64_t i = 0; i < count; ++i) {
      planes[c][i] = convert(*reinterpret_cast<const T*>(view.at(x + i, y, c)));
    }
  }
}

// sample c of pixel x + i of row y = convert(plane[c][i]).
template <typename T, int kChannels, typename Convert>
inline void store_block(const ImageView& view, int64_t x, int64_t y, int64_t count,
                        const Plane (&planes)[kChannels], Convert convert) {
  if (view.interleaved()) {
    T* __restrict__ target = reinterpret_cast<T*>(view.at(x, y));
    for (int64_t i = 0; i < count; ++i) {
      for (int c = 0; c < kChannels; ++c) target[i * kChannels + c] = convert(planes[c][i]);
    }
    return;
  }
  for (int c = 0; c < kChannels; ++c) {
    if (view.contiguous_rows()) {
      T* __restrict__ target = reinterpret_cast<T*>(view.at(x, y, c));
      for (int64_t i = 0; i < count; ++i) target[i] = convert(planes[c][i]);
      continue;
    }
    for (int64_t i = 0; i < count; ++i) {
      *reinterpret_cast<T*>(view.at(x + i, y, c)) = convert(planes[c][i]);
    }
  }
}

// Asks for pixels that will soon be read (kWrite 0) or overwritten (1). Rows outside the picture
// are ignored.
template <int kWrite>
inline void prefetch_block(const ImageView& view, int64_t x, int64_t y, int64_t count) {
  constexpr int64_t kLine = 64;
  if (y < 0 || y >= view.height) return;
  const char* start = view.at(x, y);
  const int64_t bytes = count * view.pixel_stride;
  for (int64_t i = 0; i < bytes; i += kLine) __builtin_prefetch(start + i, kWrite);
  __asm__ volatile("");  // or GCC takes this for a function without effect, and drops its calls
}

// True where a value is NaN or infinite; an OR of this over a block costs almost nothing.
inline uint32_t not_finite(float value) {
  return (float_bits(value) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
}

}  // namespace
}  // namespace fastcolor
