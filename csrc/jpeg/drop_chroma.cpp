#include "jpeg/jpeg.h"
#include "jpeg/markers.h"
#include "jpeg/recipe.h"
#include "jpeg/refusals.h"
#include "jpeg/scans.h"

namespace fastcolor::jpeg {

std::string drop_chroma_refusal(const Markers& file) {
  const Frame& frame = file.frame;
  const std::string colour = colour_of(file);
  if (colour == "grey") return "it has no chroma";
  if (colour != "ycbcr") return concat("its components are ", colour, ", so it has no luma");
  const std::string problem = coding_refusal(frame);
  if (!problem.empty()) return problem;
  const Component& luma = frame.components[0];
  if (luma.h != frame.most_h() || luma.v != frame.most_v()) {
    return concat("its luma is sampled coarser (", luma.h, "x", luma.v, ") than its chroma");
  }
  return "";
}

Rope drop_chroma(Bytes bytes) {
  const Markers file = parse(bytes);
  const std::string problem = drop_chroma_refusal(file);
  FC_JPEG_CHECK(problem.empty(), problem);
  ComponentScans luma = take_component(file, 0, Recode::if_interleaved);
  FC_JPEG_CHECK(!luma.quantisation.empty(), "it is damaged: luma has no quantisation table");

  Rope out;
  out.own({0xFF, kSoi});
  for (const Segment& segment : file.segments) {
    const bool metadata = segment.marker >= kApp0 && !is_recipe(bytes, segment) &&
                          !(segment.marker == kApp2 && begins_with(file.payload(segment), "MPF"));
    if (metadata) out.view(bytes.part(segment.begin, segment.end));
  }
  std::vector<uint8_t> table{0xFF, kDqt, 0, static_cast<uint8_t>(2 + luma.quantisation.size())};
  table.insert(table.end(), luma.quantisation.begin(), luma.quantisation.end());
  table[4] = static_cast<uint8_t>(luma.quantisation[0] << 4);
  out.own(std::move(table));
  Frame frame = file.frame;
  frame.components = {{frame.components[0].id, 1, 1, 0}};
  out.append(frame_segment(frame));
  Tables written;
  write_scans(std::move(luma.scans), frame.components[0].id, 0, written, out);
  out.own({0xFF, kEoi});
  out.view(bytes.part(file.end, bytes.size));  // what follows the picture stays there
  return out;
}

}  // namespace fastcolor::jpeg
