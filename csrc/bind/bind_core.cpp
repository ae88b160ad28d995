#include <pybind11/stl.h>

#include "bind/register.h"
#include "core/device_info.h"
#include "core/isa.h"
#include "core/parallel.h"

namespace fastcolor {
namespace {

py::dict build_info() {
  py::dict info;
  info["version"] = FC_VERSION;
  info["compiler"] = FC_COMPILER;
  info["cpu_level"] = cpu_level_name(cpu_level());
  info["cpu_levels"] = available_cpu_levels();
  info["threads"] = thread_count();
  py::dict cuda;
#if defined(FC_WITH_CUDA)
  const CudaStatus status = cuda_status();
  cuda["built"] = true;
  cuda["reason"] = FC_CUDA_REASON;
  cuda["architectures"] = FC_CUDA_ARCHITECTURES;
  cuda["toolkit"] = status.toolkit;
  cuda["driver"] = status.driver;
  cuda["devices"] = status.devices;
  cuda["problem"] = status.problem;
#else
  cuda["built"] = false;
  cuda["reason"] = FC_CUDA_REASON;
  cuda["architectures"] = "";
  cuda["toolkit"] = 0;
  cuda["driver"] = 0;
  cuda["devices"] = py::list();
  cuda["problem"] = "the CUDA operators were not built";
#endif
  info["cuda"] = cuda;
  return info;
}

}  // namespace

void register_core(py::module_& m) {
  // A FastcolorError for those who catch the package's errors, a RuntimeError for everybody else.
  const py::module_ errors = py::module_::import("fastcolor.errors");
  const py::tuple bases =
      py::make_tuple(errors.attr("FastcolorError"), py::handle(PyExc_RuntimeError));
  py::register_exception<DeviceError>(m, "DeviceError", bases).attr("exit_code") =
      errors.attr("DEVICE");
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const ArgumentTypeError& error) {
      PyErr_SetString(PyExc_TypeError, error.what());
    }
  });
  cpu_level();  // a wrong FASTCOLOR_CPU shows at import, not in the middle of a job
  thread_count();
  m.attr("__version__") = FC_VERSION;  // build_info() starts CUDA, an import must not
  m.def("build_info", &build_info);
  m.def("set_cpu_level", &set_cpu_level, py::arg("name"));
  m.def("set_thread_count", &set_thread_count, py::arg("count"));
  m.def("thread_count", &thread_count);
#if defined(FC_WITH_CUDA)
  m.def("synchronize", &synchronize, py::arg("stream"), py::call_guard<py::gil_scoped_release>());
#else
  m.def("synchronize", [](std::uintptr_t) {}, py::arg("stream"));
#endif
}

}  // namespace fastcolor
