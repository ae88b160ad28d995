#!/usr/bin/env bash
# Builds on a machine with a GPU, runs the GPU tests and every GPU benchmark, and leaves JSON and a
# short table under ${OUT:-benchmarks/results}. Needs nothing from the network where Python already
# has pybind11, scikit-build-core, CuPy and pytest.
#   FASTCOLOR_CUDA_ARCHITECTURES=90 benchmarks/gpu.sh
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=${OUT:-benchmarks/results}
mkdir -p "$out" build
out=$(cd "$out" && pwd)
if [ -z "${FASTCOLOR_CUDA_ARCHITECTURES:-}" ] && command -v nvidia-smi >/dev/null; then
  FASTCOLOR_CUDA_ARCHITECTURES=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader |
    tr -d . | sort -Vu | paste -sd ';')
fi
export FASTCOLOR_REQUIRE_CUDA=1
path=$(PYTHON=$python tools/build_variant.sh gpu -DFASTCOLOR_CUDA=ON \
  "-DFASTCOLOR_CUDA_ARCHITECTURES=${FASTCOLOR_CUDA_ARCHITECTURES:-75;80;86;89;90}")
export PYTHONPATH=$path${PYTHONPATH:+:$PYTHONPATH}
stamp=$(date -u +%Y%m%d)
nvidia-smi >"$out/nvidia-smi.txt" 2>&1 || true

# Test files whose libraries are not here cannot be collected; they are named, the others run.
tests=() code=0
for file in tests/test_*.py; do
  if problem=$("$python" -m pytest -q --collect-only "$file" 2>&1); then
    tests+=("$file")
  else
    echo "left out $file: $(grep -m1 -o "No module named .*" <<<"$problem" || echo "see below")"
    grep -q "No module named" <<<"$problem" || { echo "$problem"; code=1; }
  fi
done
"$python" -m pytest -q -p no:cacheprovider "${tests[@]}" 2>&1 |
  tee "$out/gpu-tests-$stamp.txt" || code=1

for device in cuda cpu; do
  # Not through the command: typer need not be there.
  "$python" -c '
import sys, pathlib
from fastcolor.bench import kernels
from fastcolor.bench.rows import Settings
result = kernels.run(Settings(device=sys.argv[1], repetitions=15))
kernels.show(result, pathlib.Path(sys.argv[2]))' \
    "$device" "$out/kernels-$device-gpu-machine-$stamp.json" 2>&1 |
    tee "$out/kernels-$device-gpu-machine-$stamp.txt" || code=1
done
if "$python" -c 'import pytest_benchmark' 2>/dev/null; then
  FASTCOLOR_BENCH_DEVICE=cuda "$python" -m pytest -q -p no:cacheprovider benchmarks/bench_kernels.py \
    "--benchmark-json=$out/pytest-benchmark-cuda-$stamp.json" || code=1
fi

# Engines: PyTorch eager, torch.compile, CUDA graphs, ONNX Runtime CUDA and TensorRT where installed;
# then the whole path from a grey picture on the host to a colour one, against the bare engine.
"$python" -c '
import sys, pathlib
from fastcolor.bench import engines, engines_show
result = engines.run(engines.Settings(repetitions=15))
engines_show.show(result, pathlib.Path(sys.argv[1] + ".json"), pathlib.Path(sys.argv[1] + ".html"))' \
  "$out/engines-gpu-machine-$stamp" 2>&1 | tee "$out/engines-gpu-machine-$stamp.txt" || code=1
"$python" -m fastcolor.bench.device_path "$out/device-path-gpu-machine-$stamp.json" 2>&1 |
  tee "$out/device-path-gpu-machine-$stamp.txt" || code=1

# Whole jobs: against their steps alone, then with grey JPEGs decoded by the CPU and by the GPU.
"$python" -c '
import sys, pathlib, tempfile
from fastcolor.archive import Settings
from fastcolor.bench import archive
archive.show(archive.measure_all([2.0, 12.0], 20.0, -1, "auto"), pathlib.Path(sys.argv[1] + ".json"))
with tempfile.TemporaryDirectory() as name:
    folder, count = pathlib.Path(name, "in"), 400
    folder.mkdir()
    files = archive.pictures(12.0)
    for n in range(count):
        (folder / f"{n:06}.jpg").write_bytes(files[n % len(files)])
    for decode in ("cpu", "gpu", "cpu", "gpu"):
        outcome, spent = archive.whole(folder, count, Settings(decode=decode))
        print(f"12 MP, --decode {decode}: {1 / spent.seconds:.1f} pictures/s", outcome.stages)' \
  "$out/archive-gpu-machine-$stamp" 2>&1 | tee "$out/archive-gpu-machine-$stamp.txt" || code=1
exit "$code"
