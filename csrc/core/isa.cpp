#include "core/isa.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "core/errors.h"

namespace fastcolor {
namespace {

bool machine_has(CpuLevel level) {
#if defined(FC_X86_LEVELS)
  __builtin_cpu_init();
  switch (level) {
    case CpuLevel::baseline: return true;
    case CpuLevel::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuLevel::avx512:
      return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  }
  return false;
#else
  return level == CpuLevel::baseline;
#endif
}

CpuLevel level_named(const std::string& name) {
  for (const CpuLevel level : {CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512}) {
    if (name != cpu_level_name(level)) continue;
    if (!machine_has(level)) {
      throw std::runtime_error("FASTCOLOR_CPU=" + name +
                               ": this machine lacks that level; use a lower one or unset it");
    }
    return level;
  }
  throw std::runtime_error("FASTCOLOR_CPU=" + printable(name) + ": use baseline, avx2 or avx512");
}

CpuLevel choose() {
  const char* wanted = std::getenv("FASTCOLOR_CPU");
  if (wanted != nullptr && *wanted != '\0') return level_named(wanted);
  for (const CpuLevel level : {CpuLevel::avx512, CpuLevel::avx2}) {
    if (machine_has(level)) return level;
  }
  return CpuLevel::baseline;
}

std::atomic<int> chosen{-1};

}  // namespace

CpuLevel cpu_level() {
  int level = chosen.load(std::memory_order_relaxed);
  if (level < 0) {
    level = static_cast<int>(choose());
    chosen.store(level, std::memory_order_relaxed);
  }
  return static_cast<CpuLevel>(level);
}

void set_cpu_level(const std::string& name) { chosen.store(static_cast<int>(level_named(name))); }

const char* cpu_level_name(CpuLevel level) {
  switch (level) {
    case CpuLevel::baseline: return "baseline";
    case CpuLevel::avx2: return "avx2";
    case CpuLevel::avx512: return "avx512";
  }
  return "?";
}

std::vector<std::string> available_cpu_levels() {
  std::vector<std::string> names;
  for (const CpuLevel level : {CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512}) {
    if (machine_has(level)) names.emplace_back(cpu_level_name(level));
  }
  return names;
}

}  // namespace fastcolor
