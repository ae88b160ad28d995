#!/usr/bin/env bash
# Builds on a machine with a GPU, runs the GPU tests and every GPU benchmark, and leaves JSON and
# tables under ${OUT:-benchmarks/results}. Needs nothing from the network where there are nvcc,
# CMake, Ninja and a Python with pybind11, CuPy and pytest.
#   benchmarks/gpu.sh [STEP...]     all steps, or those named, always in the order of the list below
#   LIMIT=120 benchmarks/gpu.sh     seconds that a step may take, instead of its own limit
#   FASTCOLOR_CUDA=EMULATE benchmarks/gpu.sh build tests     a rehearsal without a GPU
# What matters most comes first, and a step leaves its results as soon as it ends. One that fails or
# runs out of time does not keep the next from running; the exit code is then 1.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A limits=(  # seconds
  [build]=400      # for the architecture of this GPU, or FASTCOLOR_CUDA_ARCHITECTURES
  [tests]=300      # what runs on CUDA; files whose libraries are not here are named and left out
  [kernels]=300    # every operator against kornia and the copy bandwidth
  [path]=120       # from a grey picture on the host to a colour one, against the bare engine
  [engines]=300    # one shape: PyTorch, torch.compile, CUDA graphs, ONNX Runtime, TensorRT
  [archive]=400    # whole jobs against their steps alone
  [decode]=200     # whole jobs with grey JPEGs decoded by the CPU and by the GPU
  [cpu]=300        # the kernels on the CPU of this machine
  [suite]=200      # the kernels as a pytest-benchmark suite
  [shapes]=1200    # every engine, three sizes, three batches
  [others]=900     # the tests that need no GPU
)
order=(build tests kernels path engines archive decode cpu suite shapes others)

for step in "$@"; do
  if [ -z "${limits[$step]:-}" ]; then
    echo "gpu.sh: there is no step $step; there are ${order[*]}" >&2
    exit 2
  fi
done

export python=${PYTHON:-python3} stamp FASTCOLOR_REQUIRE_CUDA=1 PYTHONUNBUFFERED=1
stamp=$(date -u +%Y%m%d)
out=${OUT:-benchmarks/results}
mkdir -p "$out" build
out=$(cd "$out" && pwd)
export out
built=${BUILT:-$PWD/build/gpu/path}  # elsewhere only for tests
export PYTHONPATH=$built${PYTHONPATH:+:$PYTHONPATH}

build() {
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi | tee "$out/nvidia-smi.txt"
    architectures=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | tr -d . | sort -Vu |
      paste -sd ';')
  fi
  architectures=${FASTCOLOR_CUDA_ARCHITECTURES:-${architectures:-75;80;86;89;90}}
  PYTHON=$python tools/build_variant.sh gpu "-DFASTCOLOR_CUDA=${FASTCOLOR_CUDA:-ON}" \
    "-DFASTCOLOR_CUDA_ARCHITECTURES=$architectures"
}

run_tests() {  # run_tests MARKERS PROCESSES
  local options=(-q -p no:cacheprovider --ignore=tests/training -m "$1") name problem broken=0
  if "$python" -c 'import xdist' 2>/dev/null; then options+=(-n "$2"); fi
  while read -r name problem; do
    case $problem in
      *"No module named"*) echo "left out $name: ${problem#*: }"; options+=("--ignore=$name") ;;
      *) echo "cannot be collected: $name $problem"; broken=1 ;;
    esac
  done < <("$python" -m pytest -q -p no:cacheprovider --ignore=tests/training --collect-only 2>&1 |
    awk '$2 == "ERROR" && $3 == "collecting" { name = $4 }
      name && /^E  / { sub(/^E +/, ""); print name, $0; name = "" }')
  "$python" -m pytest "${options[@]}" && return "$broken"
}

tests() { run_tests "cuda and not slow" 4; }
others() { run_tests "not cuda and not slow" auto; }

run_kernels() {  # not through the command: typer need not be there
  "$python" -c '
import sys, pathlib
from fastcolor.bench import kernels
from fastcolor.bench.rows import Settings
result = kernels.run(Settings(device=sys.argv[1], repetitions=15))
kernels.show(result, pathlib.Path(sys.argv[2]))' "$1" "$out/kernels-$1-gpu-machine-$stamp.json"
}

kernels() { run_kernels cuda; }
cpu() { run_kernels cpu; }

suite() {
  FASTCOLOR_BENCH_DEVICE=cuda "$python" -m pytest -q -p no:cacheprovider \
    benchmarks/bench_kernels.py "--benchmark-json=$out/pytest-benchmark-cuda-$stamp.json"
}

path() { "$python" -m fastcolor.bench.device_path "$out/device-path-gpu-machine-$stamp.json"; }

run_engines() {  # run_engines FILE [SETTINGS]
  "$python" -c '
import sys, pathlib
from fastcolor.bench import engines, engines_show
result = engines.run(engines.Settings(repetitions=15, **eval(sys.argv[2])))
engines_show.show(result, pathlib.Path(sys.argv[1] + ".json"), pathlib.Path(sys.argv[1] + ".html"))' \
    "$out/$1-gpu-machine-$stamp" "$2"
}

engines() { run_engines engines 'dict(sizes=(256,), batches=(8,))'; }
shapes() { run_engines engine-shapes 'dict()'; }

archive() { "$python" -m fastcolor bench archive --json "$out/archive-gpu-machine-$stamp.json"; }

decode() {
  "$python" -c '
import pathlib, tempfile
from fastcolor.archive import Settings
from fastcolor.bench import archive_costs
with tempfile.TemporaryDirectory() as name:
    folder, count = pathlib.Path(name, "in"), 400
    folder.mkdir()
    files = archive_costs.pictures(12.0)
    for n in range(count):
        (folder / f"{n:06}.jpg").write_bytes(files[n % len(files)])
    for decode in ("cpu", "gpu", "cpu", "gpu"):
        outcome, spent = archive_costs.whole(folder, count, Settings(decode=decode))
        print(f"12 MP, --decode {decode}: {1 / spent.seconds:.1f} pictures/s", outcome.stages)'
}

failed=()
for step in "${order[@]}"; do
  if [ $# -gt 0 ] && [[ " $* " != *" $step "* ]]; then continue; fi
  if [ "$step" != build ] && [ ! -d "$built" ]; then
    echo "gpu.sh: nothing is built: benchmarks/gpu.sh build" >&2
    exit 1
  fi
  printf '\n=== %s\n' "$step"
  begin=$SECONDS status=0
  timeout --kill-after=10 "${LIMIT:-${limits[$step]}}" "$BASH" -c "set -euo pipefail
    $(declare -f run_tests run_kernels run_engines "$step")
    $step" </dev/null 2>&1 | tee "$out/$step-gpu-machine-$stamp.txt" || status=$?
  case $status in
    0) ;;
    124 | 137) failed+=("$step (out of time)") ;;
    *) failed+=("$step") ;;
  esac
  echo "=== $step: $((SECONDS - begin)) s"
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "gpu.sh: failed: ${failed[*]}" >&2
  exit 1
fi
