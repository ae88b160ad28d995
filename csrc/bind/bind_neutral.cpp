#include <pybind11/stl.h>

#include "bind/register.h"
#include "neutral/neutral.h"

namespace fastcolor {
namespace {

using ToneRows = std::vector<std::array<std::array<int32_t, kToneFields>, kToneBins>>;

std::vector<Tones> tones_from(const ToneRows& rows) {
  std::vector<Tones> tones;
  for (const auto& table : rows) {
    Tones& made = tones.emplace_back();
    for (int bin = 0; bin < kToneBins; ++bin) {
      const auto& row = table[bin];
      made[bin] = {row[0], row[1], row[2], row[3], row[4], row[5]};
    }
  }
  return tones;
}

}  // namespace

void register_neutral(py::module_& m) {
  m.def(
      "tone_sums",
      [](const py::list& image, const std::string& layout, std::uintptr_t stream) {
        Call call(stream);
        const auto rgb = call.inputs(image, layout_named(layout), "image");
        const py::gil_scoped_release unlocked;
        return tone_sums(rgb, call.place());
      },
      py::arg("image"), py::arg("layout"), py::arg("stream"));
  m.def(
      "off_tone_counts",
      [](const py::list& image, const ToneRows& tones, const std::string& layout,
         std::uintptr_t stream) {
        Call call(stream);
        const auto rgb = call.inputs(image, layout_named(layout), "image");
        const std::vector<Tones> tables = tones_from(tones);
        const py::gil_scoped_release unlocked;
        return off_tone_counts(rgb, tables, call.place());
      },
      py::arg("image"), py::arg("tones"), py::arg("layout"), py::arg("stream"));
}

}  // namespace fastcolor
