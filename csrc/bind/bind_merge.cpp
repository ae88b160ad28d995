#include "bind/register.h"
#include "merge/merge.h"

namespace fastcolor {
namespace {

Chroma chroma_named(const std::string& name) {
  if (name == "bilinear") return Chroma::bilinear;
  if (name == "bicubic") return Chroma::bicubic;
  FC_CHECK(name == "guided", "chroma must be 'guided', 'bicubic' or 'bilinear', got '", name, "'");
  return Chroma::guided;
}

std::vector<MergeInput> merge_inputs(Call& call, const py::list& luma, const py::list& ab) {
  const auto lumas = call.inputs(luma, Layout::interleaved, "luma");
  const auto chromas = call.inputs(ab, Layout::planar, "ab");
  FC_CHECK(chromas.size() == lumas.size(), "ab must hold ", lumas.size(), " arrays, got ",
           chromas.size());
  std::vector<MergeInput> inputs;
  for (size_t i = 0; i < lumas.size(); ++i) inputs.push_back({lumas[i], chromas[i]});
  return inputs;
}

}  // namespace

void register_merge(py::module_& m) {
  m.def(
      "merge_rgb",
      [](const py::list& luma, const py::list& ab, const py::list& out, const std::string& layout,
         const std::string& chroma, float saturation, int64_t first, int64_t last,
         std::uintptr_t stream) {
        Call call(stream);
        const auto inputs = merge_inputs(call, luma, ab);
        const auto rgb = call.outputs(out, inputs.size(), layout_named(layout), "out");
        const MergeOptions options{chroma_named(chroma), saturation};
        const py::gil_scoped_release unlocked;
        merge_rgb(inputs, rgb, options, {first, last}, call.place());
      },
      py::arg("luma"), py::arg("ab"), py::arg("out"), py::arg("layout"), py::arg("chroma"),
      py::arg("saturation"), py::arg("first"), py::arg("last"), py::arg("stream"));
  m.def(
      "merge_ycc",
      [](const py::list& luma, const py::list& ab, const py::list& cb, const py::list& cr,
         int step_x, int step_y, bool limited, bool bt709, int bits, const std::string& chroma,
         float saturation, std::uintptr_t stream) {
        Call call(stream);
        const auto inputs = merge_inputs(call, luma, ab);
        const auto cbs = call.outputs(cb, inputs.size(), Layout::interleaved, "out");
        const auto crs = call.outputs(cr, inputs.size(), Layout::interleaved, "out");
        std::vector<ChromaPlanes> planes;
        for (size_t i = 0; i < cbs.size(); ++i) planes.push_back({cbs[i], crs[i]});
        const YccOptions options{
            {chroma_named(chroma), saturation}, step_x, step_y, limited, bt709, bits};
        const py::gil_scoped_release unlocked;
        merge_ycc(inputs, planes, options, call.place());
      },
      py::arg("luma"), py::arg("ab"), py::arg("cb"), py::arg("cr"), py::arg("step_x"),
      py::arg("step_y"), py::arg("limited"), py::arg("bt709"), py::arg("bits"), py::arg("chroma"),
      py::arg("saturation"), py::arg("stream"));
}

}  // namespace fastcolor
