// How the original lies inside a joined file.
//
// The recipe stands in APP9 segments directly before the frame header: the name "fastcolor" with
// its zero, a version, the number of this segment and the count of all (two bytes each), then a
// part of
//
//   sha256 of the original (32 bytes), its size, steps before the recipe, steps after it
//
// where numbers are base-128, low digits first. Steps are a count and for each: the length of
// literal bytes and these bytes, how many bytes of the joined file to leave out, how many to copy.
// Steps before the recipe go from the start of the file, those after it from the recipe's end.
#pragma once

#include "jpeg/jpeg.h"
#include "jpeg/markers.h"

namespace fastcolor::jpeg {

bool is_recipe(Bytes file, const Segment& segment);

// Writes a joined file from its original, from beginning to end.
class Joiner {
 public:
  explicit Joiner(Bytes original) : original_(original) {}

  void keep_until(size_t end);  // bytes of the original in both files
  void drop_until(size_t end);  // bytes of the original only
  void add(Rope bytes);         // of the joined file only
  void place_recipe();          // here; once

  Rope finish(const Sha256& sha256);

 private:
  struct Step {
    std::vector<uint8_t> literal;
    size_t skip = 0;
    size_t copy = 0;
  };
  struct Part {  // what lies before the recipe, or after it
    Rope bytes;
    std::vector<Step> steps;
  };
  Part& part() { return parts_[placed_ ? 1 : 0]; }
  Step& step_for(bool literal);

  Bytes original_;
  size_t at_ = 0;
  bool placed_ = false;
  std::array<Part, 2> parts_;
};

// Undoes it. The hash is not compared.
Reverted follow_recipe(Bytes joined, const std::vector<Segment>& header);

}  // namespace fastcolor::jpeg
