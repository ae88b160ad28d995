// The CPU level: which compiled copy of the row loops runs.
#pragma once

#include <string>
#include <vector>

namespace fastcolor {

enum class CpuLevel : int { baseline, avx2, avx512 };

// Chosen once, at the first call: the best level of this machine, or what FASTCOLOR_CPU names.
// Throws std::runtime_error when FASTCOLOR_CPU names a level that is unknown or that the machine
// lacks; it never chooses another one quietly.
CpuLevel cpu_level();

// For tests, which hold the levels against each other in one process. Same errors.
void set_cpu_level(const std::string& name);

const char* cpu_level_name(CpuLevel level);
std::vector<std::string> available_cpu_levels();

}  // namespace fastcolor

// A per-level source file is compiled once for each level with FC_LEVEL as its name, and puts its
// functions into namespace fastcolor::FC_LEVEL. FC_DECLARE_LEVELS repeats a declaration in each of
// those namespaces, FC_CALL_LEVEL(result =, function, arguments...) calls the copy that was chosen.
#if defined(FC_X86_LEVELS)
#define FC_DECLARE_LEVELS(declaration) \
  namespace baseline {                 \
  declaration;                         \
  }                                    \
  namespace avx2 {                     \
  declaration;                         \
  }                                    \
  namespace avx512 {                   \
  declaration;                         \
  }
#define FC_CALL_LEVEL(prefix, function, ...)                                                       \
  do {                                                                                             \
    switch (::fastcolor::cpu_level()) {                                                            \
      case ::fastcolor::CpuLevel::avx512: prefix::fastcolor::avx512::function(__VA_ARGS__); break; \
      case ::fastcolor::CpuLevel::avx2: prefix::fastcolor::avx2::function(__VA_ARGS__); break;     \
      case ::fastcolor::CpuLevel::baseline:                                                        \
        prefix::fastcolor::baseline::function(__VA_ARGS__);                                        \
        break;                                                                                     \
    }                                                                                              \
  } while (false)
#else
#define FC_DECLARE_LEVELS(declaration) \
  namespace baseline {                 \
  declaration;                         \
  }
#define FC_CALL_LEVEL(prefix, function, ...) prefix::fastcolor::baseline::function(__VA_ARGS__)
#endif
