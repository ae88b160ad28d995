#include "jpeg/jpeg.h"
#include "jpeg/markers.h"
#include "jpeg/refusals.h"

namespace fastcolor::jpeg {

Info probe(Bytes bytes, bool scans) {
  const Markers file = scans ? parse(bytes) : parse_to_frame(bytes);
  Info info;
  info.width = file.frame.width;
  info.height = file.frame.height;
  info.precision = file.frame.precision;
  for (const Component& component : file.frame.components) {
    info.sampling.emplace_back(component.h, component.v);
  }
  info.coding = coding_of(file.frame);
  info.colour = colour_of(file);
  info.scans = static_cast<int>(file.scans.size());
  info.progressive = (file.frame.marker & 3) == 2;
  info.complete = file.complete;
  info.joined = is_joined(bytes);
  info.join_problem = join_refusal(file);
  info.drop_chroma_problem = drop_chroma_refusal(file);
  return info;
}

}  // namespace fastcolor::jpeg
