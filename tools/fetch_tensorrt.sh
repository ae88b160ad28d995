#!/usr/bin/env bash
# Downloads the wheels that tests/test_trt.py holds our TensorRT code against (some 100 MB, mostly
# the lean runtime; the library itself is on no package index) into a folder, and prints the folder.
#   FASTCOLOR_TENSORRT_WHEELS=$(tools/fetch_tensorrt.sh build/tensorrt) python -m pytest tests/test_trt.py
set -euo pipefail
folder=$1
python=${PYTHON:-python3}
wheels=(
  tensorrt-cu12-bindings==10.8.0.43
  tensorrt-cu13-bindings==10.13.3.9
  tensorrt-cu13-bindings==10.16.1.11
  tensorrt-cu13-bindings==11.0.0.114
  tensorrt-cu13-bindings==11.4.0.106
  tensorrt-lean-cu13-bindings==10.16.1.11
  tensorrt-lean-cu13-bindings==11.4.0.106
  tensorrt-lean-cu13-libs==10.16.1.11
  tensorrt-lean-cu13-libs==11.4.0.106
)
mkdir -p "$folder"
for wheel in "${wheels[@]}"; do
  name=${wheel%%==*}
  ls "$folder/${name//-/_}-${wheel##*==}"-*.whl >/dev/null 2>&1 ||
    "$python" -m pip download --quiet --no-deps --only-binary :all: --dest "$folder" "$wheel" >&2
done
(cd "$folder" && pwd)
