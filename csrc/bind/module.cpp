#include "bind/register.h"
#include "core/isa.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "Compiled operators of fastcolor; fastcolor.ops documents them.";
  fastcolor::register_core(m);
  fastcolor::register_lab(m);
}
