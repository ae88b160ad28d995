#include "core/cuda.h"
#include "core/device_rows.h"
#include "delta_e/delta_e_impl.h"
#include "delta_e/delta_e_math.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 256;

struct Triple {
  ImageView one;
  ImageView two;
  ImageView out;
};

__global__ void delta_e2000_kernel(const Batch<Triple> batch) {
  const Triple& item = batch.items[blockIdx.z];
  for (int64_t y = blockIdx.y; y < item.one.height; y += gridDim.y) {
    Quad quad;
    if (!quad_in_row(item.one, y, quad)) return;
    float a[3][4];
    float b[3][4];
    load_quad<float, 3>(item.one, quad, a);
    load_quad<float, 3>(item.two, quad, b);
    float result[1][4];
    for (int i = 0; i < 4; ++i) {
      result[0][i] = delta_e2000({a[0][i], a[1][i], a[2][i]}, {b[0][i], b[1][i], b[2][i]});
    }
    store_quad<float, 1>(item.out, quad, result);
  }
}

}  // namespace

namespace cuda {

void delta_e2000(const std::vector<ImageView>& one, const std::vector<ImageView>& two,
                 const std::vector<ImageView>& out, const Place& place) {
  const DeviceGuard guard(place);
  std::vector<Triple> items;
  int64_t width = 0;
  int64_t height = 0;
  for (size_t i = 0; i < one.size(); ++i) {
    items.push_back({one[i], two[i], out[i]});
    width = std::max(width, one[i].width);
    height = std::max(height, one[i].height);
  }
  for_each_batch(items, [&](const Batch<Triple>& batch, unsigned count) {
    FC_LAUNCH(delta_e2000_kernel, quad_grid(width, height, count, kThreads), kThreads,
              stream_of(place), batch);
  });
}

}  // namespace cuda
}  // namespace fastcolor
