// Huffman tables and the bits that they code (ITU-T T.81, annexes C, F and K.2).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "jpeg/markers.h"

namespace fastcolor::jpeg {

// A table as DHT states it.
struct HuffmanSpec {
  std::array<uint8_t, 16> counts{};  // codes of 1 to 16 bits
  std::vector<uint8_t> symbols;

  bool operator==(const HuffmanSpec& other) const {
    return counts == other.counts && symbols == other.symbols;
  }
  bool operator!=(const HuffmanSpec& other) const { return !(*this == other); }
};

// The shortest codes for these numbers of occurrences, of at most 16 bits, none of ones only.
HuffmanSpec best_table(const std::array<uint64_t, 256>& occurrences);

// Throws JpegError when the counts state more codes than there are.
class HuffmanDecoder {
 public:
  explicit HuffmanDecoder(const HuffmanSpec& spec);

  // The symbol that the next bits begin with, and how many bits it has (0: no such code).
  struct Found {
    uint8_t symbol;
    uint8_t bits;
  };
  Found find(uint32_t next16) const {
    const Found found = quick_[next16 >> (16 - kQuickBits)];
    return found.bits != 0 ? found : find_long(next16);
  }

 private:
  static constexpr int kQuickBits = 9;
  Found find_long(uint32_t next16) const;

  std::array<Found, 1 << kQuickBits> quick_{};
  std::array<uint32_t, 17> end_{};  // of the codes of each length, in 16 bits
  std::array<int, 17> offset_{};    // of their symbols, less the first code
  std::vector<uint8_t> symbols_;
};

class HuffmanEncoder {
 public:
  explicit HuffmanEncoder(const HuffmanSpec& spec);
  struct Code {
    uint16_t bits = 0;
    uint8_t length = 0;
  };
  Code code(uint8_t symbol) const { return codes_[symbol]; }

 private:
  std::array<Code, 256> codes_{};
};

// Reads the bits of one scan; throws JpegError where they end or a restart marker is not in place.
class BitReader {
 public:
  explicit BitReader(Bytes data) : data_(data) {}

  // A symbol and the bits after it, as many as its low half says.
  struct Symbol {
    uint8_t symbol;
    uint32_t bits;
  };
  Symbol symbol(const HuffmanDecoder& decoder) {
    if (count_ < 32) fill();
    const auto found = decoder.find(static_cast<uint32_t>(buffer_ >> 48));
    if (found.bits == 0) damaged();
    const int size = found.symbol & 15;
    if (found.bits + size > count_) ended();
    const uint64_t rest = buffer_ << found.bits;
    buffer_ = rest << size;
    count_ -= found.bits + size;
    return {found.symbol, static_cast<uint32_t>(rest >> 1 >> (63 - size))};
  }

  uint32_t bit() {
    if (count_ == 0) fill();
    if (count_ == 0) ended();
    const auto value = static_cast<uint32_t>(buffer_ >> 63);
    buffer_ <<= 1;
    --count_;
    return value;
  }

  // Leaves out what is left of a byte and reads the restart marker of this number.
  void restart(int number);

 private:
  void fill() {
    // Eight bytes without a marker: take as many as there is room for.
    if (data_.size - at_ >= 8) {
      uint64_t next = 0;
      for (size_t i = 0; i < 8; ++i) next = next << 8 | data_.data[at_ + i];
      constexpr uint64_t kOnes = 0x0101010101010101u;
      if (((~next - kOnes) & next & (kOnes << 7)) == 0) {
        const int bytes = (63 - count_) >> 3;
        next = next >> (64 - 8 * bytes) << (64 - 8 * bytes);
        buffer_ |= next >> count_;
        at_ += static_cast<size_t>(bytes);
        count_ += 8 * bytes;
        return;
      }
    }
    fill_bytes();
  }
  void fill_bytes();
  [[noreturn]] static void damaged();
  [[noreturn]] static void ended();

  Bytes data_;
  size_t at_ = 0;
  uint64_t buffer_ = 0;  // the next bits from the top, zeros after them
  int count_ = 0;
};

class BitWriter {
 public:
  // count is 0 to 32, bits have no more.
  void put(uint32_t bits, int count) {
    buffer_ = buffer_ << count | bits;
    count_ += count;
    if (count_ >= 32) {
      count_ -= 32;
      word(static_cast<uint32_t>(buffer_ >> count_));
    }
  }
  // A symbol and the size bits that follow it.
  void put(HuffmanEncoder::Code code, uint32_t bits, int size) {
    put(uint32_t{code.bits} << size | bits, code.length + size);
  }

  // Fills the last byte with ones.
  std::vector<uint8_t> finish() {
    if (count_ % 8 != 0) put((1u << (8 - count_ % 8)) - 1, 8 - count_ % 8);
    for (; count_ > 0; count_ -= 8) byte(static_cast<uint8_t>(buffer_ >> (count_ - 8)));
    out_.resize(size_);
    return std::move(out_);
  }

 private:
  void word(uint32_t value) {
    if (out_.size() - size_ < 8) out_.resize(out_.size() * 2 + 256);
    const uint32_t inverse = ~value;  // has a byte of zeros where value has one of ones
    if (((inverse - 0x01010101u) & value & 0x80808080u) == 0) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        out_[size_++] = static_cast<uint8_t>(value >> shift);
      }
      return;
    }
    for (int shift = 24; shift >= 0; shift -= 8) byte(static_cast<uint8_t>(value >> shift));
  }
  void byte(uint8_t value) {
    if (out_.size() - size_ < 2) out_.resize(out_.size() + 16);
    out_[size_++] = value;
    if (value == 0xFF) out_[size_++] = 0;
  }

  std::vector<uint8_t> out_;  // the first size_ bytes are written
  size_t size_ = 0;
  uint64_t buffer_ = 0;
  int count_ = 0;  // bits in it, fewer than 32
};

// What DHT, DQT and DRI segments have said up to some place in the file.
struct Tables {
  std::array<HuffmanSpec, 4> dc;
  std::array<HuffmanSpec, 4> ac;
  std::array<std::vector<uint8_t>, 4> quantisation;  // precision, then 64 or 128 bytes
  int restart_interval = 0;                          // MCUs; 0 for none

  void read(const Markers& file, const Segment& segment);
};

}  // namespace fastcolor::jpeg
