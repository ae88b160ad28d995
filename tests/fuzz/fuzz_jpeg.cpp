// libFuzzer target for csrc/jpeg; tools/fuzz_jpeg.sh builds and runs it.
//
// An input is what to do (one byte), how long the first file is (three bytes, little endian, taken
// modulo what is left), that file, and the rest as second file.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "jpeg/jpeg.h"

namespace {

using fastcolor::jpeg::Bytes;
using fastcolor::jpeg::JpegError;
using fastcolor::jpeg::Rope;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

std::vector<uint8_t> flat(const Rope& rope) {
  std::vector<uint8_t> out(rope.size());
  rope.copy_to(out.data());
  return out;
}

Bytes view(const std::vector<uint8_t>& bytes) { return {bytes.data(), bytes.size()}; }

void check_join(Bytes grey, const std::vector<Bytes>& chroma, unsigned flags) {
  static const uint8_t kComment[] = {0xFF, 0xFE, 0, 4, 'h', 'i'};
  fastcolor::jpeg::JoinOptions options;
  options.optimize = (flags & 1) != 0;
  options.replace_xmp = (flags & 2) != 0;
  options.replace_icc = (flags & 4) != 0;
  if ((flags & 8) != 0) options.segments.push_back({kComment, sizeof(kComment)});
  const auto joined = flat(fastcolor::jpeg::join(grey, chroma, options));
  require(fastcolor::jpeg::is_joined(view(joined)), "is_joined(join(x))");
  const auto reverted = fastcolor::jpeg::revert(view(joined));
  const auto original = flat(reverted.file);
  require(std::equal(original.begin(), original.end(), grey.data, grey.data + grey.size),
          "revert(join(x)) == x");
  const auto info = fastcolor::jpeg::probe(view(joined));
  require(info.joined && info.colour == "ycbcr" && info.complete, "probe(join(x))");
}

void check_probe(Bytes file) {
  const auto head = fastcolor::jpeg::probe(file, false);
  const auto whole = fastcolor::jpeg::probe(file);
  require(head.width == whole.width && head.height == whole.height && head.joined == whole.joined &&
              head.join_problem == whole.join_problem,
          "probe(x) without scans");
}

void check_drop_chroma(Bytes file) {
  const auto grey = flat(fastcolor::jpeg::drop_chroma(file));
  const auto info = fastcolor::jpeg::probe(view(grey));
  require(info.colour == "grey" && info.join_problem.empty(), "probe(drop_chroma(x))");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const unsigned what = data[0];
  const Bytes all{data + 4, size - 4};
  const size_t wanted = data[1] | data[2] << 8 | data[3] << 16;
  const size_t first = all.size == 0 ? 0 : wanted % (all.size + 1);
  const Bytes one = all.part(0, first);
  const Bytes two = all.part(first, all.size);
  try {
    switch (what & 3) {
      case 0:
        fastcolor::jpeg::is_joined(all);
        check_probe(all);
        break;
      case 1: fastcolor::jpeg::revert(all); break;
      case 2: check_drop_chroma(all); break;
      default:
        if ((what & 4) != 0) {
          check_join(one, {two}, what >> 3);
        } else {
          check_join(one, {two, two}, what >> 3);
        }
    }
  } catch (const JpegError&) {
  }
  return 0;
}
