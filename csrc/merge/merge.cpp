#include "merge/merge.h"

#include <cmath>
#include <memory>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "merge/merge_impl.h"
#include "prepare/prepare.h"

namespace fastcolor {
namespace cpu {
namespace {

// Dense planes of one picture's small chroma, and for guided chroma its lightness and slopes.
class SmallPlanes {
 public:
  SmallPlanes(MergeJob& job, const ImageView& ab, float saturation)
      : width_(ab.width),
        height_(ab.height),
        memory_(new float[static_cast<size_t>(
            ab.width * ab.height * (job.chroma == Chroma::guided ? kSmallPlanes : 2) +
            kSmallSlack)]) {
    job.small = {plane(kA), plane(kB), nullptr, nullptr, nullptr, width_, height_};
    copy(ab, saturation);
    if (job.chroma != Chroma::guided) return;
    ImageView lightness;
    lightness.data = plane(kLightness);
    lightness.type = DType::f32;
    lightness.width = width_;
    lightness.height = height_;
    lightness.pixel_stride = 4;
    lightness.row_stride = 4 * width_;
    const LightnessCode code{job.black, job.black + 1.0f / job.code_step, 1.0f, 0.0f};
    fastcolor::prepare({{job.luma, lightness, width_, height_}}, code, Place{});
    job.small.lightness = plane(kLightness);
    parallel_rows(height_, 32, [&](int64_t first, int64_t last) {
      FC_CALL_LEVEL(, guide_raw_rows, job.small, plane(kRawSlopeA), plane(kRawSlopeB), first, last);
    });
    parallel_rows(height_, 32, [&](int64_t first, int64_t last) {
      FC_CALL_LEVEL(, guide_smooth_rows, plane(kRawSlopeA), plane(kSlopeA), width_, height_, first,
                    last);
      FC_CALL_LEVEL(, guide_smooth_rows, plane(kRawSlopeB), plane(kSlopeB), width_, height_, first,
                    last);
    });
    job.small.slope_a = plane(kSlopeA);
    job.small.slope_b = plane(kSlopeB);
  }

 private:
  float* plane(int index) { return memory_.get() + width_ * height_ * index; }

  void copy(const ImageView& ab, float saturation) {
    for (int channel = 0; channel < 2; ++channel) {
      float* to = plane(kA + channel);
      int32_t largest_exponent = 0;
      const auto take = [&](int64_t x, float value) {
        const int32_t exponent = static_cast<int32_t>(float_bits(value) & 0x7f800000u);
        largest_exponent = max_of(largest_exponent, exponent);
        to[x] = chroma_in_f(channel, value * saturation);
      };
      for (int64_t y = 0; y < height_; ++y) {
        const char* row = ab.at(0, y, channel);
        const float* from = reinterpret_cast<const float*>(row);
        if (ab.contiguous_rows()) {  // a loop that compilers vectorise
          for (int64_t x = 0; x < width_; ++x) take(x, from[x]);
        } else {
          for (int64_t x = 0; x < width_; ++x) {
            take(x, *reinterpret_cast<const float*>(row + x * ab.pixel_stride));
          }
        }
        to += width_;
      }
      FC_CHECK(largest_exponent < 0x7f800000, "ab must be finite, got NaN or infinity");
    }
  }

