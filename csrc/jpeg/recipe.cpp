#include "jpeg/recipe.h"

#include <algorithm>
#include <unordered_map>

namespace fastcolor::jpeg {
namespace {

constexpr char kName[] = "fastcolor";
constexpr uint8_t kVersion = 1;
constexpr size_t kPrefix = sizeof(kName) + 5;  // version, number, count
constexpr size_t kMostPart = 65533 - kPrefix;
constexpr size_t kLeastReference = 24;  // bytes: shorter segments are cheaper as they are

constexpr char kChanged[] = "it was changed after fastcolor wrote it, or its recipe is damaged";

uint64_t hash_of(Bytes bytes) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (size_t i = 0; i < bytes.size; ++i) hash = (hash ^ bytes.data[i]) * 0x100000001B3u;
  return hash;
}

void append_number(size_t value, std::vector<uint8_t>& out) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<uint8_t>(value | 128));
  out.push_back(static_cast<uint8_t>(value));
}

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  size_t number() {
    size_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const uint8_t digit = take(1).data[0];
      value |= size_t{digit & 127u} << shift;
      if (digit < 128) return value;
    }
    throw JpegError("its recipe for going back is damaged");
  }

  Bytes take(size_t count) {
    FC_JPEG_CHECK(count <= bytes_.size - at_, "its recipe for going back is damaged");
    at_ += count;
    return bytes_.part(at_ - count, at_);
  }

  bool done() const { return at_ == bytes_.size; }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

}  // namespace

bool is_recipe(Bytes file, const Segment& segment) {
  return segment.marker == kApp9 && segment.end - segment.payload >= kPrefix &&
         begins_with(file.part(segment.payload, segment.end), kName);
}

void Joiner::literal_until(size_t end) {
  if (end == at_) return;
  append_number(end - at_, head_steps_);
  head_steps_.insert(head_steps_.end(), original_.data + at_, original_.data + end);
  ++head_step_count_;
  at_ = end;
}

void Joiner::keep_segment(const Segment& segment) {
  head_.view(original_.part(at_, segment.end));
  const size_t size = segment.end - segment.begin;
  if (size < kLeastReference || size <= literal_budget_) {
    literal_budget_ -= std::min(size, literal_budget_);
    return literal_until(segment.end);
  }
  literal_until(segment.begin);
  append_number(0, head_steps_);
  const uint64_t hash = hash_of(original_.part(segment.begin, segment.end));
  for (int shift = 56; shift >= 0; shift -= 8) {
    head_steps_.push_back(static_cast<uint8_t>(hash >> shift));
  }
  ++head_step_count_;
  at_ = segment.end;
}

void Joiner::begin_frame() { in_frame_ = true; }

Joiner::Step& Joiner::step_for(bool literal) {
  // A literal stands before what is left out and copied in the same step.
  if (steps_.empty() || steps_.back().copy > 0 || (literal && steps_.back().skip > 0)) {
    steps_.emplace_back();
  }
  return steps_.back();
}

void Joiner::keep_until(size_t end) {
  if (end == at_) return;
  if (steps_.empty()) steps_.emplace_back();
  steps_.back().copy += end - at_;
  rest_.view(original_.part(at_, end));
  at_ = end;
}

void Joiner::drop_until(size_t end) {
  if (!in_frame_) return literal_until(end);
  std::vector<uint8_t>& literal = step_for(true).literal;
  literal.insert(literal.end(), original_.data + at_, original_.data + end);
  at_ = end;
}

void Joiner::add(Rope bytes) {
  if (bytes.size() == 0) return;
  if (in_frame_) step_for(false).skip += bytes.size();
  (in_frame_ ? rest_ : head_).append(std::move(bytes));
}

