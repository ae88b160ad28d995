// Coefficients of one component as the symbols that code them.
#pragma once

#include <vector>

#include "jpeg/scans.h"

namespace fastcolor::jpeg {

// The blocks of one component in raster order, without those that only fill up MCUs.
//
// Tokens of a block: its DC value, then for each AC coefficient (symbol << 16 | further bits), then
// 0 for the end of the block unless coefficient 63 came.
struct Blocks {
  std::vector<uint32_t> tokens;
};

Blocks read_sequential(const Markers& file, const Scan& scan, const Tables& tables, int index);
ComponentScan write_sequential(const Blocks& blocks);
std::vector<ComponentScan> write_progressive(const Blocks& blocks);

// An interleaved DC scan of a progressive file, first or refining, as a scan of one component.
ComponentScan recode_dc(const Markers& file, const Scan& scan, const Tables& tables, int index);

}  // namespace fastcolor::jpeg
