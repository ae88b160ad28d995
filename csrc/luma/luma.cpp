#include "luma/luma.h"

#include <atomic>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "luma/luma_impl.h"

namespace fastcolor {
namespace {

void check_pair(const ImageView& rgb, const ImageView& luma) {
  FC_CHECK(rgb.channels == 3, "image must have 3 channels, got ", rgb.channels);
  FC_CHECK(luma.channels == 1, "out must have 1 channel, got ", luma.channels);
  FC_CHECK(rgb.width == luma.width && rgb.height == luma.height,
           "out must be as large as the image");
  FC_CHECK_TYPE(rgb.type == DType::u8 || rgb.type == DType::u16 || rgb.type == DType::f32,
                "image must be uint8, uint16 or float32, got ", dtype_name(rgb.type));
  FC_CHECK_TYPE(luma.type == rgb.type, "out must be ", dtype_name(rgb.type),
                " as the image is, got ", dtype_name(luma.type));
}

}  // namespace

namespace cpu {

void luma(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma, LumaMatrix matrix,
          const Place&) {
  for (size_t i = 0; i < rgb.size(); ++i) {
    std::atomic<bool> finite{true};
    parallel_rows(rgb[i].height, 16, [&](int64_t first, int64_t last) {
      bool rows_finite = true;
      FC_CALL_LEVEL(rows_finite =, luma_rows, rgb[i], luma[i], matrix, first, last);
      if (!rows_finite) finite = false;
    });
    FC_CHECK(finite, "image must be finite, got NaN or infinity");
  }
}

}  // namespace cpu

void luma(const std::vector<ImageView>& rgb, const std::vector<ImageView>& luma, LumaMatrix matrix,
          const Place& place) {
  FC_CHECK(luma.size() == rgb.size(), "out must hold ", rgb.size(), " arrays, got ", luma.size());
  for (size_t i = 0; i < rgb.size(); ++i) check_pair(rgb[i], luma[i]);
  FC_DISPATCH(place, luma(rgb, luma, matrix, place));
}

}  // namespace fastcolor
