// Reads the dict by which CUDA arrays describe themselves (version 3 of the interface, as CuPy,
// torch and Numba export it). Objects of any kind may carry one, so nothing in it is trusted.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "core/errors.h"

namespace fastcolor {

namespace py = pybind11;

// The parts of a __cuda_array_interface__, each refused by name when it is not what it should be.
class CudaInterface {
 public:
  CudaInterface(py::handle object, const std::string& name) : name_(name) {
    py::object found;
    try {
      found = object.attr("__cuda_array_interface__");
    } catch (py::error_already_set& error) {
      refuse(concat("cannot be read: ", error.what()));
    }
    if (!py::isinstance<py::dict>(found)) refuse("must be a dict");
    dict_ = found;
    if (!entry("mask").is_none()) refuse("has a mask, which no operator takes");
  }

  std::string typestr() const {
    const py::object text = entry("typestr");
    if (!PyUnicode_Check(text.ptr())) refuse("must have a string as 'typestr'");
    Py_ssize_t length = 0;
    const char* start = PyUnicode_AsUTF8AndSize(text.ptr(), &length);
    if (start == nullptr) {
      PyErr_Clear();
      refuse("must have plain text as 'typestr'");
    }
    const std::string said(start, static_cast<size_t>(length));
    const bool digit = said.size() == 3 && said[2] >= '0' && said[2] <= '9';
    FC_CHECK_TYPE(digit && (said[0] == '<' || said[0] == '|'), name_, " has the type '", said,
                  "', which no operator takes");
    return said;
  }

  std::uintptr_t pointer() const {
    const py::object pointer = data()[0];
    const py::object index = index_of(pointer, "an integer as pointer in 'data'");
    const unsigned long long value = PyLong_AsUnsignedLongLong(index.ptr());
    if (PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      throw std::invalid_argument(name_ + " has a pointer in 'data' that is no address");
    }
    return static_cast<std::uintptr_t>(value);
  }

  bool writable() const {
    const py::object read_only = data()[1];
    if (!PyBool_Check(read_only.ptr())) refuse("must have a bool as second of 'data'");
    return !read_only.is(py::bool_(true));
  }

  bool has_strides() const { return !entry("strides").is_none(); }

  std::vector<int64_t> numbers(const char* key) const {
    const py::object found = entry(key);
    if (!py::isinstance<py::tuple>(found)) refuse(concat("must have a tuple as '", key, "'"));
    const auto wanted = concat("integers in '", key, "'");
    std::vector<int64_t> out;
    for (const auto& item : py::reinterpret_borrow<py::tuple>(found)) {
      const py::object index = index_of(item, wanted);
      out.push_back(PyLong_AsLongLong(index.ptr()));
      if (PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        throw std::invalid_argument(
            concat(name_, " has a number in '", key, "' that is too large"));
      }
    }
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw ArgumentTypeError(name_ + ": __cuda_array_interface__ " + problem);
  }

  py::object entry(const char* key) const {
    const py::str name(key);
    return dict_.contains(name) ? py::object(dict_[name]) : py::none();
  }

  py::tuple data() const {
    const py::object found = entry("data");
    if (!py::isinstance<py::tuple>(found) || py::len(found) != 2) {
      refuse("must have a tuple of pointer and bool as 'data'");
    }
    return found;
  }

  py::object index_of(py::handle item, const std::string& wanted) const {
    PyObject* index = PyNumber_Index(item.ptr());
    if (index == nullptr) {
      PyErr_Clear();
      refuse("must have " + wanted);
    }
    return py::reinterpret_steal<py::object>(index);
  }

  const std::string& name_;
  py::dict dict_;
};

}  // namespace fastcolor