Rope Joiner::finish(const Sha256& sha256) {
  std::vector<uint8_t> recipe(sha256.begin(), sha256.end());
  append_number(original_.size, recipe);
  append_number(head_step_count_, recipe);
  recipe.insert(recipe.end(), head_steps_.begin(), head_steps_.end());
  append_number(steps_.size(), recipe);
  for (const Step& step : steps_) {
    append_number(step.literal.size(), recipe);
    recipe.insert(recipe.end(), step.literal.begin(), step.literal.end());
    append_number(step.skip, recipe);
    append_number(step.copy, recipe);
  }
  Rope out = std::move(head_);
  const size_t count = (recipe.size() + kMostPart - 1) / kMostPart;
  FC_JPEG_CHECK(count <= 65535, "too much of its metadata would have to be put aside");
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = i * kMostPart;
    const size_t end = std::min(recipe.size(), begin + kMostPart);
    const size_t length = 2 + kPrefix + end - begin;
    std::vector<uint8_t> segment{0xFF, kApp9, static_cast<uint8_t>(length >> 8),
                                 static_cast<uint8_t>(length)};
    segment.insert(segment.end(), kName, kName + sizeof(kName));
    for (const size_t value : {size_t{kVersion}, i >> 8, i & 255, count >> 8, count & 255}) {
      segment.push_back(static_cast<uint8_t>(value));
    }
    segment.insert(segment.end(), recipe.begin() + static_cast<std::ptrdiff_t>(begin),
                   recipe.begin() + static_cast<std::ptrdiff_t>(end));
    out.own(std::move(segment));
  }
  out.append(std::move(rest_));
  return out;
}

Reverted follow_recipe(Bytes joined, const std::vector<Segment>& header) {
  std::vector<uint8_t> recipe;
  size_t parts = 0;
  size_t end = 0;
  for (const Segment& segment : header) {
    if (!is_recipe(joined, segment)) continue;
    const uint8_t* prefix = joined.data + segment.payload + sizeof(kName);
    FC_JPEG_CHECK(prefix[0] == kVersion, "it was written by a newer fastcolor (recipe version ",
                  static_cast<int>(prefix[0]), ")");
    const size_t number = prefix[1] * size_t{256} + prefix[2];
    const size_t count = prefix[3] * size_t{256} + prefix[4];
    FC_JPEG_CHECK(number == parts && (end == 0 || segment.begin == end),
                  "its recipe for going back is damaged");
    recipe.insert(recipe.end(), joined.data + segment.payload + kPrefix, joined.data + segment.end);
    end = segment.end;
    if (++parts == count) break;
  }
  FC_JPEG_CHECK(parts > 0, "it was not joined by fastcolor: there is nothing to go back to");

  // Each segment is taken at most once, so that the original is no larger than the joined file.
  std::unordered_multimap<uint64_t, Bytes> segments;
  for (const Segment& segment : header) {
    const Bytes bytes = joined.part(segment.begin, segment.end);
    if (bytes.size >= kLeastReference) segments.emplace(hash_of(bytes), bytes);
  }

  Reader in({recipe.data(), recipe.size()});
  Reverted out;
  const Bytes hash = in.take(out.sha256.size());
  std::copy_n(hash.data, hash.size, out.sha256.begin());
  const size_t size = in.number();
  for (size_t left = in.number(); left > 0; --left) {
    const size_t length = in.number();
    const Bytes bytes = in.take(length == 0 ? 8 : length);
    if (length > 0) {
      out.file.own({bytes.data, bytes.data + length});
      continue;
    }
    uint64_t wanted = 0;
    for (size_t i = 0; i < 8; ++i) wanted = wanted << 8 | bytes.data[i];
    const auto found = segments.find(wanted);
    FC_JPEG_CHECK(found != segments.end(),
                  "its metadata was changed after fastcolor wrote it: the original's is gone");
    out.file.view(found->second);
    segments.erase(found);
  }
  size_t at = header.back().begin;  // of the frame
  for (size_t left = in.number(); left > 0; --left) {
    const Bytes literal = in.take(in.number());
    out.file.own({literal.data, literal.data + literal.size});
    const size_t skip = in.number();
    FC_JPEG_CHECK(skip <= joined.size - at, kChanged);
    at += skip;
    const size_t copy = in.number();
    FC_JPEG_CHECK(copy <= joined.size - at, kChanged);
    out.file.view(joined.part(at, at + copy));
    at += copy;
  }
  FC_JPEG_CHECK(in.done() && out.file.size() == size, kChanged);
  return out;
}

}  // namespace fastcolor::jpeg
