#include "delta_e/delta_e.h"

#include <atomic>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "delta_e/delta_e_impl.h"

namespace fastcolor {
namespace {

void check_lab(const ImageView& lab, const char* name) {
  FC_CHECK(lab.channels == 3, name, " must have 3 channels, got ", lab.channels);
  FC_CHECK_TYPE(lab.type == DType::f32, name, " must be float32, got ", dtype_name(lab.type));
}

}  // namespace

namespace cpu {

void delta_e2000(const std::vector<ImageView>& one, const std::vector<ImageView>& two,
                 const std::vector<ImageView>& out, const Place&) {
  for (size_t i = 0; i < one.size(); ++i) {
    std::atomic<int> bad{0};
    parallel_rows(one[i].height, 16, [&](int64_t first, int64_t last) {
      int rows_bad = 0;
      FC_CALL_LEVEL(rows_bad =, delta_e2000_rows, one[i], two[i], out[i], first, last);
      if (rows_bad != 0) bad |= rows_bad;
    });
    FC_CHECK((bad & 1) == 0, "lab1 must be finite, got NaN or infinity");
    FC_CHECK((bad & 2) == 0, "lab2 must be finite, got NaN or infinity");
  }
}

}  // namespace cpu

void delta_e2000(const std::vector<ImageView>& one, const std::vector<ImageView>& two,
                 const std::vector<ImageView>& out, const Place& place) {
  FC_CHECK(two.size() == one.size(), "lab2 must hold ", one.size(), " images as lab1 does, got ",
           two.size());
  FC_CHECK(out.size() == one.size(), "out must hold ", one.size(), " arrays, got ", out.size());
  for (size_t i = 0; i < one.size(); ++i) {
    check_lab(one[i], "lab1");
    check_lab(two[i], "lab2");
    FC_CHECK(one[i].width == two[i].width && one[i].height == two[i].height,
             "lab2 must be as large as lab1");
    FC_CHECK(one[i].width == out[i].width && one[i].height == out[i].height,
             "out must be as large as lab1");
    FC_CHECK(out[i].channels == 1, "out must have 1 channel, got ", out[i].channels);
    FC_CHECK_TYPE(out[i].type == DType::f32, "out must be float32, got ", dtype_name(out[i].type));
  }
  FC_DISPATCH(place, delta_e2000(one, two, out, place));
}

}  // namespace fastcolor
