#include "core/cuda.h"
#include "core/device_rows.h"
#include "merge/merge_impl.h"
#include "prepare/prepare.h"
#include "prepare/prepare_math.h"

namespace fastcolor {
namespace {

constexpr int kThreads = 128;
constexpr int kBand = 16;  // output rows that a thread walks down

// What the kernels know of a picture; MergeJob with the small planes as they lie on the device.
struct SmallJob {
  ImageView ab;
  float* planes;  // kSmallPlanes planes (kB + 1 of them without a guide)
  float saturation;
};

// --- small size ---------------------------------------------------------------------------------

__global__ void copy_ab_kernel(const Batch<SmallJob> batch) {
  const SmallJob& job = batch.items[blockIdx.z];
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= job.ab.width) return;
  const int64_t size = job.ab.width * job.ab.height;
  for (int64_t y = blockIdx.y; y < job.ab.height; y += gridDim.y) {
    for (int channel = 0; channel < 2; ++channel) {
      job.planes[size * channel + y * job.ab.width + x] = chroma_in_f(
          channel, *reinterpret_cast<const float*>(job.ab.at(x, y, channel)) * job.saturation);
    }
  }
}

// Sums down the five rows around y at column x; f(index) is the summed quantity.
template <typename Quantity>
__device__ __forceinline__ float down(int64_t x, int64_t y, int64_t width, int64_t height,
                                      Quantity f) {
  float v[5];
  for (int k = 0; k < 5; ++k) v[k] = f(clamp_index(y + k - 2, height) * width + x);
  return guide_sum(v[0], v[1], v[2], v[3], v[4]);
}

// The Gaussian window around (x, y): down first, then across, as on the CPU.
template <typename Quantity>
__device__ __forceinline__ float window(int64_t x, int64_t y, int64_t width, int64_t height,
                                        Quantity f) {
  float v[5];
  for (int k = 0; k < 5; ++k) v[k] = down(clamp_index(x + k - 2, width), y, width, height, f);
  return guide_sum(v[0], v[1], v[2], v[3], v[4]);
}

__global__ void guide_raw_kernel(const Batch<SmallJob> batch) {
  const SmallJob& job = batch.items[blockIdx.z];
  const int64_t width = job.ab.width;
  const int64_t height = job.ab.height;
  const int64_t size = width * height;
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= width) return;
  const float* lightness = job.planes + size * kLightness;
  const auto l = [&](int64_t i) { return lightness[i] - 50.0f; };
  for (int64_t y = blockIdx.y; y < height; y += gridDim.y) {
    const float mean_l = window(x, y, width, height, l);
    const float mean_ll = window(x, y, width, height, [&](int64_t i) { return l(i) * l(i); });
    for (int channel = 0; channel < 2; ++channel) {
      const float* c = job.planes + size * channel;
      const float mean_c = window(x, y, width, height, [&](int64_t i) { return c[i]; });
      const float mean_lc = window(x, y, width, height, [&](int64_t i) { return l(i) * c[i]; });
      job.planes[size * (kRawSlopeA + channel) + y * width + x] =
          guide_slope(mean_l, mean_ll, mean_c, mean_lc);
    }
  }
}

__global__ void guide_smooth_kernel(const Batch<SmallJob> batch) {
  const SmallJob& job = batch.items[blockIdx.z];
  const int64_t width = job.ab.width;
  const int64_t height = job.ab.height;
  const int64_t size = width * height;
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= width) return;
  for (int64_t y = blockIdx.y; y < height; y += gridDim.y) {
    for (int channel = 0; channel < 2; ++channel) {
      const float* raw = job.planes + size * (kRawSlopeA + channel);
      job.planes[size * (kSlopeA + channel) + y * width + x] =
          window(x, y, width, height, [&](int64_t i) { return raw[i]; });
    }
  }
}

// --- full size ----------------------------------------------------------------------------------

// One output column: small rows upsampled horizontally, held for as long as the walk down needs
// them. cubic[p][k] belongs to small row index + k - 1.
template <Chroma kChroma>
class Column {
 public:
  __device__ Column(const MergeJob& job, int64_t x) : small_(job.small) {
    const Tap tap = tap_at(x, job.scale_x);
    weights_ = kChroma == Chroma::bilinear ? linear_weights(tap.part) : cubic_weights(tap.part);
    part_ = tap.part;
    for (int k = 0; k < 4; ++k) at_[k] = clamp_index(tap.index + k - 1, small_.width);
  }

  // a and b at the row of `tap`, under luma with this f.
  __device__ void sample(const Tap& tap, float f, float& a, float& b) {
    if (tap.index != index_) move_to(tap.index);
    if (kChroma == Chroma::bilinear) {
      a = linear_sum(tap.part, a_[1], a_[2]);
      b = linear_sum(tap.part, b_[1], b_[2]);
      return;
    }
    const Cubic w = cubic_weights(tap.part);
    a = cubic_sum(w, a_[0], a_[1], a_[2], a_[3]);
    b = cubic_sum(w, b_[0], b_[1], b_[2], b_[3]);
    if (kChroma == Chroma::bicubic) return;
    const float detail = f_to_lightness(f) - cubic_sum(w, l_[0], l_[1], l_[2], l_[3]);
    a = mul_add(linear_sum(tap.part, slope_a_[1], slope_a_[2]), detail, a);
    b = mul_add(linear_sum(tap.part, slope_b_[1], slope_b_[2]), detail, b);
  }

