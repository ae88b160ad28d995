#include <pybind11/stl.h>

#include "bind/register.h"
#include "prepare/prepare.h"

namespace fastcolor {
namespace {

// out is (N, 1, height, width): the rows of one contiguous-row view for each picture.
std::vector<ImageView> batch_views(const ArrayRef& out, const std::string& dtype) {
  FC_CHECK(out.shape.size() == 4 && out.shape[1] == 1, "out must have the shape (N, 1, h, w)");
  std::vector<ImageView> views;
  for (int64_t i = 0; i < out.shape[0]; ++i) {
    ImageView view;
    view.data = static_cast<char*>(out.data) + i * out.strides[0];
    view.type = dtype == "bfloat16" && out.type == DType::u16 ? DType::bf16 : out.type;
    view.height = out.shape[2];
    view.width = out.shape[3];
    view.row_stride = out.strides[2];
    view.pixel_stride = out.strides[3];
    view.channel_stride = dtype_size(out.type);
    views.push_back(view);
  }
  return views;
}

}  // namespace

void register_prepare(py::module_& m) {
  m.def(
      "prepared_size",
      [](int64_t width, int64_t height, int64_t size, int64_t multiple, int64_t step) {
        const PreparedSize out = prepared_size(width, height, size, multiple, step);
        return py::make_tuple(out.width, out.height, out.padded_width, out.padded_height);
      },
      py::arg("width"), py::arg("height"), py::arg("size"), py::arg("multiple"), py::arg("step"));
  m.def(
      "prepare",
      [](const py::list& luma, py::handle out, const std::string& dtype, int64_t width,
         int64_t height, std::pair<float, float> levels, std::uintptr_t stream) {
        Call call(stream);
        const auto sources = call.inputs(luma, Layout::interleaved, "luma");
        const auto targets = batch_views(call.output(out, "out"), dtype);
        FC_CHECK(targets.size() == sources.size(), "out must hold ", sources.size(),
                 " pictures, got ", targets.size());
        std::vector<PrepareItem> items;
        for (size_t i = 0; i < sources.size(); ++i) {
          items.push_back({sources[i], targets[i], width, height});
        }
        const py::gil_scoped_release unlocked;
        prepare(items, {levels.first, levels.second, 1.0f / 50.0f, -1.0f}, call.place());
      },
      py::arg("luma"), py::arg("out"), py::arg("dtype"), py::arg("width"), py::arg("height"),
      py::arg("levels"), py::arg("stream"));
}

}  // namespace fastcolor
