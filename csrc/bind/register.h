// One registration function for each operator; module.cpp calls them in turn.
#pragma once

#include <pybind11/pybind11.h>

#include "bind/array.h"

namespace fastcolor {

void register_core(py::module_& m);
void register_lab(py::module_& m);
void register_prepare(py::module_& m);
void register_merge(py::module_& m);
void register_tiles(py::module_& m);
void register_luma(py::module_& m);
void register_neutral(py::module_& m);
void register_delta_e(py::module_& m);
void register_clahe(py::module_& m);
void register_jpeg(py::module_& m);

}  // namespace fastcolor
