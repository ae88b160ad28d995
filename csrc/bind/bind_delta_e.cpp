#include "bind/register.h"
#include "delta_e/delta_e.h"

namespace fastcolor {

void register_delta_e(py::module_& m) {
  m.def(
      "delta_e2000",
      [](const py::list& lab1, const py::list& lab2, const py::list& out, const std::string& layout,
         std::uintptr_t stream) {
        Call call(stream);
        const auto one = call.inputs(lab1, layout_named(layout), "lab1");
        const auto two = call.inputs(lab2, layout_named(layout), "lab2");
        const auto difference = call.outputs(out, one.size(), Layout::interleaved, "out");
        const py::gil_scoped_release unlocked;
        delta_e2000(one, two, difference, call.place());
      },
      py::arg("lab1"), py::arg("lab2"), py::arg("out"), py::arg("layout"), py::arg("stream"));
}

}  // namespace fastcolor
