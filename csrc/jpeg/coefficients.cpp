#include "jpeg/coefficients.h"

#include <algorithm>

namespace fastcolor::jpeg {
namespace {

// How the blocks of a scan follow each other.
struct Geometry {
  int64_t blocks_x = 0;  // of the component that is wanted
  int64_t blocks_y = 0;
  int64_t mcus_x = 0;
  int64_t mcus_y = 0;
  int64_t wanted_rows = 0;  // of blocks of that component in an MCU
  bool interleaved = false;

  Geometry(const Markers& file, const Scan& scan, int index) {
    const Frame& frame = file.frame;
    const Component& wanted = frame.components[static_cast<size_t>(index)];
    const auto up = [](int64_t value, int64_t by) { return (value + by - 1) / by; };
    blocks_x = up(up(int64_t{frame.width} * wanted.h, frame.most_h()), 8);
    blocks_y = up(up(int64_t{frame.height} * wanted.v, frame.most_v()), 8);
    interleaved = scan.components.size() > 1;
    mcus_x = interleaved ? up(frame.width, 8 * frame.most_h()) : blocks_x;
    mcus_y = interleaved ? up(frame.height, 8 * frame.most_v()) : blocks_y;
    int64_t blocks_per_mcu = 0;
    for (const ScanComponent& component : scan.components) {
      const Component& each = frame.components[static_cast<size_t>(component.index)];
      blocks_per_mcu += interleaved ? each.h * each.v : 1;
    }
    FC_JPEG_CHECK(blocks_per_mcu <= 10, "it is damaged: ", blocks_per_mcu, " blocks in an MCU");
    wanted_rows = interleaved ? wanted.v : 1;
    // No block takes less than a bit: nothing is allocated for blocks that cannot be there.
    const auto bits = static_cast<int64_t>(file.data(scan).size) * 8;
    FC_JPEG_CHECK(mcus_x * mcus_y * blocks_per_mcu <= bits, "it is damaged: a scan ends too early");
  }
};

// Calls block(component of the scan, x, y) in the order of the scan, reads restart markers, and
// calls rows_done(first, count) for the wanted component's rows of blocks. x and y count the blocks
// of a component.
template <typename Block, typename Row>
void walk(const Frame& frame, const Scan& scan, const Geometry& geometry, const Tables& tables,
          BitReader& in, std::vector<int32_t>& dc, Block block, Row rows_done) {
  int64_t left = tables.restart_interval;
  int number = 0;
  for (int64_t my = 0; my < geometry.mcus_y; ++my) {
    for (int64_t mx = 0; mx < geometry.mcus_x; ++mx) {
      if (tables.restart_interval > 0 && left-- == 0) {
        in.restart(number++);
        std::fill(dc.begin(), dc.end(), 0);
        left = tables.restart_interval - 1;
      }
      for (size_t i = 0; i < scan.components.size(); ++i) {
        const Component& component =
            frame.components[static_cast<size_t>(scan.components[i].index)];
        const int h = geometry.interleaved ? component.h : 1;
        const int v = geometry.interleaved ? component.v : 1;
        for (int y = 0; y < v; ++y) {
          for (int x = 0; x < h; ++x) block(i, mx * h + x, my * v + y);
        }
      }
    }
    rows_done(my * geometry.wanted_rows, geometry.wanted_rows);
  }
}

int32_t extend(uint32_t bits, int size) {
  if (size == 0) return 0;
  const auto value = static_cast<int32_t>(bits);
  return value < (1 << (size - 1)) ? value - (1 << size) + 1 : value;
}

void read_dc(BitReader& in, const HuffmanDecoder& table, int32_t& dc) {
  const auto [size, bits] = in.symbol(table);
  FC_JPEG_CHECK(size <= 15, "it is damaged: a DC coefficient is too large");
  dc += extend(bits, size);
  FC_JPEG_CHECK(dc >= -32768 && dc <= 32767, "it is damaged: a DC coefficient is too large");
}

// The size and the further bits of a difference.
struct Difference {
  uint8_t size;
  uint32_t bits;
  explicit Difference(int32_t value) {
    const auto magnitude = static_cast<uint32_t>(value < 0 ? -value : value);
    size = static_cast<uint8_t>(magnitude == 0 ? 0 : 32 - __builtin_clz(magnitude));
    bits = static_cast<uint32_t>(value < 0 ? value - 1 : value) & ((1u << size) - 1);
    FC_JPEG_CHECK(size <= 11, "it is damaged: a DC coefficient is too large");
  }
};

class Decoders {
 public:
  Decoders(const Scan& scan, const Tables& tables, bool with_ac) {
    for (const ScanComponent& component : scan.components) {
      dc_.emplace_back(tables.dc[static_cast<size_t>(component.dc_table)]);
      if (with_ac) ac_.emplace_back(tables.ac[static_cast<size_t>(component.ac_table)]);
    }
  }
  const HuffmanDecoder& dc(size_t i) const { return dc_[i]; }
  const HuffmanDecoder& ac(size_t i) const { return ac_[i]; }

