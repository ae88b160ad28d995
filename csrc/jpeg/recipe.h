// How the original lies inside a joined file.
//
// The recipe stands in APP9 segments directly before the frame header: the name "fastcolor" with
// its zero, a version, the number of this segment and the count of all (two bytes each), then a
// part of
//
//   sha256 of the original (32 bytes), its size, steps for what precedes the frame header, steps
//   for the rest
//
// where numbers are base-128, low digits first, and steps follow their count. A step of the first
// kind is a length and literal bytes or, with length 0, the 64-bit FNV-1a hash of a segment that
// stands somewhere before the frame header: programs that add segments of their own there, or
// change those of join(), do no harm. Literal copies may take a thirty-second of the original, so
// that its own metadata, up to an EXIF thumbnail, may be changed, too. A step of the second kind is
// the length of literal bytes and these, how many bytes of the joined file to leave out, and how
// many to copy, from the frame header on.
#pragma once

#include "jpeg/jpeg.h"
#include "jpeg/markers.h"

namespace fastcolor::jpeg {

bool is_recipe(Bytes file, const Segment& segment);

// Writes a joined file from its original, from beginning to end.
class Joiner {
 public:
  explicit Joiner(Bytes original) : original_(original), literal_budget_(original.size / 32) {}

  // Before begin_frame(): this segment, and what lies before it, in both files.
  void keep_segment(const Segment& segment);
  // Here are the recipe and then the frame header.
  void begin_frame();
  // From there on: bytes of the original in both files.
  void keep_until(size_t end);

  void drop_until(size_t end);  // bytes of the original only
  void add(Rope bytes);         // of the joined file only

  Rope finish(const Sha256& sha256);

 private:
  struct Step {
    std::vector<uint8_t> literal;
    size_t skip = 0;
    size_t copy = 0;
  };
  Step& step_for(bool literal);
  void literal_until(size_t end);

  Bytes original_;
  size_t literal_budget_;
  size_t at_ = 0;
  bool in_frame_ = false;
  Rope head_;
  Rope rest_;
  std::vector<uint8_t> head_steps_;
  size_t head_step_count_ = 0;
  std::vector<Step> steps_;
};

// Undoes it. The hash is not compared.
Reverted follow_recipe(Bytes joined, const std::vector<Segment>& header);

}  // namespace fastcolor::jpeg
