#include "bind/register.h"
#include "lab/lab.h"

namespace fastcolor {

void register_lab(py::module_& m) {
  m.def(
      "rgb_to_lab",
      [](const py::list& image, const py::list& out, const std::string& layout,
         std::uintptr_t stream) {
        Call call(stream);
        const auto rgb = call.inputs(image, layout_named(layout), "image");
        const auto lab = call.outputs(out, rgb.size(), layout_named(layout), "out");
        const py::gil_scoped_release unlocked;
        rgb_to_lab(rgb, lab, call.place());
      },
      py::arg("image"), py::arg("out"), py::arg("layout"), py::arg("stream"));
  m.def(
      "lab_to_rgb",
      [](const py::list& lab_list, const py::list& out, const std::string& layout,
         std::uintptr_t stream) {
        Call call(stream);
        const auto lab = call.inputs(lab_list, layout_named(layout), "lab");
        const auto rgb = call.outputs(out, lab.size(), layout_named(layout), "out");
        const py::gil_scoped_release unlocked;
        lab_to_rgb(lab, rgb, call.place());
      },
      py::arg("lab"), py::arg("out"), py::arg("layout"), py::arg("stream"));
}

}  // namespace fastcolor
