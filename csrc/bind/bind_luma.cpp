#include "bind/register.h"
#include "luma/luma.h"

namespace fastcolor {
namespace {

LumaMatrix matrix_named(const std::string& name) {
  if (name == "bt601") return LumaMatrix::bt601;
  FC_CHECK(name == "bt709", "matrix must be 'bt601' or 'bt709', got '", name, "'");
  return LumaMatrix::bt709;
}

}  // namespace

void register_luma(py::module_& m) {
  m.def(
      "luma",
      [](const py::list& image, const py::list& out, const std::string& matrix,
         const std::string& layout, std::uintptr_t stream) {
        Call call(stream);
        const auto rgb = call.inputs(image, layout_named(layout), "image");
        const auto grey = call.outputs(out, rgb.size(), Layout::interleaved, "out");
        const LumaMatrix which = matrix_named(matrix);
        const py::gil_scoped_release unlocked;
        luma(rgb, grey, which, call.place());
      },
      py::arg("image"), py::arg("out"), py::arg("matrix"), py::arg("layout"), py::arg("stream"));
}

}  // namespace fastcolor
