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

// Calls body(c) for every quad of the pair's source; c goes in as loaded and comes out to be
// stored.
template <typename Body>
__device__ __forceinline__ void for_each_quad(const Pair& pair, Body body) {
  for (int64_t y = blockIdx.y; y < pair.source.height; y += gridDim.y) {
    Quad quad;
    if (!quad_in_row(pair.source, y, quad)) return;
    float c[3][4];
    load_quad_any<3>(pair.source, quad, c);
    for (int i = 0; i < 4; ++i) body(c[0][i], c[1][i], c[2][i]);
    store_quad_any<3>(pair.target, quad, c);
  }
}

__global__ void rgb_to_lab_kernel(const Batch<Pair> batch) {
  for_each_quad(batch.items[blockIdx.z], [](float& x, float& y, float& z) {
    const Lab out =
        xyz_to_lab(linear_to_xyz(Rgb{srgb_to_linear(x), srgb_to_linear(y), srgb_to_linear(z)}));
    x = out.l;
    y = out.a;
    z = out.b;
  });
}

__global__ void lab_to_rgb_kernel(const Batch<Pair> batch) {
  for_each_quad(batch.items[blockIdx.z], [](float& x, float& y, float& z) {
    const Rgb out = xyz_to_linear(lab_to_xyz(Lab{x, y, z}));
    x = linear_to_srgb(out.r);
    y = linear_to_srgb(out.g);
    z = linear_to_srgb(out.b);
  });
}

template <typename Kernel>
void launch(Kernel kernel, const std::vector<ImageView>& sources,
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

}  // namespace

namespace cuda {

void rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                const Place& place) {
  launch(rgb_to_lab_kernel, rgb, lab, place);
}

void lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                const Place& place) {
  launch(lab_to_rgb_kernel, lab, rgb, place);
}

}  // namespace cuda
}  // namespace fastcolor
