#include <algorithm>

#include "jpeg/jpeg.h"
#include "jpeg/markers.h"
#include "jpeg/recipe.h"
#include "jpeg/refusals.h"
#include "jpeg/scans.h"

namespace fastcolor::jpeg {
namespace {

constexpr uint8_t kLuma = 1;  // JFIF's names; without JFIF they tell readers that it is YCbCr

// How many luma samples lie on one of chroma; both axes tell where one is too short to.
int chroma_step(int luma, int chroma, int other) {
  for (const int step : {other, 1, 2, 4}) {
    if (step > 0 && chroma == (luma + step - 1) / step) return step;
  }
  return 0;
}

bool tells(int luma) { return luma > 1; }  // otherwise every step gives the same size

struct Chroma {
  Frame frame;  // to be
  std::array<ComponentScans, 2> scans;
};

Chroma chroma_of_pair(const Frame& luma, const std::vector<Markers>& files, Recode recode) {
  Chroma out;
  out.frame = luma;
  const Frame& cb = files[0].frame;
  FC_JPEG_CHECK(cb.width == files[1].frame.width && cb.height == files[1].frame.height,
                "Cb and Cr differ in size");
  const int x_first = tells(luma.width) ? chroma_step(luma.width, cb.width, 0) : 0;
  const int y_first = tells(luma.height) ? chroma_step(luma.height, cb.height, 0) : 0;
  const int x = tells(luma.width) ? x_first : chroma_step(luma.width, cb.width, y_first);
  const int y = tells(luma.height) ? y_first : chroma_step(luma.height, cb.height, x_first);
  FC_JPEG_CHECK(x > 0 && y > 0, "planes of ", cb.width, "x", cb.height, " do not fit a picture of ",
                luma.width, "x", luma.height);
  out.frame.components = {{kLuma, x, y, luma.components[0].quantisation}, {}, {}};
  for (size_t i = 0; i < 2; ++i) {
    const Frame& frame = files[i].frame;
    FC_JPEG_CHECK(frame.components.size() == 1, "a pair of files must be grey");
    out.scans[i] = take_component(files[i], 0, recode);
  }
  return out;
}

Chroma chroma_of_file(const Frame& luma, const Markers& file, Recode recode) {
  Chroma out;
  out.frame = luma;
  FC_JPEG_CHECK(file.frame.components.size() == 3, "it must have three components, not ",
                file.frame.components.size());
  FC_JPEG_CHECK(file.frame.width == luma.width && file.frame.height == luma.height, "it is ",
                file.frame.width, "x", file.frame.height, ", not ", luma.width, "x", luma.height,
                " as the grey picture");
  FC_JPEG_CHECK(colour_of(file) == "ycbcr", "its components are not YCbCr");
  out.frame.components = file.frame.components;
  Component& y = out.frame.components[0];
  FC_JPEG_CHECK(y.h == file.frame.most_h() && y.v == file.frame.most_v(),
                "its luma must be sampled finest");
  y.quantisation = luma.components[0].quantisation;
  for (int i = 1; i <= 2; ++i) {
    out.scans[static_cast<size_t>(i - 1)] = take_component(file, i, recode);
  }
  return out;
}

Chroma take_chroma(const Frame& luma, const std::vector<Bytes>& files, bool optimize) {
  std::vector<Markers> parsed;
  bool progressive = false;
  for (const Bytes& file : files) {
    parsed.push_back(parse(file));
    const Frame& frame = parsed.back().frame;
    const std::string problem = coding_refusal(frame);
    FC_JPEG_CHECK(problem.empty(), problem);
    progressive = progressive || frame.progressive();
  }
  FC_JPEG_CHECK(luma.progressive() || !progressive,
                "it is progressive and the grey picture is not");
  Recode recode = optimize ? Recode::sequential : Recode::if_interleaved;
  if (progressive) recode = Recode::if_interleaved;
  if (luma.progressive() && !progressive) recode = Recode::progressive;
  Chroma out = parsed.size() == 2 ? chroma_of_pair(luma, parsed, recode)
                                  : chroma_of_file(luma, parsed[0], recode);
  for (const Markers& file : parsed) {
    if (file.frame.marker > out.frame.marker) out.frame.marker = file.frame.marker;
  }
  return out;
}

// Gives the chroma components names and quantisation tables that luma does not use. `early`: the
// tables' numbers are free in the whole grey file, so that they can stand before the frame.
Rope number_chroma(Chroma& chroma, const Tables& grey, bool& early) {
  const int luma = chroma.frame.components[0].quantisation;
  std::vector<int> ids;
  for (const bool unused : {true, false}) {
    for (int id = 0; id < 4; ++id) {
      if (id != luma && grey.quantisation[static_cast<size_t>(id)].empty() == unused) {
        ids.push_back(id);
      }
    }
  }
  const bool same = chroma.scans[0].quantisation == chroma.scans[1].quantisation;
  Rope out;
  early = true;
  for (size_t i = 0; i < 2; ++i) {
    const auto& table = chroma.scans[i].quantisation;
    FC_JPEG_CHECK(!table.empty(), "it has no quantisation table");
    const int id = ids[same ? 0 : i];
    chroma.frame.components[0].id = kLuma;
    chroma.frame.components[i + 1].id = static_cast<uint8_t>(kLuma + i + 1);
    chroma.frame.components[i + 1].quantisation = id;
    early = early && grey.quantisation[static_cast<size_t>(id)].empty();
    if (same && i == 1) continue;
    std::vector<uint8_t> segment{0xFF, kDqt, 0, static_cast<uint8_t>(2 + table.size()),
                                 static_cast<uint8_t>(table[0] << 4 | id)};
    segment.insert(segment.end(), table.begin() + 1, table.end());
    out.own(std::move(segment));
  }
  return out;
}

Rope rope_of(std::vector<uint8_t> bytes) {
  Rope rope;
  rope.own(std::move(bytes));
  return rope;
}

void add_segments(const std::vector<Bytes>& segments, Joiner& out) {
  for (const Bytes& segment : segments) {
    Rope rope;
    rope.view(segment);
    out.add(std::move(rope));
  }
}

// Segments of the original that would be wrong in the joined file.
bool put_aside(const Markers& grey, const Segment& segment, bool drop_icc, bool drop_xmp) {
  if (is_recipe(grey.bytes, segment)) return true;
  if (is_icc(grey, segment)) return drop_icc;
  if (is_xmp(grey, segment)) return drop_xmp;
  // An index of further pictures, by their distance from it.
  return segment.marker == kApp2 && begins_with(grey.payload(segment), "MPF");
}

}  // namespace

std::string coding_refusal(const Frame& frame) {
  if (!frame.huffman_dct()) {
    return concat("its coding is ", coding_of(frame),
                  ", not Huffman-coded baseline, extended or progressive");
  }
  return frame.precision == 8 ? "" : concat("its samples have ", frame.precision, " bits, not 8");
}

std::string join_refusal(const Markers& grey) {
  const Frame& frame = grey.frame;
  if (frame.components.size() != 1) {
    return concat("it has ", frame.components.size(), " components, not one");
  }
  return coding_refusal(frame);
}

Rope frame_segment(const Frame& frame) {
  const size_t count = frame.components.size();
  std::vector<uint8_t> out{0xFF,
                           frame.marker,
                           0,
                           static_cast<uint8_t>(8 + 3 * count),
                           static_cast<uint8_t>(frame.precision),
                           static_cast<uint8_t>(frame.height >> 8),
                           static_cast<uint8_t>(frame.height),
                           static_cast<uint8_t>(frame.width >> 8),
                           static_cast<uint8_t>(frame.width),
                           static_cast<uint8_t>(count)};
  for (const Component& component : frame.components) {
    out.push_back(component.id);
    out.push_back(static_cast<uint8_t>(component.h << 4 | component.v));
    out.push_back(static_cast<uint8_t>(component.quantisation));
  }
  return rope_of(std::move(out));
}

Rope join(Bytes grey_bytes, const std::vector<Bytes>& chroma_bytes, const JoinOptions& options) {
  const Markers grey = parse(grey_bytes);
  const std::string problem = join_refusal(grey);
  FC_JPEG_CHECK(problem.empty(), problem);
  FC_CHECK(chroma_bytes.size() == 1 || chroma_bytes.size() == 2, "chroma must be one file or two");
  FC_JPEG_CHECK(grey.segments.size() <= kMostSegments / 2 && grey.scans.size() <= kMostScans / 2,
                "it has more than ", kMostSegments / 2, " segments or ", kMostScans / 2, " scans");
  Tables tables;
  for (const Segment& segment : grey.segments) tables.read(grey, segment);
  Chroma chroma;
  Rope quantisation;
  bool early = false;
  try {
    chroma = take_chroma(grey.frame, chroma_bytes, options.optimize);
    quantisation = number_chroma(chroma, tables, early);
  } catch (const JpegError& error) {
    throw JpegError(concat("chroma: ", error.what()));
  }
  const std::string space = icc_space(grey);
  const bool drop_icc = options.replace_icc || (!space.empty() && space != "RGB ");

  Joiner out(grey_bytes);
  bool inserted = false;
  for (size_t i = 0; i < grey.frame.segment; ++i) {
    const Segment& segment = grey.segments[i];
    if (!inserted && i > 0 && segment.marker != kApp0 && segment.marker != kApp1) {
      inserted = true;
      add_segments(options.segments, out);
    }
    if (put_aside(grey, segment, drop_icc, options.replace_xmp)) {
      out.drop_until(segment.end);
    } else if (is_adobe(grey, segment) && grey.payload(segment).data[11] != 1) {
      std::vector<uint8_t> patched(grey_bytes.data + segment.begin, grey_bytes.data + segment.end);
      patched[4 + 11] = 1;
      out.drop_until(segment.end);
      out.add(rope_of(std::move(patched)));
    } else {
      out.keep_segment(segment);
    }
  }
  if (!inserted) add_segments(options.segments, out);
  const Segment& frame = grey.segments[grey.frame.segment];
  out.drop_until(frame.begin);
  if (early) out.add(std::move(quantisation));
  out.begin_frame();
  out.drop_until(frame.end);
  out.add(frame_segment(chroma.frame));
  for (size_t i = grey.frame.segment + 1; i < grey.segments.size(); ++i) {
    const Segment& segment = grey.segments[i];
    if (put_aside(grey, segment, drop_icc, options.replace_xmp)) {
      out.keep_until(segment.begin);
      out.drop_until(segment.end);
    } else if (segment.marker == kSos && grey.bytes.data[segment.payload + 1] != kLuma) {
      out.keep_until(segment.payload + 1);
      out.drop_until(segment.payload + 2);
      out.add(rope_of({kLuma}));
    } else if (is_adobe(grey, segment) && grey.payload(segment).data[11] != 1) {
      out.keep_until(segment.payload + 11);
      out.drop_until(segment.payload + 12);
      out.add(rope_of({1}));
    }
  }
  out.keep_until(grey.body_end);
  Rope scans;
  if (!early) scans.append(std::move(quantisation));
  for (size_t i = 0; i < 2; ++i) {
    write_scans(std::move(chroma.scans[i].scans), static_cast<uint8_t>(kLuma + i + 1), 1, tables,
                scans);
  }
  if (!grey.complete) scans.own({0xFF, kEoi});
  out.add(std::move(scans));
  out.keep_until(grey_bytes.size);
  return out.finish(options.sha256);
}

bool is_joined(Bytes file) {
  try {
    for (const Segment& segment : parse_header(file)) {
      if (is_recipe(file, segment)) return true;
    }
  } catch (const JpegError&) {
  }
  return false;
}

Reverted revert(Bytes joined) { return follow_recipe(joined, parse_header(joined)); }

}  // namespace fastcolor::jpeg
