#include "jpeg/huffman.h"

#include <algorithm>

namespace fastcolor::jpeg {

HuffmanSpec best_table(const std::array<uint64_t, 256>& occurrences) {
  // Symbol 256 stands for the code of ones only, which no symbol may have.
  std::array<uint64_t, 257> weight{};
  std::copy(occurrences.begin(), occurrences.end(), weight.begin());
  weight[256] = 1;
  std::array<int, 257> length{};
  std::array<int, 257> chain;  // the next symbol of the same subtree
  chain.fill(-1);
  while (true) {
    int least = -1;
    int second = -1;  // ties go to the larger symbol, as in the standard
    for (int i = 0; i < 257; ++i) {
      if (weight[i] == 0) continue;
      if (least < 0 || weight[i] <= weight[least]) {
        second = least;
        least = i;
      } else if (second < 0 || weight[i] <= weight[second]) {
        second = i;
      }
    }
    if (second < 0) break;
    weight[least] += weight[second];
    weight[second] = 0;
    int tail = least;
    for (;; tail = chain[tail]) {
      ++length[tail];
      if (chain[tail] < 0) break;
    }
    chain[tail] = second;
    for (int i = second; i >= 0; i = chain[i]) ++length[i];
  }

  std::array<int, 258> counts{};
  for (int i = 0; i < 257; ++i) ++counts[length[i]];
  counts[0] = 0;
  for (int bits = 257; bits > 16; --bits) {  // figure K.3: pairs move up the tree
    while (counts[bits] > 0) {
      int shorter = bits - 2;
      while (counts[shorter] == 0) --shorter;
      counts[bits] -= 2;
      ++counts[bits - 1];
      counts[shorter + 1] += 2;
      --counts[shorter];
    }
  }
  int longest = 16;
  while (longest > 0 && counts[longest] == 0) --longest;
  if (longest > 0) --counts[longest];  // the reserved one

  HuffmanSpec spec;
  for (int bits = 1; bits <= 16; ++bits) {
    spec.counts[bits - 1] = static_cast<uint8_t>(counts[bits]);
  }
  for (int bits = 1; bits <= 257; ++bits) {
    for (int i = 0; i < 256; ++i) {
      if (length[i] == bits) spec.symbols.push_back(static_cast<uint8_t>(i));
    }
  }
  return spec;
}

HuffmanDecoder::HuffmanDecoder(const HuffmanSpec& spec) : symbols_(spec.symbols) {
  uint32_t code = 0;
  size_t symbol = 0;
  for (int bits = 1; bits <= 16; ++bits) {
    offset_[bits] = static_cast<int>(symbol) - static_cast<int>(code);
    const uint32_t count = spec.counts[bits - 1];
    FC_JPEG_CHECK(code + count <= (1u << bits) && symbol + count <= symbols_.size(),
                  "it is damaged: a Huffman table has too many codes");
    for (uint32_t i = 0; i < count && bits <= kQuickBits; ++i) {
      const Found found{symbols_[symbol + i], static_cast<uint8_t>(bits)};
      std::fill_n(quick_.begin() + ((code + i) << (kQuickBits - bits)), 1 << (kQuickBits - bits),
                  found);
    }
    code += count;
    symbol += count;
    end_[bits] = code << (16 - bits);
    code <<= 1;
  }
}

HuffmanDecoder::Found HuffmanDecoder::find_long(uint32_t next16) const {
  for (int bits = kQuickBits + 1; bits <= 16; ++bits) {
    if (next16 < end_[bits]) {
      const int index = static_cast<int>(next16 >> (16 - bits)) + offset_[bits];
      return {symbols_[static_cast<size_t>(index)], static_cast<uint8_t>(bits)};
    }
  }
  return {0, 0};
}

HuffmanEncoder::HuffmanEncoder(const HuffmanSpec& spec) {
  uint32_t code = 0;
  size_t symbol = 0;
  for (int bits = 1; bits <= 16; ++bits, code <<= 1) {
    for (int i = 0; i < spec.counts[bits - 1]; ++i) {
      codes_[spec.symbols[symbol++]] = {static_cast<uint16_t>(code++), static_cast<uint8_t>(bits)};
    }
  }
}

void BitReader::fill_bytes() {
  while (count_ <= 56 && at_ < data_.size) {
    const uint8_t value = data_.data[at_];
    if (value == 0xFF) {
      size_t next = at_ + 1;
      while (next < data_.size && data_.data[next] == 0xFF) ++next;
      if (next >= data_.size || data_.data[next] != 0) return;  // a restart marker or the end
      at_ = next + 1;
    } else {
      ++at_;
    }
    buffer_ |= uint64_t{value} << (56 - count_);
    count_ += 8;
  }
}

void BitReader::restart(int number) {
  if (count_ < 8) fill_bytes();
  FC_JPEG_CHECK(count_ < 8, "it is damaged: a restart marker comes late");
  while (at_ + 1 < data_.size && data_.data[at_] == 0xFF && data_.data[at_ + 1] == 0xFF) ++at_;
  FC_JPEG_CHECK(
      at_ + 1 < data_.size && data_.data[at_] == 0xFF && data_.data[at_ + 1] == 0xD0 + (number & 7),
      "it is damaged: a restart marker is not in its place");
  at_ += 2;
  buffer_ = 0;
  count_ = 0;
}

void BitReader::damaged() { throw JpegError("it is damaged: no Huffman code fits the data"); }

void BitReader::ended() { throw JpegError("it is damaged: a scan ends too early"); }

void Tables::read(const Markers& file, const Segment& segment) {
  const Bytes in = file.payload(segment);
  size_t at = 0;
  if (segment.marker == kDri) {
    FC_JPEG_CHECK(in.size == 2, "it is damaged: a DRI segment of ", in.size, " bytes");
    restart_interval = in.data[0] * 256 + in.data[1];
  }
  while (segment.marker == kDqt && at < in.size) {
    const int precision = in.data[at] >> 4;
    const int id = in.data[at] & 15;
    const size_t size = precision == 0 ? 64 : 128;
    FC_JPEG_CHECK(precision <= 1 && id <= 3 && in.size - at > size,
                  "it is damaged: a quantisation table is wrong");
    std::vector<uint8_t>& table = quantisation[static_cast<size_t>(id)];
    table.assign(in.data + at, in.data + at + 1 + size);
    table[0] = static_cast<uint8_t>(precision);
    at += 1 + size;
  }
  while (segment.marker == kDht && at < in.size) {
    FC_JPEG_CHECK(in.size - at >= 17 && (in.data[at] & 0xEC) == 0,
                  "it is damaged: a Huffman table is wrong");
    HuffmanSpec& spec = (in.data[at] >> 4 != 0 ? ac : dc)[in.data[at] & 3];
    std::copy_n(in.data + at + 1, 16, spec.counts.begin());
    size_t count = 0;
    for (const uint8_t each : spec.counts) count += each;
    at += 17;
    FC_JPEG_CHECK(count <= 256 && count <= in.size - at, "it is damaged: a Huffman table is cut");
    spec.symbols.assign(in.data + at, in.data + at + count);
    at += count;
  }
}

}  // namespace fastcolor::jpeg
