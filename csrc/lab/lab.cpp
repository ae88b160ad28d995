#include "lab/lab.h"

#include <atomic>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "lab/lab_impl.h"

namespace fastcolor {
namespace {

void check_pair(const ImageView& rgb, const ImageView& lab, const char* rgb_name,
                const char* lab_name, const Place& place) {
  FC_CHECK(rgb.channels == 3, rgb_name, " must have 3 channels, got ", rgb.channels);
  FC_CHECK(lab.channels == 3, lab_name, " must have 3 channels, got ", lab.channels);
  FC_CHECK(rgb.width == lab.width && rgb.height == lab.height, "out must be as large as the image");
  FC_CHECK_TYPE(rgb.type == DType::u8 || rgb.type == DType::u16 || rgb.type == DType::f32, rgb_name,
                " must be uint8, uint16 or float32, got ", dtype_name(rgb.type));
  const bool half = lab.type == DType::f16 && place.device == Device::cuda;
  FC_CHECK_TYPE(lab.type == DType::f32 || half, lab_name, " must be float32, got ",
                dtype_name(lab.type));
}

}  // namespace

namespace cpu {

void rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                const Place&) {
  for (size_t i = 0; i < rgb.size(); ++i) {
    std::atomic<bool> finite{true};
    parallel_rows(rgb[i].height, 16, [&](int64_t first, int64_t last) {
      bool rows_finite = true;
      FC_CALL_LEVEL(rows_finite =, rgb_to_lab_rows, rgb[i], lab[i], first, last);
      if (!rows_finite) finite = false;
    });
    FC_CHECK(finite, "image must be finite, got NaN or infinity");
  }
}

void lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                const Place&) {
  for (size_t i = 0; i < lab.size(); ++i) {
    std::atomic<bool> finite{true};
    parallel_rows(lab[i].height, 16, [&](int64_t first, int64_t last) {
      bool rows_finite = true;
      FC_CALL_LEVEL(rows_finite =, lab_to_rgb_rows, lab[i], rgb[i], first, last);
      if (!rows_finite) finite = false;
    });
    FC_CHECK(finite, "lab must be finite, got NaN or infinity");
  }
}

}  // namespace cpu

void rgb_to_lab(const std::vector<ImageView>& rgb, const std::vector<ImageView>& lab,
                const Place& place) {
  for (size_t i = 0; i < rgb.size(); ++i) check_pair(rgb[i], lab[i], "image", "out", place);
  FC_DISPATCH(place, rgb_to_lab(rgb, lab, place));
}

void lab_to_rgb(const std::vector<ImageView>& lab, const std::vector<ImageView>& rgb,
                const Place& place) {
  for (size_t i = 0; i < lab.size(); ++i) check_pair(rgb[i], lab[i], "out", "lab", place);
  FC_DISPATCH(place, lab_to_rgb(lab, rgb, place));
}

}  // namespace fastcolor
