#!/usr/bin/env bash
# Builds with the address and undefined-behaviour sanitizers and runs the tests under them.
#   tools/run_sanitized.sh [pytest arguments]
# FASTCOLOR_SANITIZED_CUDA=EMULATE (the default) takes the kernels along; OFF leaves them out.
# Leaks are not looked for: Python and its libraries keep memory until the process ends.
set -euo pipefail
cd "$(dirname "$0")/.."
compiler=${CXX:-g++}
path=$(tools/build_variant.sh asan "-DFASTCOLOR_CUDA=${FASTCOLOR_SANITIZED_CUDA:-EMULATE}" \
  "-DFASTCOLOR_SANITIZE=address,undefined" -DCMAKE_BUILD_TYPE=None)
preload=$("$compiler" -print-file-name=libasan.so):$("$compiler" -print-file-name=libubsan.so)
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# Exceptions of libraries that were loaded before the sanitizer need the C++ runtime beside it.
LD_PRELOAD=$preload:$("$compiler" -print-file-name=libstdc++.so) PYTHONPATH=$path \
  PYTHONMALLOC=malloc "${PYTHON:-python3}" -m pytest -p no:cacheprovider "$@"
