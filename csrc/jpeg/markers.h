// The markers of a JPEG file (ITU-T T.81, annex B).
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "core/errors.h"
#include "jpeg/jpeg.h"

// The file's fault: FC_JPEG_CHECK(condition, "it has ", count, " frames").
#define FC_JPEG_CHECK(condition, ...)                                                       \
  do {                                                                                      \
    if (!(condition)) throw ::fastcolor::jpeg::JpegError(::fastcolor::concat(__VA_ARGS__)); \
  } while (false)

namespace fastcolor::jpeg {

enum Marker : uint8_t {
  kSof0 = 0xC0,
  kSof1 = 0xC1,
  kSof2 = 0xC2,
  kDht = 0xC4,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDnl = 0xDC,
  kDri = 0xDD,
  kApp0 = 0xE0,
  kApp1 = 0xE1,
  kApp2 = 0xE2,
  kApp9 = 0xE9,
  kApp14 = 0xEE,
  kCom = 0xFE,
};

// Real files have tens of either; a crafted one must not make us keep millions.
constexpr size_t kMostSegments = 10000;
constexpr size_t kMostScans = 1000;

struct Segment {
  uint8_t marker = 0;
  size_t begin = 0;    // of its FF; fill bytes and garbage may lie between the one before and here
  size_t payload = 0;  // after the length
  size_t end = 0;      // of the payload: what a scan codes follows it
};

struct Component {
  uint8_t id = 0;
  int h = 1;
  int v = 1;
  int quantisation = 0;
};

struct Frame {
  uint8_t marker = 0;
  int precision = 0;
  int width = 0;
  int height = 0;
  std::vector<Component> components;
  size_t segment = 0;

  bool progressive() const { return marker == kSof2; }
  bool huffman_dct() const { return marker >= kSof0 && marker <= kSof2; }
  int most_h() const;
  int most_v() const;
};

struct ScanComponent {
  int index = 0;  // in the frame
  int dc_table = 0;
  int ac_table = 0;
};

struct Scan {
  size_t segment = 0;
  std::vector<ScanComponent> components;
  int first = 0;  // coefficient
  int last = 0;
  int high = 0;  // bit position
  int low = 0;
  size_t data_end = 0;
};

struct Markers {
  Bytes bytes;
  std::vector<Segment> segments;  // from SOI to the last one before EOI
  Frame frame;
  std::vector<Scan> scans;
  size_t body_end = 0;    // of the last scan or segment before EOI
  bool complete = false;  // EOI follows, perhaps after fill bytes
  size_t end = 0;         // after EOI; of the file without one

  Bytes payload(const Segment& segment) const { return bytes.part(segment.payload, segment.end); }
  Bytes data(const Scan& scan) const {
    return bytes.part(segments[scan.segment].end, scan.data_end);
  }
};

// A file that ends too early is taken as far as it goes when it has a scan; damage is refused.
Markers parse(Bytes file);

// Only what precedes the scans, which are not looked at: up to the frame header, the last segment.
Markers parse_to_frame(Bytes file);

// The same without the frame's contents, for those who need nothing else.
std::vector<Segment> parse_header(Bytes file);

// Whether the payload begins with these characters; the zero that ends a literal counts.
template <size_t kSize>
bool begins_with(Bytes payload, const char (&text)[kSize]) {
  return payload.size >= kSize && std::memcmp(payload.data, text, kSize) == 0;
}

bool is_adobe(const Markers& file, const Segment& segment);
bool is_xmp(const Markers& file, const Segment& segment);
bool is_icc(const Markers& file, const Segment& segment);

// The colour space that the file's ICC profile names ("GRAY", "RGB "), empty without a profile.
std::string icc_space(const Markers& file);

// What readers take the components for: grey, ycbcr, rgb, cmyk, ycck or unknown.
std::string colour_of(const Markers& file);
std::string coding_of(const Frame& frame);

}  // namespace fastcolor::jpeg
