#include "bind/register.h"
#include "clahe/clahe.h"

namespace fastcolor {

void register_clahe(py::module_& m) {
  m.def(
      "clahe",
      [](const py::list& luma_list, const py::list& out_list, double clip_limit, int64_t columns,
         int64_t rows, std::uintptr_t stream) {
        Call call(stream);
        const auto luma = call.inputs(luma_list, Layout::interleaved, "luma");
        const auto out = call.outputs(out_list, luma.size(), Layout::interleaved, "out");
        const py::gil_scoped_release unlocked;
        clahe(luma, out, clip_limit, columns, rows, call.place());
      },
      py::arg("luma"), py::arg("out"), py::arg("clip_limit"), py::arg("columns"), py::arg("rows"),
      py::arg("stream"));
}

}  // namespace fastcolor
