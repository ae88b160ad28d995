#!/usr/bin/env bash
# Builds a variant of the compiled module and prints the folder to put on PYTHONPATH for it.
#   tools/build_variant.sh NAME [CMake options], for example
#   PYTHONPATH=$(tools/build_variant.sh emulated -DFASTCOLOR_CUDA=EMULATE) pytest
# Python sources are linked, not copied: edits show at once. PYTHON chooses the interpreter.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift
python=${PYTHON:-python3}
build=$root/build/$name
mkdir -p "$root/build"
{
  cmake -S "$root" -B "$build" -G Ninja -DFASTCOLOR_WERROR=ON "$@" \
    "-Dpybind11_DIR=$("$python" -m pybind11 --cmakedir)" \
    "-DPython_EXECUTABLE=$("$python" -c 'import sys; print(sys.executable)')"
  cmake --build "$build"
} >"$root/build/$name.log" 2>&1 || { cat "$root/build/$name.log" >&2; exit 1; }
mkdir -p "$build/path/fastcolor"
for entry in "$root"/python/fastcolor/* "$build"/_core*.so; do
  ln -sfn "$entry" "$build/path/fastcolor/"
done
echo "$build/path"
