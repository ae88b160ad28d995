#include "jpeg/markers.h"

#include <algorithm>

namespace fastcolor::jpeg {
namespace {

bool is_restart(uint8_t code) { return code >= 0xD0 && code <= 0xD7; }
bool is_frame(uint8_t code) {
  return code >= 0xC0 && code <= 0xCF && code != kDht && code != 0xC8 && code != 0xCC;
}
bool is_segment(uint8_t code) {
  return is_frame(code) || code == kDht || code == 0xCC || (code >= kSos && code <= kDri) ||
         (code >= kApp0 && code <= 0xEF) || code == kCom;
}

class Parser {
 public:
  explicit Parser(Bytes file) : bytes_(file) {
    FC_JPEG_CHECK(file.size >= 4 && file.data[0] == 0xFF && file.data[1] == kSoi,
                  "it is not a JPEG file");
    out_.bytes = file;
    out_.end = file.size;
    out_.segments.push_back({kSoi, 0, 2, 2});
    at_ = 2;
  }

  Markers whole() {
    while (step()) {
      const Segment& segment = out_.segments.back();
      if (is_frame(segment.marker)) read_frame(segment);
      if (segment.marker == kDnl) read_lines(segment);
      if (segment.marker == kSos) read_scan(segment);
      out_.body_end = at_;
    }
    FC_JPEG_CHECK(!out_.scans.empty(), "it holds no picture");
    return std::move(out_);
  }

  Markers header(bool with_frame) {
    while (step()) {
      if (!is_frame(out_.segments.back().marker)) continue;
      if (with_frame) read_frame(out_.segments.back());
      return std::move(out_);
    }
    throw JpegError("it holds no picture");
  }

 private:
  // Reads the next marker and its length; false at EOI, and at the end of a file with a scan.
  bool step() {
    size_t begin = 0;
    const int code = next_marker(begin);
    if (code == kEoi) {
      out_.complete = true;
      out_.end = begin + 2;
      return false;
    }
    if (code < 0) return ends_early();
    FC_JPEG_CHECK(code != kSoi, "a second picture begins inside it, at byte ", begin);
    if (is_restart(static_cast<uint8_t>(code)) || code == 0x01) {
      at_ = begin + 2;
      return add({static_cast<uint8_t>(code), begin, at_, at_});
    }
    FC_JPEG_CHECK(code != 0xDE && code != 0xDF,
                  "it is a hierarchical JPEG, which is not supported");
    FC_JPEG_CHECK(is_segment(static_cast<uint8_t>(code)), "it is damaged: unknown marker ", code,
                  " at byte ", begin);
    if (bytes_.size - begin < 4) return ends_early();
    const size_t length = bytes_.data[begin + 2] * size_t{256} + bytes_.data[begin + 3];
    FC_JPEG_CHECK(length >= 2, "it is damaged: a segment of length ", length, " at byte ", begin);
    if (bytes_.size - begin - 2 < length) return ends_early();
    at_ = begin + 2 + length;
    return add({static_cast<uint8_t>(code), begin, begin + 4, at_});
  }

  bool add(const Segment& segment) {
    FC_JPEG_CHECK(out_.segments.size() < kMostSegments, "it has more than ", kMostSegments,
                  " segments");
    out_.segments.push_back(segment);
    return true;
  }

  bool ends_early() const {
    FC_JPEG_CHECK(!out_.scans.empty(), "it ends before its first scan");
    return false;
  }

  // The code of the marker at or after at_, and where its FF is; -1 where the file ends.
  int next_marker(size_t& begin) const {
    size_t at = at_;
    while (at < bytes_.size) {
      const void* found = std::memchr(bytes_.data + at, 0xFF, bytes_.size - at);
      if (found == nullptr) return -1;
      at = static_cast<size_t>(static_cast<const uint8_t*>(found) - bytes_.data);
      while (at < bytes_.size && bytes_.data[at] == 0xFF) ++at;
      if (at == bytes_.size) return -1;
      begin = at - 1;
      if (bytes_.data[at] != 0) return bytes_.data[at];
    }
    return -1;
  }

  void read_frame(const Segment& segment) {
    const Bytes in = out_.payload(segment);
    FC_JPEG_CHECK(out_.frame.components.empty(), "it has more than one frame");
    FC_JPEG_CHECK(in.size >= 6, "it is damaged: its frame header is too short");
    const size_t count = in.data[5];
    FC_JPEG_CHECK(count >= 1 && count <= 4 && in.size == 6 + 3 * count,
                  "it is damaged: a frame of ", count, " components in ", in.size, " bytes");
    Frame& frame = out_.frame;
    frame.marker = segment.marker;
    frame.precision = in.data[0];
    frame.height = in.data[1] * 256 + in.data[2];
    frame.width = in.data[3] * 256 + in.data[4];
    frame.segment = out_.segments.size() - 1;
    FC_JPEG_CHECK(frame.width > 0, "it is damaged: its width is 0");
    FC_JPEG_CHECK(frame.height > 0,
                  "its height is not in its frame header, which is not supported");
    for (size_t i = 0; i < count; ++i) {
      const uint8_t* field = in.data + 6 + 3 * i;
      const Component component{field[0], field[1] >> 4, field[1] & 15, field[2]};
      FC_JPEG_CHECK(component.h >= 1 && component.h <= 4 && component.v >= 1 && component.v <= 4,
                    "it is damaged: a component is sampled ", component.h, "x", component.v);
      FC_JPEG_CHECK(component.quantisation <= 3, "it is damaged: quantisation table ",
                    component.quantisation);
      for (const Component& other : frame.components) {
        FC_JPEG_CHECK(other.id != component.id, "it is damaged: two components have one name");
      }
      frame.components.push_back(component);
    }
  }

