// The scans of one component, taken out of a file.
#pragma once

#include <vector>

#include "jpeg/huffman.h"
#include "jpeg/markers.h"

namespace fastcolor::jpeg {

struct ComponentScan {
  HuffmanSpec dc;  // empty where the scan needs none
  HuffmanSpec ac;
  int restart_interval = 0;
  int first = 0;
  int last = 63;
  int high = 0;
  int low = 0;
  Bytes copied;                // entropy-coded data as it stands in the file, or
  std::vector<uint8_t> coded;  // anew
};

struct ComponentScans {
  std::vector<uint8_t>
      quantisation;  // precision, then 64 or 128 bytes; empty where none was stated
  std::vector<ComponentScan> scans;
};

enum class Recode {
  if_interleaved,  // scans of this component alone are copied
  sequential,      // all, with the best tables
  progressive,     // all, as one scan for DC and one for AC
};

// The coefficients of frame component `index`, as scans of their own. File is Huffman coded; only
// sequential files can be recoded as told.
ComponentScans take_component(const Markers& file, int index, Recode recode);

// Appends DHT, DRI, SOS and data to out. Tables get the number table_id.
void write_scans(std::vector<ComponentScan>&& scans, uint8_t component_id, uint8_t table_id,
                 Tables& written, Rope& out);

}  // namespace fastcolor::jpeg
