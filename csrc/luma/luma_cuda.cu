#include "core/cuda.h"
#include "core/device_rows.h"
#include "luma/luma_impl.h"
#include "luma/luma_math.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 256;

struct Pair {
  ImageView rgb;
  ImageView luma;
};

// load_quad scales integers to [0, 1]; rounding the product brings each of them back exactly.
template <typename T>
struct Samples {
  static constexpr float kScale = sizeof(T) == 1 ? 255.0f : 65535.0f;
  static constexpr float kStep = 1.0f / kScale;

  template <typename Matrix>
  static __device__ float luma(float r, float g, float b) {
    const uint32_t sum = luma_of<Matrix>(round_to_uint(r * kScale), round_to_uint(g * kScale),
                                         round_to_uint(b * kScale));
    return static_cast<float>(sum) * kStep;
  }
};

template <>
struct Samples<float> {
  template <typename Matrix>
  static __device__ float luma(float r, float g, float b) {
    return luma_of<Matrix>(r, g, b);
  }
};

template <typename T, typename Matrix>
__global__ void luma_kernel(const Batch<Pair> batch) {
  const Pair& pair = batch.items[blockIdx.z];
  for (int64_t y = blockIdx.y; y < pair.rgb.height; y += gridDim.y) {
    Quad quad;
    if (!quad_in_row(pair.rgb, y, quad)) return;
    float c[3][4];
    load_quad<T, 3>(pair.rgb, quad, c);
    float result[1][4];
    for (int i = 0; i < 4; ++i) {
      result[0][i] = Samples<T>::template luma<Matrix>(c[0][i], c[1][i], c[2][i]);
    }
    store_quad<T, 1>(pair.luma, quad, result);
  }
}

template <typename T, typename Matrix>
void launch(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma,
            const Place& place) {
  const DeviceGuard guard(place);
  std::vector<Pair> pairs;
  int64_t width = 0;
  int64_t height = 0;
  for (size_t i = 0; i < rgb.size(); ++i) {
    pairs.push_back({rgb[i], luma[i]});
    width = std::max(width, rgb[i].width);
    height = std::max(height, rgb[i].height);
  }
  for_each_batch(pairs, [&](const Batch<Pair>& batch, unsigned count) {
    FC_LAUNCH((luma_kernel<T, Matrix>), quad_grid(width, height, count, kThreads), kThreads,
              stream_of(place), batch);
  });
}

template <typename T>
void launch_matrix(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma,
                   LumaMatrix matrix, const Place& place) {
  if (matrix == LumaMatrix::bt709) return launch<T, Bt709>(rgb, luma, place);
  launch<T, Bt601>(rgb, luma, place);
}

}  // namespace

namespace cuda {

void luma(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma, LumaMatrix matrix,
          const Place& place) {
  if (rgb[0].type == DType::u8) return launch_matrix<uint8_t>(rgb, luma, matrix, place);
  if (rgb[0].type == DType::u16) return launch_matrix<uint16_t>(rgb, luma, matrix, place);
  launch_matrix<float>(rgb, luma, matrix, place);
}

}  // namespace cuda
}  // namespace fastcolor
