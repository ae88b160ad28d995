// Errors that cross into Python: std::invalid_argument becomes ValueError, the rest as named.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace fastcolor {

// A CUDA call failed, or CUDA was asked for and is not there (fastcolor.DeviceError).
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An argument has the wrong type (TypeError).
class ArgumentTypeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Text from outside as messages can hold it: Python takes UTF-8 only, and an environment any bytes.
inline std::string printable(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace fastcolor

// The caller's mistake: FC_CHECK(condition, "size must be ", low, ", got ", size).
#define FC_CHECK(condition, ...)                                                     \
  do {                                                                               \
    if (!(condition)) throw std::invalid_argument(::fastcolor::concat(__VA_ARGS__)); \
  } while (false)

#define FC_CHECK_TYPE(condition, ...)                                                         \
  do {                                                                                        \
    if (!(condition)) throw ::fastcolor::ArgumentTypeError(::fastcolor::concat(__VA_ARGS__)); \
  } while (false)
