#include "core/cuda.h"
#include "prepare/prepare_impl.h"
#include "prepare/prepare_math.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 128;
constexpr int kColumns = 2048;  // source columns summed at a time, in shared memory

static __device__ __forceinline__ void store_value(const ImageView& target, int64_t x, int64_t y,
                                                   float value) {
  char* place = target.at(x, y);
  if (target.type == DType::f32) {
    *reinterpret_cast<float*>(place) = value;
  } else if (target.type == DType::f16) {
    *reinterpret_cast<uint16_t*>(place) = float_to_half(value);
  } else {
    *reinterpret_cast<uint16_t*>(place) = float_to_bfloat16(value);
  }
}

template <typename T>
static __device__ __forceinline__ uint64_t sum_down(const ImageView& luma, int64_t x,
                                                    const AxisSpan& rows) {
  uint64_t sum = 0;
  for (int64_t y = rows.first; y <= rows.last; ++y) {
    const int64_t weight = y == rows.first  ? rows.first_weight
                           : y == rows.last ? rows.last_weight
                                            : rows.inner;
    sum += static_cast<uint64_t>(weight) * *reinterpret_cast<const T*>(luma.at(x, y));
  }
  return sum;
}

// A block makes kThreads neighbouring samples of one target row (padding included). Threads first
// sum source columns over the row's span, then each adds up its own columns.
__global__ void prepare_kernel(const Batch<PrepareItem> batch, LightnessCode code) {
  __shared__ uint64_t sums[kColumns];
  const PrepareItem& item = batch.items[blockIdx.z];
  const ImageView& luma = item.luma;
  const int64_t x0 = static_cast<int64_t>(blockIdx.x) * kThreads;
  if (x0 >= item.target.width) return;
  const int64_t x = x0 + threadIdx.x;
  const bool mine = x < item.target.width;
  // Reflected columns of the padding lie anywhere in the row: then the block covers all of it.
  const bool padded = x0 + kThreads > item.width;
  const int64_t last_x = item.width < x0 + kThreads ? item.width - 1 : x0 + kThreads - 1;
  const int64_t low = padded ? 0 : axis_span(x0, luma.width, item.width).first;
  const int64_t high = axis_span(last_x, luma.width, item.width).last;
  const AxisSpan columns =
      axis_span(mine ? reflect_index(x, item.width) : 0, luma.width, item.width);
  const double total_weight = static_cast<double>(axis_total(luma.width, item.width)) *
                              static_cast<double>(axis_total(luma.height, item.height));
  const float step = 1.0f / (code.white - code.black);
  const float offset = -code.black * step;
  for (int64_t y = blockIdx.y; y < item.target.height; y += gridDim.y) {
    const AxisSpan rows = axis_span(reflect_index(y, item.height), luma.height, item.height);
    uint64_t total = 0;
    for (int64_t start = low; start <= high; start += kColumns) {
      const int64_t end = start + kColumns <= high + 1 ? start + kColumns : high + 1;
      for (int64_t c = start + threadIdx.x; c < end; c += kThreads) {
        sums[c - start] = luma.type == DType::u8 ? sum_down<uint8_t>(luma, c, rows)
                                                 : sum_down<uint16_t>(luma, c, rows);
      }
      __syncthreads();
      const int64_t from = columns.first > start ? columns.first : start;
      const int64_t to = columns.last < end - 1 ? columns.last : end - 1;
      for (int64_t c = from; c <= to; ++c) {
        const int64_t weight = c == columns.first  ? columns.first_weight
                               : c == columns.last ? columns.last_weight
                                                   : columns.inner;
        total += static_cast<uint64_t>(weight) * sums[c - start];
      }
      __syncthreads();
    }
    const float f = grey_to_f(code_to_grey(cell_mean(total, total_weight), step, offset));
    if (mine) store_value(item.target, x, y, mul_add(f_to_lightness(f), code.scale, code.offset));
  }
}

}  // namespace

namespace cuda {

void prepare(const std::vector<PrepareItem>& items, const LightnessCode& code, const Place& place) {
  const DeviceGuard guard(place);
  int64_t width = 0;
  int64_t height = 0;
  for (const PrepareItem& item : items) {
    width = std::max(width, item.target.width);
    height = std::max(height, item.target.height);
  }
  for_each_batch(items, [&](const Batch<PrepareItem>& batch, unsigned count) {
    const dim3 grid(blocks_for(width, kThreads),
                    static_cast<unsigned>(std::min<int64_t>(height, 65535)), count);
    FC_LAUNCH(prepare_kernel, grid, kThreads, stream_of(place), batch, code);
  });
}

}  // namespace cuda
}  // namespace fastcolor