  int64_t width_, height_;
  std::unique_ptr<float[]> memory_;
};

}  // namespace

void merge(std::vector<MergeJob>& jobs, const std::vector<ImageView>& ab, float saturation,
           const Place&) {
  for (size_t i = 0; i < jobs.size(); ++i) {
    MergeJob& job = jobs[i];
    const SmallPlanes planes(job, ab[i], saturation);
    parallel_rows(job.last - job.first, 32, [&](int64_t first, int64_t last) {
      if (job.rgb.data != nullptr) {
        FC_CALL_LEVEL(, merge_rgb_rows, job, job.first + first, job.first + last);
      } else {
        FC_CALL_LEVEL(, merge_ycc_rows, job, job.first + first, job.first + last);
      }
    });
  }
}

}  // namespace cpu

namespace {

void check_input(const MergeInput& input, const MergeOptions& options) {
  const ImageView& luma = input.luma;
  FC_CHECK(luma.channels == 1, "luma must have one channel, got ", luma.channels);
  FC_CHECK_TYPE(luma.type == DType::u8 || luma.type == DType::u16,
                "luma must be uint8 or uint16, got ", dtype_name(luma.type));
  FC_CHECK(input.ab.channels == 2, "ab must have 2 channels, got ", input.ab.channels);
  FC_CHECK_TYPE(input.ab.type == DType::f32, "ab must be float32, got ", dtype_name(input.ab.type));
  FC_CHECK(input.ab.width * input.ab.height <= int64_t{1} << 32, "ab is too large");
  FC_CHECK(options.saturation >= 0.0f && options.saturation <= 100.0f,
           "saturation must be from 0 to 100, got ", options.saturation);
}

MergeJob job_for(const MergeInput& input, const MergeOptions& options, int step_x, int step_y) {
  MergeJob job{};
  job.luma = input.luma;
  job.chroma = options.chroma;
  job.step_x = step_x;
  job.step_y = step_y;
  job.width = (input.luma.width + step_x - 1) / step_x;
  job.height = (input.luma.height + step_y - 1) / step_y;
  job.first = 0;
  job.last = job.height;
  job.scale_x = {input.ab.width * step_x, input.luma.width};
  job.scale_y = {input.ab.height * step_y, input.luma.height};
  job.black = 0.0f;
  job.code_step = input.luma.type == DType::u8 ? 1.0f / 255.0f : 1.0f / 65535.0f;
  return job;
}

void run(std::vector<MergeJob>& jobs, const std::vector<MergeInput>& inputs, float saturation,
         const Place& place) {
  std::vector<ImageView> ab;
  for (const MergeInput& input : inputs) ab.push_back(input.ab);
  FC_DISPATCH(place, merge(jobs, ab, saturation, place));
}

}  // namespace

void merge_rgb(const std::vector<MergeInput>& inputs, const std::vector<ImageView>& rgb,
               const MergeOptions& options, RowSpan rows, const Place& place) {
  std::vector<MergeJob> jobs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    check_input(inputs[i], options);
    const ImageView& luma = inputs[i].luma;
    const int64_t last = rows.last < 0 ? luma.height : rows.last;
    FC_CHECK(0 <= rows.first && rows.first < last && last <= luma.height,
             "rows must lie within the ", luma.height, " of the luma, got ", rows.first, " to ",
             last);
    FC_CHECK(rgb[i].channels == 3, "out must have 3 channels, got ", rgb[i].channels);
    FC_CHECK(rgb[i].width == luma.width && rgb[i].height == last - rows.first,
             "out must be as large as the luma, or its rows");
    FC_CHECK_TYPE(rgb[i].type == DType::u8 || rgb[i].type == DType::u16,
                  "out must be uint8 or uint16, got ", dtype_name(rgb[i].type));
    jobs.push_back(job_for(inputs[i], options, 1, 1));
    MergeJob& job = jobs.back();
    job.first = rows.first;
    job.last = last;
    job.rgb = rgb[i];
    job.rgb.data = rgb[i].at(0, -rows.first);
    job.rgb.height = last;
  }
  run(jobs, inputs, options.saturation, place);
}

YccCode ycc_code(const YccOptions& options) {
  const double unit = std::exp2(options.bits - 8);
  const double largest = std::exp2(options.bits) - 1;
  YccCode code{};
  const double black = options.limited ? 16 * unit : 0;
  const double white = options.limited ? 235 * unit : largest;
  code.luma_offset = static_cast<float>(black);
  code.luma_scale = static_cast<float>(1.0 / (white - black));
  code.chroma_offset = static_cast<float>(128 * unit);
  code.chroma_low = static_cast<float>(options.limited ? 16 * unit : 0);
  code.chroma_high = static_cast<float>(options.limited ? 240 * unit : largest);
  const double kr = options.bt709 ? 0.2126 : 0.299;
  const double kb = options.bt709 ? 0.0722 : 0.114;
  // Cb = (B' - Y') / 2 (1 - kb), Y' - G' = kr (R' - G') + kb (B' - G'), and so for Cr.
  const double range = options.limited ? 224 * unit : largest;
  code.cb_b = static_cast<float>(range / 2);
  code.cb_r = static_cast<float>(-range / 2 * kr / (1 - kb));
  code.cr_r = static_cast<float>(range / 2);
  code.cr_b = static_cast<float>(-range / 2 * kb / (1 - kr));
  return code;
}

void merge_ycc(const std::vector<MergeInput>& inputs, const std::vector<ChromaPlanes>& planes,
               const YccOptions& options, const Place& place) {
  FC_CHECK(options.bits >= 8 && options.bits <= 16, "bits must be from 8 to 16, got ",
           options.bits);
  FC_CHECK((options.step_x == 2 || options.step_x == 1) &&
               (options.step_y == 1 || (options.step_y == 2 && options.step_x == 2)),
           "subsampling must be 4:2:0, 4:2:2 or 4:4:4, got steps of ", options.step_x, " and ",
           options.step_y);
  const DType type = options.bits == 8 ? DType::u8 : DType::u16;
  const YccCode code = ycc_code(options);
  std::vector<MergeJob> jobs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    check_input(inputs[i], options.merge);
    FC_CHECK_TYPE(inputs[i].luma.type == type, "luma must be ", dtype_name(type), " for ",
                  options.bits, " bits, got ", dtype_name(inputs[i].luma.type));
    MergeJob job = job_for(inputs[i], options.merge, options.step_x, options.step_y);
    for (const ImageView* plane : {&planes[i].cb, &planes[i].cr}) {
      FC_CHECK(plane->channels == 1 && plane->width == job.width && plane->height == job.height,
               "out must hold two planes of ", job.height, " rows of ", job.width);
      FC_CHECK_TYPE(plane->type == type, "out must be ", dtype_name(type), ", got ",
                    dtype_name(plane->type));
    }
    job.cb = planes[i].cb;
    job.cr = planes[i].cr;
    job.code = code;
    job.black = code.luma_offset;
    job.code_step = code.luma_scale;
    jobs.push_back(job);
  }
  run(jobs, inputs, options.merge.saturation, place);
}

}  // namespace fastcolor