 private:
  std::vector<HuffmanDecoder> dc_;
  std::vector<HuffmanDecoder> ac_;
};

// Calls token(u32) for what follows the DC value of a block.
template <typename Token>
void read_ac(BitReader& in, const HuffmanDecoder& table, Token token) {
  for (int k = 1; k <= 63;) {
    const auto [symbol, bits] = in.symbol(table);
    if (symbol == 0) {
      token(0);
      return;
    }
    FC_JPEG_CHECK((symbol & 15) != 0 || symbol == 0xF0, "it is damaged: an unknown AC symbol");
    k += (symbol >> 4) + 1;
    FC_JPEG_CHECK(k <= 64, "it is damaged: a block has more than 64 coefficients");
    token(uint32_t{symbol} << 16 | bits);
  }
}

// Calls dc(value), ac(token) for each coefficient or run of zeros, and end(early) for every block.
template <typename Dc, typename Ac, typename End>
void for_each_block(const Blocks& blocks, Dc dc, Ac ac, End end) {
  const size_t count = blocks.tokens.size();
  for (size_t at = 0; at < count;) {
    dc(static_cast<int32_t>(blocks.tokens[at++]));
    int k = 1;
    while (k <= 63) {
      const uint32_t token = blocks.tokens[at++];
      if (token == 0) break;
      ac(token);
      k += static_cast<int>(token >> 20) + 1;
    }
    end(k <= 63);
  }
}

// Runs emit(sink) twice: to count symbols, then to write them with the best table for the counts.
// emit calls sink(symbol, bits, size).
template <typename Emit>
std::vector<uint8_t> coded_best(HuffmanSpec& spec, Emit emit) {
  std::array<uint64_t, 256> occurrences{};
  emit([&](uint8_t symbol, uint32_t, int) { ++occurrences[symbol]; });
  spec = best_table(occurrences);
  const HuffmanEncoder encoder(spec);
  BitWriter out;
  emit([&](uint8_t symbol, uint32_t bits, int size) { out.put(encoder.code(symbol), bits, size); });
  return out.finish();
}

// Codes runs of blocks that end early, as AC scans of progressive files do.
template <typename Sink>
void flush_run(uint32_t& run, Sink sink) {
  if (run == 0) return;
  int size = 0;
  while ((run >> (size + 1)) != 0) ++size;
  sink(static_cast<uint8_t>(size << 4), run & ((1u << size) - 1), size);
  run = 0;
}

}  // namespace

Blocks read_sequential(const Markers& file, const Scan& scan, const Tables& tables, int index) {
  const Geometry geometry(file, scan, index);
  const Decoders decoders(scan, tables, true);
  BitReader in(file.data(scan));
  std::vector<int32_t> dc(scan.components.size(), 0);
  Blocks blocks;
  std::array<std::vector<uint32_t>, 4> rows;  // of blocks, in one row of MCUs
  blocks.tokens.reserve(file.data(scan).size * 3 / 2);
  const bool in_order = geometry.wanted_rows == 1;  // no rows needed
  walk(
      file.frame, scan, geometry, tables, in, dc,
      [&](size_t i, int64_t x, int64_t y) {
        read_dc(in, decoders.dc(i), dc[i]);
        if (scan.components[i].index == index && x < geometry.blocks_x && y < geometry.blocks_y) {
          std::vector<uint32_t>& row = in_order ? blocks.tokens : rows[static_cast<size_t>(y) & 3];
          row.push_back(static_cast<uint32_t>(dc[i]));
          read_ac(in, decoders.ac(i), [&](uint32_t token) { row.push_back(token); });
        } else {
          read_ac(in, decoders.ac(i), [](uint32_t) {});
        }
      },
      [&](int64_t first_row, int64_t rows_done) {
        for (int64_t y = first_row; y < first_row + rows_done && !in_order; ++y) {
          std::vector<uint32_t>& row = rows[static_cast<size_t>(y) & 3];
          blocks.tokens.insert(blocks.tokens.end(), row.begin(), row.end());
          row.clear();
        }
      });
  return blocks;
}

ComponentScan write_sequential(const Blocks& blocks) {
  // Tables of both kinds are counted in one pass over the tokens and written in a second one.
  std::array<uint64_t, 256> dc_count{};
  std::array<uint64_t, 256> ac_count{};
  int32_t before = 0;
  for_each_block(
      blocks,
      [&](int32_t dc) {
        ++dc_count[Difference(dc - before).size];
        before = dc;
      },
      [&](uint32_t token) { ++ac_count[token >> 16]; },
      [&](bool early) { ac_count[0] += early ? 1 : 0; });
  ComponentScan scan;
  scan.dc = best_table(dc_count);
  scan.ac = best_table(ac_count);
  const HuffmanEncoder dc_codes(scan.dc);
  const HuffmanEncoder ac_codes(scan.ac);
  BitWriter out;
  before = 0;
  for_each_block(
      blocks,
      [&](int32_t dc) {
        const Difference difference(dc - before);
        before = dc;
        out.put(dc_codes.code(difference.size), difference.bits, difference.size);
      },
      [&](uint32_t token) {
        const auto symbol = static_cast<uint8_t>(token >> 16);
        out.put(ac_codes.code(symbol), token & 0xFFFF, symbol & 15);
      },
      [&](bool early) {
        if (early) out.put(ac_codes.code(0), 0, 0);
      });
  scan.coded = out.finish();
  return scan;
}

std::vector<ComponentScan> write_progressive(const Blocks& blocks) {
  std::vector<ComponentScan> scans(2);
  scans[0].last = 0;
  scans[0].coded = coded_best(scans[0].dc, [&](auto sink) {
    int32_t before = 0;
    for_each_block(
        blocks,
        [&](int32_t dc) {
          const Difference difference(dc - before);
          before = dc;
          sink(difference.size, difference.bits, difference.size);
        },
        [](uint32_t) {}, [](bool) {});
  });
  scans[1].first = 1;
  scans[1].coded = coded_best(scans[1].ac, [&](auto sink) {
    uint32_t run = 0;
    for_each_block(
        blocks, [](int32_t) {},
        [&](uint32_t token) {
          flush_run(run, sink);
          sink(static_cast<uint8_t>(token >> 16), token & 0xFFFF,
               static_cast<int>(token >> 16) & 15);
        },
        [&](bool early) {
          if (early && ++run == 0x7FFF) flush_run(run, sink);
        });
    flush_run(run, sink);
  });
  return scans;
}

ComponentScan recode_dc(const Markers& file, const Scan& scan, const Tables& tables, int index) {
  const Geometry geometry(file, scan, index);
  const bool refines = scan.high != 0;
  const Decoders decoders(scan, tables, false);
  BitReader in(file.data(scan));
  std::vector<int32_t> dc(scan.components.size(), 0);
  std::vector<int16_t> values(static_cast<size_t>(geometry.blocks_x * geometry.blocks_y));
  walk(
      file.frame, scan, geometry, tables, in, dc,
      [&](size_t i, int64_t x, int64_t y) {
        if (refines) {
          dc[i] = static_cast<int32_t>(in.bit());
        } else {
          read_dc(in, decoders.dc(i), dc[i]);
        }
        if (scan.components[i].index == index && x < geometry.blocks_x && y < geometry.blocks_y) {
          values[static_cast<size_t>(y * geometry.blocks_x + x)] = static_cast<int16_t>(dc[i]);
        }
      },
      [](int64_t, int64_t) {});
  ComponentScan out;
  out.last = 0;
  out.high = scan.high;
  out.low = scan.low;
  if (refines) {
    BitWriter bits;
    for (const int16_t value : values) bits.put(static_cast<uint32_t>(value), 1);
    out.coded = bits.finish();
    return out;
  }
  out.coded = coded_best(out.dc, [&](auto sink) {
    int32_t before = 0;
    for (const int16_t value : values) {
      const Difference difference(value - before);
      before = value;
      sink(difference.size, difference.bits, difference.size);
    }
  });
  return out;
}

}  // namespace fastcolor::jpeg
