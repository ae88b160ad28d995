#include <pybind11/stl.h>

#include <algorithm>
#include <deque>

#include "bind/register.h"
#include "jpeg/jpeg.h"

namespace fastcolor {
namespace {

// Whole files from any object with a buffer of plain bytes; keeps it locked meanwhile.
class FileView {
 public:
  FileView(py::handle object, const std::string& name) {
    FC_CHECK_TYPE(PyObject_CheckBuffer(object.ptr()) != 0, name, " must be bytes");
    if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_SIMPLE) != 0) {
      PyErr_Clear();
      throw ArgumentTypeError(name + " must be contiguous bytes");
    }
  }
  ~FileView() { PyBuffer_Release(&buffer_); }
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;

  jpeg::Bytes bytes() const {
    return {static_cast<const uint8_t*>(buffer_.buf), static_cast<size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
};

class FileViews {
 public:
  FileViews(const py::list& objects, const std::string& name) {
    for (const py::handle& object : objects)
      bytes_.push_back(files_.emplace_back(object, name).bytes());
  }
  const std::vector<jpeg::Bytes>& bytes() const { return bytes_; }

 private:
  std::deque<FileView> files_;
  std::vector<jpeg::Bytes> bytes_;
};

// The rope's bytes, copied once, without the GIL.
py::bytes python_bytes(const jpeg::Rope& rope) {
  auto made = py::reinterpret_steal<py::bytes>(
      PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(rope.size())));
  if (!made) throw py::error_already_set();
  auto* target = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(made.ptr()));
  const py::gil_scoped_release unlocked;
  rope.copy_to(target);
  return made;
}

py::dict probe(py::handle file, bool scans) {
  const FileView view(file, "data");
  jpeg::Info info;
  {
    const py::gil_scoped_release unlocked;
    info = jpeg::probe(view.bytes(), scans);
  }
  py::dict out;
  out["width"] = info.width;
  out["height"] = info.height;
  out["precision"] = info.precision;
  out["sampling"] = py::tuple(py::cast(info.sampling));
  out["coding"] = info.coding;
  out["colour"] = info.colour;
  out["scans"] = scans ? py::cast(info.scans) : py::none();
  out["progressive"] = info.progressive;
  out["complete"] = scans ? py::cast(info.complete) : py::none();
  out["joined"] = info.joined;
  out["join_problem"] = info.join_problem;
  out["drop_chroma_problem"] = info.drop_chroma_problem;
  return out;
}

py::bytes join(py::handle grey, const py::list& chroma, const py::list& segments, py::handle sha256,
               bool replace_xmp, bool replace_icc, bool optimize) {
  const FileView grey_file(grey, "grey");
  const FileViews chroma_files(chroma, "chroma");
  const FileViews added(segments, "segments");
  const FileView hash(sha256, "sha256");
  jpeg::JoinOptions options;
  FC_CHECK(hash.bytes().size == options.sha256.size(), "sha256 must have 32 bytes");
  std::copy_n(hash.bytes().data, options.sha256.size(), options.sha256.begin());
  options.segments = added.bytes();
  options.replace_xmp = replace_xmp;
  options.replace_icc = replace_icc;
  options.optimize = optimize;
  jpeg::Rope joined;
  {
    const py::gil_scoped_release unlocked;
    joined = jpeg::join(grey_file.bytes(), chroma_files.bytes(), options);
  }
  return python_bytes(joined);
}

bool is_joined(py::handle file) {
  const FileView view(file, "data");
  const py::gil_scoped_release unlocked;
  return jpeg::is_joined(view.bytes());
}

py::tuple revert(py::handle file) {
  const FileView view(file, "data");
  jpeg::Reverted reverted;
  {
    const py::gil_scoped_release unlocked;
    reverted = jpeg::revert(view.bytes());
  }
  return py::make_tuple(
      python_bytes(reverted.file),
      py::bytes(reinterpret_cast<const char*>(reverted.sha256.data()), reverted.sha256.size()));
}

py::bytes drop_chroma(py::handle file) {
  const FileView view(file, "data");
  jpeg::Rope dropped;
  {
    const py::gil_scoped_release unlocked;
    dropped = jpeg::drop_chroma(view.bytes());
  }
  return python_bytes(dropped);
}

}  // namespace

void register_jpeg(py::module_& m) {
  // Lives as long as the interpreter, as exceptions of compiled modules do.
  static PyObject* error_class =
      py::object(py::module_::import("fastcolor.errors").attr("JpegError")).release().ptr();
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const jpeg::JpegError& error) {
      PyErr_SetString(error_class, error.what());
    }
  });
  m.def("jpeg_probe", &probe, py::arg("data"), py::arg("scans"));
  m.def("jpeg_join", &join, py::arg("grey"), py::arg("chroma"), py::arg("segments"),
        py::arg("sha256"), py::arg("replace_xmp"), py::arg("replace_icc"), py::arg("optimize"));
  m.def("jpeg_is_joined", &is_joined, py::arg("data"));
  m.def("jpeg_revert", &revert, py::arg("data"));
  m.def("jpeg_drop_chroma", &drop_chroma, py::arg("data"));
}

}  // namespace fastcolor
