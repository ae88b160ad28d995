#!/usr/bin/env bash
# Builds the JPEG fuzzer with clang's libFuzzer under the address and undefined-behaviour sanitizers
# and runs it.
#   tools/fuzz_jpeg.sh [SECONDS (60)] [further libFuzzer options]
# CLANG names the compiler (clang++, else clang++-14 ...); PYTHON the interpreter that makes the
# seeds, with fastcolor on PYTHONPATH for those of joined files. The corpus stays in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
clang=${CLANG:-$({ compgen -c clang++ || true; } | sort -V | tail -n 1)}
if [ -z "$clang" ]; then
  echo "no clang++ found: apt-get install clang (with libclang-rt-dev on Debian)" >&2
  exit 3
fi
rm -rf build/fuzz/seeds
mkdir -p build/fuzz/corpus
"$clang" -std=c++17 -O1 -g -Icsrc -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  csrc/jpeg/*.cpp tests/fuzz/fuzz_jpeg.cpp -o build/fuzz/fuzz_jpeg
"${PYTHON:-python3}" tests/fuzz/jpeg_seeds.py build/fuzz/seeds
exec build/fuzz/fuzz_jpeg -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=65536 \
  -artifact_prefix=build/fuzz/ -print_final_stats=1 "$@" build/fuzz/corpus build/fuzz/seeds
