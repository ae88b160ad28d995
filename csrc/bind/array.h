// Python arrays <-> ImageView. NumPy arrays are on the CPU; any object with a
// __cuda_array_interface__ is on CUDA.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "core/errors.h"
#include "core/image.h"

namespace fastcolor {

namespace py = pybind11;

// What an array object says of itself; keeps nothing alive (the caller's arguments do).
struct ArrayRef {
  void* data = nullptr;
  DType type = DType::u8;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // bytes
  Device device = Device::cpu;
  int device_index = 0;
  bool writable = false;
};

// `name` is the argument's name, for messages. Refuses types, sides (over 2^24) and alignments that
// no operator takes.
ArrayRef array_ref(py::handle object, const std::string& name);

// Where the channels are: HW, HWC or CHW. `images` of two dimensions have one channel.
enum class Layout { interleaved, planar };
Layout layout_named(const std::string& name);
ImageView image_view(const ArrayRef& array, Layout layout, const std::string& name);

// Arguments of one call: collects arrays, checks that all live on one device and that no output
// overlaps an input or another output, and tells the place.
class Call {
 public:
  explicit Call(std::uintptr_t stream) : stream_(stream) {}
  ArrayRef input(py::handle object, const std::string& name);
  ArrayRef output(py::handle object, const std::string& name);
  std::vector<ImageView> inputs(const py::list& objects, Layout layout, const std::string& name);
  // `count` of them: one for each input.
  std::vector<ImageView> outputs(const py::list& objects, size_t count, Layout layout,
                                 const std::string& name);
  Place place() const;

 private:
  void add(const ArrayRef& array, const std::string& name, bool written);

  struct Range {
    std::uintptr_t first, last;  // bytes touched, both included
    ArrayRef array;
    std::string name;
    bool written;
  };
  std::uintptr_t stream_;
  std::vector<Range> ranges_;
  std::string first_name_;
  Place place_;
  bool any_ = false;
};

// Images of one list travel through one launch, so they share type and channel count.
void check_alike(const std::vector<ImageView>& images, const std::string& name);

}  // namespace fastcolor
