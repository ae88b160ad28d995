#include "bind/register.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "Compiled operators of fastcolor; fastcolor.ops documents them.";
  fastcolor::register_core(m);
  fastcolor::register_lab(m);
  fastcolor::register_prepare(m);
  fastcolor::register_merge(m);
  fastcolor::register_tiles(m);
  fastcolor::register_luma(m);
  fastcolor::register_neutral(m);
  fastcolor::register_delta_e(m);
  fastcolor::register_clahe(m);
  fastcolor::register_jpeg(m);
}