 private:
  __device__ void move_to(int64_t index) {
    const bool next = index == index_ + 1;
    index_ = index;
    for (int k = 0; k < 4; ++k) {
      if (next && k < 3) {
        copy(k, k + 1);
      } else {
        fill(k, clamp_index(index + k - 1, small_.height) * small_.width);
      }
    }
  }

  __device__ __forceinline__ void copy(int to, int from) {
    a_[to] = a_[from];
    b_[to] = b_[from];
    if (kChroma != Chroma::guided) return;
    l_[to] = l_[from];
    slope_a_[to] = slope_a_[from];
    slope_b_[to] = slope_b_[from];
  }

  __device__ __forceinline__ float cubic(const float* row) const {
    if (kChroma == Chroma::bilinear) return linear(row);
    return cubic_sum(weights_, row[at_[0]], row[at_[1]], row[at_[2]], row[at_[3]]);
  }
  __device__ __forceinline__ float linear(const float* row) const {
    return linear_sum(part_, row[at_[1]], row[at_[2]]);
  }

  __device__ __forceinline__ void fill(int k, int64_t start) {
    a_[k] = cubic(small_.a + start);
    b_[k] = cubic(small_.b + start);
    if (kChroma != Chroma::guided) return;
    l_[k] = cubic(small_.lightness + start);
    slope_a_[k] = linear(small_.slope_a + start);
    slope_b_[k] = linear(small_.slope_b + start);
  }

  const SmallChroma small_;
  Cubic weights_;
  float part_;
  int64_t at_[4];
  int64_t index_ = -100;
  float a_[4] = {}, b_[4] = {}, l_[4] = {}, slope_a_[4] = {}, slope_b_[4] = {};
};

__device__ __forceinline__ Rgb linear_of(float f, float a, float b) {
  Tint<float> t = tint_of(f, a, b);
  if (smallest(t) < 0.0f || largest(t) > 1.0f) t = in_gamut(t);
  return {t.r, t.g, t.b};
}

__device__ __forceinline__ Rgb encoded(Rgb c) {
  return {linear_to_srgb_unclamped(c.r), linear_to_srgb_unclamped(c.g),
          linear_to_srgb_unclamped(c.b)};
}

__device__ __forceinline__ Rgb encoded_fine(Rgb c) {
  return {linear_to_srgb_fine(c.r), linear_to_srgb_fine(c.g), linear_to_srgb_fine(c.b)};
}

__device__ __forceinline__ float code_at(const ImageView& luma, int64_t x, int64_t y) {
  const char* code = luma.at(x, y);
  return luma.type == DType::u8 ? static_cast<float>(*reinterpret_cast<const uint8_t*>(code))
                                : static_cast<float>(*reinterpret_cast<const uint16_t*>(code));
}

__device__ __forceinline__ void store_code(const ImageView& plane, int64_t x, int64_t y,
                                           float code) {
  char* place = plane.at(x, y);
  const uint32_t rounded = round_to_uint(code);
  if (plane.type == DType::u8) {
    *reinterpret_cast<uint8_t*>(place) = static_cast<uint8_t>(rounded);
  } else {
    *reinterpret_cast<uint16_t*>(place) = static_cast<uint16_t>(rounded);
  }
}

template <Chroma kChroma>
__global__ void merge_rgb_kernel(const Batch<MergeJob> batch) {
  const MergeJob& job = batch.items[blockIdx.z];
  const int64_t x = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * 4;
  if (x >= job.width) return;
  const int count = job.width - x < 4 ? static_cast<int>(job.width - x) : 4;
  Column<kChroma> columns[4] = {{job, x}, {job, x + 1}, {job, x + 2}, {job, x + 3}};
  for (int64_t band = job.first + static_cast<int64_t>(blockIdx.y) * kBand; band < job.last;
       band += static_cast<int64_t>(gridDim.y) * kBand) {
    const int64_t end = band + kBand < job.last ? band + kBand : job.last;
    for (int64_t y = band; y < end; ++y) {
      const Tap tap = tap_at(y, job.scale_y);
      float codes[1][4];
      load_quad_any<1>(job.luma, Quad{x, y, count}, codes);  // scaled to [0, 1]
      float c[3][4];
      for (int i = 0; i < 4; ++i) {
        const float f = grey_to_f(codes[0][i]);
        float a, b;
        columns[i].sample(tap, f, a, b);
        const Rgb linear = linear_of(f, a, b);
        const Rgb rgb = job.rgb.type == DType::u8 ? encoded(linear) : encoded_fine(linear);
        c[0][i] = rgb.r;
        c[1][i] = rgb.g;
        c[2][i] = rgb.b;
      }
      store_quad_any<3>(job.rgb, Quad{x, y, count}, c);
    }
  }
}

