#include "core/cuda.h"
#include "core/device_rows.h"
#include "lab/lab_impl.h"
#include "lab/lab_math.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 256;

struct Pair {
  ImageView source;
  ImageView target;
};

template <typename T, typename Out>
__global__ void rgb_to_lab_kernel(const Batch<Pair> batch) {
  const Pair& pair = batch.items[blockIdx.z];
  for (int64_t y = blockIdx.y; y < pair.source.height; y += gridDim.y) {
    Quad quad;
    if (!quad_in_row(pair.source, y, quad)) return;
    float c[3][4];
    load_quad<T, 3>(pair.source, quad, c);
    for (int i = 0; i < 4; ++i) {
      const Lab out = xyz_to_lab(linear_to_xyz(
          {srgb_to_linear(c[0][i]), srgb_to_linear(c[1][i]), srgb_to_linear(c[2][i])}));
      c[0][i] = out.l;
      c[1][i] = out.a;
      c[2][i] = out.b;
    }
    store_quad<Out, 3>(pair.target, quad, c);
  }
}

template <typename In, typename T>
__global__ void lab_to_rgb_kernel(const Batch<Pair> batch) {
  const Pair& pair = batch.items[blockIdx.z];
  for (int64_t y = blockIdx.y; y < pair.source.height; y += gridDim.y) {
    Quad quad;
    if (!quad_in_row(pair.source, y, quad)) return;
    float c[3][4];
    load_quad<In, 3>(pair.source, quad, c);
    for (int i = 0; i < 4; ++i) {
      const Rgb out = xyz_to_linear(lab_to_xyz({c[0][i], c[1][i], c[2][i]}));
      c[0][i] = linear_to_srgb(out.r);
      c[1][i] = linear_to_srgb(out.g);
      c[2][i] = linear_to_srgb(out.b);
    }
    store_quad<T, 3>(pair.target, quad, c);
  }
}

// run(kernel) for each group of images, with the grid that covers its largest.
template <typename Kernel>
void launch_pairs(Kernel kernel, const std::vector<ImageView>& sources,
                  const std::vector<ImageView>& targets, const Place& place) {
  const DeviceGuard guard(place);
  std::vector<Pair> pairs;
  int64_t width = 0;
  int64_t height = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    pairs.push_back({sources[i], targets[i]});
    width = std::max(width, sources[i].width);
    height = std::max(height, sources[i].height);
  }
  for_each_batch(pairs, [&](const Batch<Pair>& batch, unsigned count) {
    FC_LAUNCH(kernel, quad_grid(width, height, count, kThreads), kThreads, stream_of(place), batch);
  });
}

template <typename T>
void launch_rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                       const Place& place) {
  if (lab[0].type == DType::f16) return launch_pairs(rgb_to_lab_kernel<T, Half>, rgb, lab, place);
  launch_pairs(rgb_to_lab_kernel<T, float>, rgb, lab, place);
}

template <typename T>
void launch_lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                       const Place& place) {
  if (lab[0].type == DType::f16) return launch_pairs(lab_to_rgb_kernel<Half, T>, lab, rgb, place);
  launch_pairs(lab_to_rgb_kernel<float, T>, lab, rgb, place);
}

}  // namespace

namespace cuda {

void rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                const Place& place) {
  if (rgb[0].type == DType::u8) return launch_rgb_to_lab<uint8_t>(rgb, lab, place);
  if (rgb[0].type == DType::u16) return launch_rgb_to_lab<uint16_t>(rgb, lab, place);
  launch_rgb_to_lab<float>(rgb, lab, place);
}

void lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                const Place& place) {
  if (rgb[0].type == DType::u8) return launch_lab_to_rgb<uint8_t>(lab, rgb, place);
  if (rgb[0].type == DType::u16) return launch_lab_to_rgb<uint16_t>(lab, rgb, place);
  launch_lab_to_rgb<float>(lab, rgb, place);
}

}  // namespace cuda
}  // namespace fastcolor
