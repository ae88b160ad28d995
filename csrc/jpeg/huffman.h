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

  uint8_t symbol(const HuffmanDecoder& decoder) {
    const auto found = decoder.find(peek16());
    if (found.bits == 0) damaged();
    skip(found.bits);
    return found.symbol;
  }

  // count is 0 to 16.
  uint32_t bits(int count) {
    const uint32_t value = peek16() >> (16 - count);
    skip(count);
    return value;
  }

  // Leaves out what is left of a byte and reads the restart marker of this number.
  void restart(int number);

 private:
  uint32_t peek16() {
    if (count_ < 16) fill();
    return static_cast<uint32_t>(buffer_ >> 48);
  }
  void skip(int count) {
    if (count > count_) ended();
    buffer_ <<= count;
    count_ -= count;
  }
  void fill();
  [[noreturn]] static void damaged();
  [[noreturn]] static void ended();

  Bytes data_;
  size_t at_ = 0;
  uint64_t buffer_ = 0;  // the next bits from the top, zeros after them
  int count_ = 0;
};

class BitWriter {
 public:
  void put(uint32_t bits, int count) {
    buffer_ = (buffer_ << count) | bits;
    count_ += count;
    while (count_ >= 8) {
      count_ -= 8;
      byte(static_cast<uint8_t>(buffer_ >> count_));
    }
  }
  void put(HuffmanEncoder::Code code) { put(code.bits, code.length); }

  // Fills the last byte with ones.
  std::vector<uint8_t> finish() {
    if (count_ > 0) put((1u << (8 - count_)) - 1, 8 - count_);
    return std::move(out_);
  }

 private:
  void byte(uint8_t value) {
    out_.push_back(value);
    if (value == 0xFF) out_.push_back(0);
  }

  std::vector<uint8_t> out_;
  uint64_t buffer_ = 0;
  int count_ = 0;
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
