#include "jpeg/scans.h"

#include "jpeg/coefficients.h"

namespace fastcolor::jpeg {
namespace {

const ScanComponent* component_of(const Scan& scan, int index) {
  for (const ScanComponent& component : scan.components) {
    if (component.index == index) return &component;
  }
  return nullptr;
}

ComponentScan copied(const Markers& file, const Scan& scan, const Tables& tables) {
  ComponentScan out;
  const ScanComponent& component = scan.components.front();
  const bool wants_dc = scan.first == 0 && scan.high == 0;
  if (wants_dc) out.dc = tables.dc[static_cast<size_t>(component.dc_table)];
  if (scan.last > 0) out.ac = tables.ac[static_cast<size_t>(component.ac_table)];
  out.restart_interval = tables.restart_interval;
  out.first = scan.first;
  out.last = scan.last;
  out.high = scan.high;
  out.low = scan.low;
  out.copied = file.data(scan);
  return out;
}

void check_range(const Frame& frame, const Scan& scan) {
  if (frame.progressive()) {
    const bool dc = scan.first == 0 && scan.last == 0;
    const bool ac =
        scan.first > 0 && scan.first <= scan.last && scan.last <= 63 && scan.components.size() == 1;
    FC_JPEG_CHECK((dc || ac) && scan.low <= 13, "it is damaged: a scan of coefficients ",
                  scan.first, " to ", scan.last);
  } else {
    FC_JPEG_CHECK(scan.first == 0 && scan.last == 63 && scan.high == 0 && scan.low == 0,
                  "it is damaged: a sequential scan of coefficients ", scan.first, " to ",
                  scan.last);
  }
}

void append_table(const HuffmanSpec& spec, uint8_t id, HuffmanSpec& written, Rope& out) {
  if (spec.symbols.empty() || spec == written) return;
  const size_t length = 2 + 17 + spec.symbols.size();
  std::vector<uint8_t> segment{0xFF, kDht, static_cast<uint8_t>(length >> 8),
                               static_cast<uint8_t>(length), id};
  segment.insert(segment.end(), spec.counts.begin(), spec.counts.end());
  segment.insert(segment.end(), spec.symbols.begin(), spec.symbols.end());
  out.own(std::move(segment));
  written = spec;
}

}  // namespace

ComponentScans take_component(const Markers& file, int index, Recode recode) {
  ComponentScans out;
  Tables tables;
  size_t next_scan = 0;
  for (size_t i = 0; i < file.segments.size(); ++i) {
    tables.read(file, file.segments[i]);
    if (file.segments[i].marker != kSos) continue;
    const Scan& scan = file.scans[next_scan++];
    if (component_of(scan, index) == nullptr) continue;
    check_range(file.frame, scan);
    if (out.scans.empty()) {
      const int id = file.frame.components[static_cast<size_t>(index)].quantisation;
      out.quantisation = tables.quantisation[static_cast<size_t>(id)];
    } else {
      FC_JPEG_CHECK(file.frame.progressive(), "it is damaged: two scans of one component");
    }
    if (scan.components.size() == 1 && recode == Recode::if_interleaved) {
      out.scans.push_back(copied(file, scan, tables));
    } else if (file.frame.progressive()) {
      FC_JPEG_CHECK(recode == Recode::if_interleaved,
                    "it is progressive, and only sequential chroma can be recoded");
      out.scans.push_back(recode_dc(file, scan, tables, index));
    } else {
      const Blocks blocks = read_sequential(file, scan, tables, index);
      if (recode == Recode::progressive) {
        out.scans = write_progressive(blocks);
      } else {
        out.scans.push_back(write_sequential(blocks));
      }
    }
  }
  FC_JPEG_CHECK(!out.scans.empty(), "it is damaged: a component has no scan");
  return out;
}

void write_scans(std::vector<ComponentScan>&& scans, uint8_t component_id, uint8_t table_id,
                 Tables& written, Rope& out) {
  for (ComponentScan& scan : scans) {
    append_table(scan.dc, table_id, written.dc[table_id], out);
    append_table(scan.ac, static_cast<uint8_t>(0x10 | table_id), written.ac[table_id], out);
    if (scan.restart_interval != written.restart_interval) {
      written.restart_interval = scan.restart_interval;
      out.own({0xFF, kDri, 0, 4, static_cast<uint8_t>(scan.restart_interval >> 8),
               static_cast<uint8_t>(scan.restart_interval)});
    }
    const auto both = static_cast<uint8_t>(table_id << 4 | table_id);
    out.own({0xFF, kSos, 0, 8, 1, component_id, both, static_cast<uint8_t>(scan.first),
             static_cast<uint8_t>(scan.last), static_cast<uint8_t>(scan.high << 4 | scan.low)});
    if (scan.copied.data != nullptr) {
      out.view(scan.copied);
    } else {
      out.own(std::move(scan.coded));
    }
  }
}

}  // namespace fastcolor::jpeg
