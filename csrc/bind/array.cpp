#include "bind/array.h"

#include <algorithm>

#include "bind/cuda_interface.h"

#if defined(FC_WITH_CUDA)
#include "core/device_info.h"
#endif

namespace fastcolor {
namespace {

constexpr int64_t kMostSide = int64_t{1} << 24;
constexpr int64_t kMostReach = int64_t{1} << 38;  // bytes from the first sample along one axis
constexpr size_t kMostAxes = 8;

// ``said`` gives the type in words, which only an error needs.
template <typename Said>
DType dtype_of(char kind, int64_t bytes, const std::string& name, const Said& said) {
  constexpr struct {
    char kind;
    DType type;
  } known[] = {{'u', DType::u8},  {'u', DType::u16}, {'u', DType::u32}, {'u', DType::u64},
               {'f', DType::f16}, {'f', DType::f32}, {'f', DType::f64}, {'b', DType::b8},
               {'i', DType::i8},  {'i', DType::i16}, {'i', DType::i32}, {'i', DType::i64}};
  for (const auto& each : known) {
    if (each.kind == kind && dtype_size(each.type) == bytes) return each.type;
  }
  throw ArgumentTypeError(
      concat(name, " must hold whole numbers or floats, got the type ", printable(said())));
}

void check_shape(const ArrayRef& array, const std::string& name) {
  FC_CHECK(array.shape.size() <= kMostAxes, name, " must have at most ", kMostAxes,
           " dimensions, got ", array.shape.size());
  for (size_t i = 0; i < array.shape.size(); ++i) {
    const int64_t side = array.shape[i];
    FC_CHECK(side != 0, name, " must not be empty");
    FC_CHECK(side > 0, name, " has a side of ", side);
    FC_CHECK(side <= kMostSide, name, " has a side of ", side, ", more than ", kMostSide);
    const int64_t most = kMostReach / std::max<int64_t>(side - 1, 1);
    FC_CHECK(array.strides[i] >= -most && array.strides[i] <= most, name,
             " has strides that reach too far");
  }
  const int64_t sample = dtype_size(array.type);
  bool aligned = reinterpret_cast<std::uintptr_t>(array.data) % sample == 0;
  for (const int64_t stride : array.strides) aligned = aligned && stride % sample == 0;
  FC_CHECK(aligned, name, " must be aligned to its ", sample, "-byte samples; make a copy of it");
}

ArrayRef numpy_ref(py::handle object, const std::string& name) {
  const auto array = py::reinterpret_borrow<py::array>(object);
  const py::dtype type = array.dtype();
  const auto said = [&type] { return std::string(py::str(static_cast<py::object>(type))); };
  FC_CHECK_TYPE(type.byteorder() != '>', name, " must be in native byte order, got ", said());
  ArrayRef out;
  out.type = dtype_of(type.kind(), type.itemsize(), name, said);
  out.data = const_cast<void*>(array.data());
  out.writable = array.writeable();
  out.shape.assign(array.shape(), array.shape() + array.ndim());
  out.strides.assign(array.strides(), array.strides() + array.ndim());
  return out;
}

ArrayRef cuda_ref(py::handle object, const std::string& name) {
  const CudaInterface interface(object, name);
  ArrayRef out;
  out.device = Device::cuda;
  const std::string typestr = interface.typestr();
  out.type = dtype_of(typestr[1], typestr[2] - '0', name, [&typestr] { return typestr; });
  out.data = reinterpret_cast<void*>(interface.pointer());
  out.writable = interface.writable();
  out.shape = interface.numbers("shape");
  if (interface.has_strides()) {
    out.strides = interface.numbers("strides");
    FC_CHECK(out.strides.size() == out.shape.size(), name, " must have one stride for each side");
  } else {
    out.strides.resize(out.shape.size());
    int64_t stride = dtype_size(out.type);
    for (size_t i = out.shape.size(); i-- > 0;) {
      out.strides[i] = stride;
      // Held within what check_shape refuses, so that nothing overflows before it looks.
      stride = std::min(stride * std::clamp<int64_t>(out.shape[i], 1, kMostSide), kMostReach);
    }
  }
  return out;
}

}  // namespace

ArrayRef array_ref(py::handle object, const std::string& name) {
  ArrayRef out;
  if (py::isinstance<py::array>(object)) {
    out = numpy_ref(object, name);
  } else {
    FC_CHECK_TYPE(py::hasattr(object, "__cuda_array_interface__"), name,
                  " must be a NumPy array or a CUDA array, got ",
                  py::str(py::type::of(object).attr("__name__")).cast<std::string>());
    out = cuda_ref(object, name);
  }
  check_shape(out, name);
  FC_CHECK(out.data != nullptr, name, " must not be a null pointer");
#if defined(FC_WITH_CUDA)
  if (out.device == Device::cuda) out.device_index = device_of_pointer(out.data, name);
#endif
  return out;
}

Layout layout_named(const std::string& name) {
  if (name == "interleaved") return Layout::interleaved;
  FC_CHECK(name == "planar", "layout must be 'interleaved' or 'planar', got '", name, "'");
  return Layout::planar;
}

ImageView image_view(const ArrayRef& array, Layout layout, const std::string& name) {
  const size_t sides = array.shape.size();
  FC_CHECK(sides == 2 || sides == 3, name, " must have 2 or 3 dimensions, got ", sides);
  ImageView view;
  view.data = array.data;
  view.type = array.type;
  const size_t row = sides == 3 && layout == Layout::planar ? 1 : 0;
  view.height = array.shape[row];
  view.row_stride = array.strides[row];
  view.width = array.shape[row + 1];
  view.pixel_stride = array.strides[row + 1];
  view.channel_stride = dtype_size(array.type);
  if (sides == 3) {
    const size_t channel = row == 1 ? 0 : 2;
    view.channels = array.shape[channel];
    view.channel_stride = array.strides[channel];
  }
  return view;
}

namespace {

// Bytes that one repetition of the period spans; 0 when the array does not repeat by it.
int64_t span_within(const ArrayRef& array, int64_t period) {
  int64_t span = dtype_size(array.type);
  for (size_t i = 0; i < array.shape.size(); ++i) {
    if (array.shape[i] == 1 || array.strides[i] % period == 0) continue;
    if (array.strides[i] < 0 || array.strides[i] > period) return 0;
    span += (array.shape[i] - 1) * array.strides[i];
  }
  return span;
}

// Samples that lie in turn in the same memory and never meet, such as Cb and Cr of NV12 or two
// halves of one canvas: both repeat by one period and take different parts of it.
bool interleaved(const ArrayRef& a, const ArrayRef& b) {
  const auto base_a = static_cast<int64_t>(reinterpret_cast<std::uintptr_t>(a.data));
  const auto base_b = static_cast<int64_t>(reinterpret_cast<std::uintptr_t>(b.data));
  for (const int64_t period : a.strides) {
    if (period <= 0) continue;
    const int64_t span_a = span_within(a, period);
    const int64_t span_b = span_within(b, period);
    const int64_t apart = ((base_b - base_a) % period + period) % period;
    if (span_a > 0 && span_b > 0 && apart >= span_a && apart + span_b <= period) return true;
  }
  return false;
}

}  // namespace

void Call::add(const ArrayRef& array, const std::string& name, bool written) {
  if (!any_) {
    any_ = true;
    first_name_ = name;
    place_ = {array.device, array.device_index, stream_};
  }
  const auto where = [](Device device) { return device == Device::cpu ? "the CPU" : "CUDA"; };
  FC_CHECK_TYPE(array.device == place_.device, first_name_, " is on ", where(place_.device),
                " but ", name, " is on ", where(array.device), "; bring both to one device");
  FC_CHECK(array.device_index == place_.device_index, first_name_, " and ", name,
           " are on different CUDA devices");
  int64_t low = 0;
  int64_t high = dtype_size(array.type) - 1;
  for (size_t i = 0; i < array.shape.size(); ++i) {
    const int64_t reach = (array.shape[i] - 1) * array.strides[i];
    (reach < 0 ? low : high) += reach;
  }
  const auto base = reinterpret_cast<std::uintptr_t>(array.data);
  Range range{base + static_cast<std::uintptr_t>(low), base + static_cast<std::uintptr_t>(high),
              array, name, written};
  for (const Range& other : ranges_) {
    if (!written && !other.written) continue;
    const bool apart = range.last < other.first || other.last < range.first ||
                       interleaved(range.array, other.array);
    FC_CHECK(apart, name, " must not overlap ", other.name);
  }
  ranges_.push_back(std::move(range));
}

ArrayRef Call::input(py::handle object, const std::string& name) {
  ArrayRef array = array_ref(object, name);
  add(array, name, false);
  return array;
}

ArrayRef Call::output(py::handle object, const std::string& name) {
  ArrayRef array = array_ref(object, name);
  FC_CHECK(array.writable, name, " must be writable, it is read-only");
  // Every sample needs a place of its own: sorted by stride, each must step over the ones within.
  std::vector<std::pair<int64_t, int64_t>> axes;
  for (size_t i = 0; i < array.shape.size(); ++i) {
    if (array.shape[i] > 1) axes.emplace_back(std::abs(array.strides[i]), array.shape[i]);
  }
  std::sort(axes.begin(), axes.end());
  int64_t reach = dtype_size(array.type);
  for (const auto& [stride, count] : axes) {
    FC_CHECK(stride >= reach, name, " must not overlap itself");
    reach += stride * (count - 1);
  }
  add(array, name, true);
  return array;
}

std::vector<ImageView> Call::inputs(const py::list& objects, Layout layout,
                                    const std::string& name) {
  std::vector<ImageView> views;
  for (const auto& object : objects) views.push_back(image_view(input(object, name), layout, name));
  check_alike(views, name);
  return views;
}

std::vector<ImageView> Call::outputs(const py::list& objects, size_t count, Layout layout,
                                     const std::string& name) {
  FC_CHECK(objects.size() == count, name, " must hold ", count, " arrays, got ", objects.size());
  std::vector<ImageView> views;
  for (const auto& object : objects)
    views.push_back(image_view(output(object, name), layout, name));
  check_alike(views, name);
  return views;
}

Place Call::place() const { return place_; }

void check_alike(const std::vector<ImageView>& images, const std::string& name) {
  FC_CHECK(!images.empty(), name, " must hold at least one image");
  for (const ImageView& image : images) {
    FC_CHECK_TYPE(image.type == images[0].type, name, " must hold images of one type, got ",
                  dtype_name(images[0].type), " and ", dtype_name(image.type));
    FC_CHECK(image.channels == images[0].channels, name,
             " must hold images of one channel count, got ", images[0].channels, " and ",
             image.channels);
  }
}

}  // namespace fastcolor