  void read_lines(const Segment& segment) const {
    const Bytes in = out_.payload(segment);
    FC_JPEG_CHECK(in.size == 2 && in.data[0] * 256 + in.data[1] == out_.frame.height,
                  "its height changes after the first scan, which is not supported");
  }

  void read_scan(const Segment& segment) {
    const Frame& frame = out_.frame;
    FC_JPEG_CHECK(!frame.components.empty(), "it is damaged: a scan comes before the frame header");
    FC_JPEG_CHECK(out_.scans.size() < kMostScans, "it has more than ", kMostScans, " scans");
    const Bytes in = out_.payload(segment);
    const size_t count = in.size > 0 ? in.data[0] : 0;
    FC_JPEG_CHECK(count >= 1 && count <= frame.components.size() && in.size == 4 + 2 * count,
                  "it is damaged: a scan of ", count, " components in ", in.size, " bytes");
    Scan scan;
    scan.segment = out_.segments.size() - 1;
    int next = 0;  // components stand in the frame's order
    for (size_t i = 0; i < count; ++i) {
      const uint8_t* field = in.data + 1 + 2 * i;
      ScanComponent component{next, field[1] >> 4, field[1] & 15};
      const int all = static_cast<int>(frame.components.size());
      while (component.index < all && frame.components[component.index].id != field[0]) {
        ++component.index;
      }
      FC_JPEG_CHECK(component.index < all, "it is damaged: a scan of component ",
                    static_cast<int>(field[0]), ", which the frame does not have there");
      FC_JPEG_CHECK(component.dc_table <= 3 && component.ac_table <= 3,
                    "it is damaged: a scan with table ", static_cast<int>(field[1]));
      scan.components.push_back(component);
      next = component.index + 1;
    }
    const uint8_t* rest = in.data + 1 + 2 * count;
    scan.first = rest[0];
    scan.last = rest[1];
    scan.high = rest[2] >> 4;
    scan.low = rest[2] & 15;
    scan.data_end = at_ = end_of_data(at_);
    out_.scans.push_back(std::move(scan));
  }

  // Where the first marker that ends a scan begins, its fill bytes with it.
  size_t end_of_data(size_t at) const {
    while (at < bytes_.size) {
      const void* found = std::memchr(bytes_.data + at, 0xFF, bytes_.size - at);
      if (found == nullptr) return bytes_.size;
      const auto begin = static_cast<size_t>(static_cast<const uint8_t*>(found) - bytes_.data);
      at = begin;
      while (at < bytes_.size && bytes_.data[at] == 0xFF) ++at;
      if (at == bytes_.size) return begin;
      if (bytes_.data[at] != 0 && !is_restart(bytes_.data[at])) return begin;
      ++at;
    }
    return bytes_.size;
  }

  Bytes bytes_;
  Markers out_;
  size_t at_ = 0;
};

}  // namespace

int Frame::most_h() const {
  int most = 1;
  for (const Component& component : components) most = std::max(most, component.h);
  return most;
}

int Frame::most_v() const {
  int most = 1;
  for (const Component& component : components) most = std::max(most, component.v);
  return most;
}

Markers parse(Bytes file) { return Parser(file).whole(); }

Markers parse_to_frame(Bytes file) { return Parser(file).header(true); }

std::vector<Segment> parse_header(Bytes file) { return Parser(file).header(false).segments; }

bool is_adobe(const Markers& file, const Segment& segment) {
  const Bytes in = file.payload(segment);
  return segment.marker == kApp14 && in.size >= 12 && std::memcmp(in.data, "Adobe", 5) == 0;
}

bool is_xmp(const Markers& file, const Segment& segment) {
  return segment.marker == kApp1 &&
         begins_with(file.payload(segment), "http://ns.adobe.com/xap/1.0/");
}

bool is_icc(const Markers& file, const Segment& segment) {
  return segment.marker == kApp2 && begins_with(file.payload(segment), "ICC_PROFILE");
}

std::string icc_space(const Markers& file) {
  for (const Segment& segment : file.segments) {
    if (!is_icc(file, segment)) continue;
    const Bytes in = file.payload(segment);  // name, number of the chunk, count, profile
    if (in.size >= 34 && in.data[12] == 1) {
      return std::string(reinterpret_cast<const char*>(in.data) + 30, 4);
    }
  }
  return "";
}

std::string colour_of(const Markers& file) {
  bool jfif = false;
  int transform = -1;
  for (const Segment& segment : file.segments) {
    const Bytes in = file.payload(segment);
    if (segment.marker == kApp0 && in.size >= 14 && begins_with(in, "JFIF")) jfif = true;
    if (is_adobe(file, segment)) transform = in.data[11];
  }
  const auto& components = file.frame.components;
  switch (components.size()) {
    case 1: return "grey";
    case 3: {
      if (jfif) return "ycbcr";
      if (transform >= 0) return transform == 0 ? "rgb" : "ycbcr";
      const bool named_rgb =
          components[0].id == 'R' && components[1].id == 'G' && components[2].id == 'B';
      return named_rgb ? "rgb" : "ycbcr";
    }
    case 4: return transform == 2 ? "ycck" : "cmyk";
    default: return "unknown";
  }
}

std::string coding_of(const Frame& frame) {
  const int kind = frame.marker & 3;
  const bool hierarchical = (frame.marker & 7) >= 5;
  const bool arithmetic = frame.marker >= 0xC9;
  const char* names[] = {"baseline", "extended", "progressive", "lossless"};
  std::string name = hierarchical ? "hierarchical" : names[kind];
  if (arithmetic) name = (name == "extended" ? "arithmetic" : name + ", arithmetic");
  return name;
}

}  // namespace fastcolor::jpeg
