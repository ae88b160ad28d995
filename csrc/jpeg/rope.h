// Bytes in pieces: views of other memory in turn with bytes of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

namespace fastcolor::jpeg {

struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;

  Bytes part(size_t begin, size_t end) const { return {data + begin, end - begin}; }
};

class Rope {
 public:
  Rope() = default;
  Rope(Rope&&) = default;
  Rope& operator=(Rope&&) = default;
  Rope(const Rope&) = delete;
  Rope& operator=(const Rope&) = delete;

  void view(Bytes piece) {
    if (piece.size == 0) return;
    size_ += piece.size;
    if (!pieces_.empty() && pieces_.back().data + pieces_.back().size == piece.data) {
      pieces_.back().size += piece.size;
    } else {
      pieces_.push_back(piece);
    }
  }

  void own(std::vector<uint8_t> bytes) {
    owned_.push_back(std::move(bytes));
    view({owned_.back().data(), owned_.back().size()});
  }

  void append(Rope&& other) {
    for (const Bytes& piece : other.pieces_) view(piece);
    for (auto& bytes : other.owned_) owned_.push_back(std::move(bytes));
  }

  size_t size() const { return size_; }

  void copy_to(uint8_t* target) const {
    for (const Bytes& piece : pieces_) {
      std::memcpy(target, piece.data, piece.size);
      target += piece.size;
    }
  }

 private:
  std::vector<Bytes> pieces_;
  std::deque<std::vector<uint8_t>> owned_;
  size_t size_ = 0;
};

}  // namespace fastcolor::jpeg
