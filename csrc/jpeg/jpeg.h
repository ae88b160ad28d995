// The structure of JPEG files: joining a grey file with chroma scans, taking chroma away, and going
// back. Nothing here touches pixels.
//
// Every function takes whole files that nobody vouches for. What is wrong with a file, or with what
// is asked of it, is a JpegError of one sentence. Time is linear in the size of the files; memory
// is at most 100 times that, whatever the files say of their dimensions.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "jpeg/rope.h"

namespace fastcolor::jpeg {

class JpegError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Sha256 = std::array<uint8_t, 32>;

struct Info {
  int width = 0;
  int height = 0;
  int precision = 0;                          // bits of a sample
  std::vector<std::pair<int, int>> sampling;  // horizontal and vertical, of each component
  std::string coding;  // baseline, extended, progressive, lossless or hierarchical, + arithmetic
  std::string colour;  // grey, ycbcr, rgb, cmyk, ycck or unknown
  int scans = 0;
  bool progressive = false;
  bool complete = false;  // there is an end marker
  bool joined = false;
  std::string join_problem;         // why join() refuses it as grey picture; empty when it does not
  std::string drop_chroma_problem;  // the same of drop_chroma(), as far as can be seen from markers
};

// Without `scans` only what precedes them is looked at: Info::scans and complete say nothing then.
Info probe(Bytes file, bool scans = true);

struct JoinOptions {
  Sha256 sha256{};              // of the grey file
  std::vector<Bytes> segments;  // complete marker segments to put in after the first APP0 and APP1
  bool replace_xmp = false;     // the file's own XMP is put aside for revert()
  bool replace_icc = false;     // the same of its ICC profile; one that is not of RGB always is
  bool optimize = false;        // code chroma with Huffman tables of its own statistics
};

// A colour file whose luma scans are those of grey, a Huffman coded file of one component with
// 8 bits. Chroma is one YCbCr file as large as grey, or two files of one component, Cb and Cr,
// whose size says how they are sampled. The scans of single components are copied, others recoded,
// their coefficients unchanged. The result views the bytes of its arguments.
Rope join(Bytes grey, const std::vector<Bytes>& chroma, const JoinOptions& options);

bool is_joined(Bytes file);

struct Reverted {
  Rope file;
  Sha256 sha256{};  // what the file must have
};

// What join() was given as grey. The caller compares the hash.
Reverted revert(Bytes joined);

// The same picture without chroma: a file of one component with the coefficients of luma, which
// must have the finest sampling of the frame.
Rope drop_chroma(Bytes file);

}  // namespace fastcolor::jpeg