template <Chroma kChroma>
__global__ void merge_ycc_kernel(const Batch<MergeJob> batch) {
  const MergeJob& job = batch.items[blockIdx.z];
  const int64_t x = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (x >= job.width) return;
  Column<kChroma> column(job, x);
  const float step = job.code_step / static_cast<float>(job.step_x * job.step_y);  // of their sum
  const float offset = -job.black * job.code_step;
  for (int64_t band = job.first + static_cast<int64_t>(blockIdx.y) * kBand; band < job.last;
       band += static_cast<int64_t>(gridDim.y) * kBand) {
    const int64_t end = band + kBand < job.last ? band + kBand : job.last;
    for (int64_t y = band; y < end; ++y) {
      float sum = 0.0f;  // of whole numbers: exact in any order
      for (int64_t v = y * job.step_y; v < (y + 1) * job.step_y; ++v) {
        for (int64_t u = x * job.step_x; u < (x + 1) * job.step_x; ++u) {
          sum += code_at(job.luma, clamp_index(u, job.luma.width), clamp_index(v, job.luma.height));
        }
      }
      const float f = grey_to_f(code_to_grey(sum, step, offset));
      float a, b;
      column.sample(tap_at(y, job.scale_y), f, a, b);
      const CbCr<float> codes = encode_chroma(encoded(linear_of(f, a, b)), job.code);
      store_code(job.cb, x, y, codes.cb);
      store_code(job.cr, x, y, codes.cr);
    }
  }
}

template <Chroma kChroma>
void launch_full(const std::vector<MergeJob>& jobs, cudaStream_t stream) {
  const bool rgb = jobs[0].rgb.data != nullptr;
  int64_t width = 0;
  int64_t height = 0;
  for (const MergeJob& job : jobs) {
    width = std::max(width, job.width);
    height = std::max(height, job.last - job.first);
  }
  const unsigned bands = blocks_for(std::min<int64_t>(height, int64_t{65535} * kBand), kBand);
  for_each_batch(jobs, [&](const Batch<MergeJob>& batch, unsigned count) {
    const dim3 grid(blocks_for(width, rgb ? 4 * kThreads : kThreads), bands, count);
    if (rgb) {
      FC_LAUNCH((merge_rgb_kernel<kChroma>), grid, kThreads, stream, batch);
    } else {
      FC_LAUNCH((merge_ycc_kernel<kChroma>), grid, kThreads, stream, batch);
    }
  });
}

}  // namespace

namespace cuda {

void merge(std::vector<MergeJob>& jobs, const std::vector<ImageView>& ab, float saturation,
           const Place& place) {
  const DeviceGuard guard(place);
  const cudaStream_t stream = stream_of(place);
  const bool guided = jobs[0].chroma == Chroma::guided;
  int64_t floats = 0;
  for (const ImageView& view : ab) floats += view.width * view.height * (guided ? kSmallPlanes : 2);
  const StreamMemory memory(static_cast<size_t>(floats) * sizeof(float), stream);

  std::vector<SmallJob> smalls;
  std::vector<PrepareItem> lightness;
  int64_t width = 0;
  int64_t height = 0;
  float* planes = memory.as<float>();
  for (size_t i = 0; i < jobs.size(); ++i) {
    const int64_t size = ab[i].width * ab[i].height;
    smalls.push_back({ab[i], planes, saturation});
    jobs[i].small = {planes,
                     planes + size,
                     planes + size * kLightness,
                     planes + size * kSlopeA,
                     planes + size * kSlopeB,
                     ab[i].width,
                     ab[i].height};
    ImageView view;
    view.data = planes + size * kLightness;
    view.type = DType::f32;
    view.width = ab[i].width;
    view.height = ab[i].height;
    view.pixel_stride = 4;
    view.row_stride = 4 * ab[i].width;
    lightness.push_back({jobs[i].luma, view, ab[i].width, ab[i].height});
    width = std::max(width, ab[i].width);
    height = std::max(height, ab[i].height);
    planes += size * (guided ? kSmallPlanes : 2);
  }
  const auto small_launch = [&](auto kernel) {
    for_each_batch(smalls, [&](const Batch<SmallJob>& batch, unsigned count) {
      const dim3 grid(blocks_for(width, kThreads),
                      static_cast<unsigned>(std::min<int64_t>(height, 65535)), count);
      FC_LAUNCH(kernel, grid, kThreads, stream, batch);
    });
  };
  small_launch(copy_ab_kernel);
  if (guided) {
    const float white = jobs[0].black + 1.0f / jobs[0].code_step;
    fastcolor::prepare(lightness, {jobs[0].black, white, 1.0f, 0.0f}, place);
    small_launch(guide_raw_kernel);
    small_launch(guide_smooth_kernel);
  }
  switch (jobs[0].chroma) {
    case Chroma::bilinear: return launch_full<Chroma::bilinear>(jobs, stream);
    case Chroma::bicubic: return launch_full<Chroma::bicubic>(jobs, stream);
    case Chroma::guided: return launch_full<Chroma::guided>(jobs, stream);
  }
}

}  // namespace cuda
}  // namespace fastcolor
