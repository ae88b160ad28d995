"""The cases of `fastcolor bench kernels` as a pytest-benchmark suite, one thread on each side.

python -m pytest benchmarks/bench_kernels.py --benchmark-group-by=param:case
FASTCOLOR_BENCH_DEVICE=cuda times ours on a GPU, one picture at a time (batches and kornia are the
command's business).
"""

from __future__ import annotations

import itertools
import os

import pytest

from fastcolor.bench import cases, kernels
from fastcolor.bench.rows import missing_operators

MEGAPIXELS = 8.0
BUFFERS = 3
DEVICE = os.environ.get("FASTCOLOR_BENCH_DEVICE", "cpu")
PEERS, NOTE = kernels.cpu_peers(1) if DEVICE == "cpu" else (None, "no peer on this device")
CASES = [
    pytest.param(case, id=case.name.replace(" ", "-"))
    for case in cases.cases(PEERS)
    if DEVICE in case.devices
]


def prepared(case: cases.Case) -> list[tuple]:
    missing = missing_operators(case)
    if missing:
        pytest.skip(f"this build has no {', '.join(missing)}")
    inputs = [case.make(cases.Pictures(MEGAPIXELS * case.share, seed)) for seed in range(BUFFERS)]
    return [(*each, case.output(*each)) for each in inputs]


@pytest.mark.parametrize("case", CASES)
def test_ours(benchmark, case):
    if DEVICE == "cuda":
        on_cuda(benchmark, case)
        return
    arguments = itertools.cycle(prepared(case))
    with kernels.thread_count(1):
        benchmark(lambda: case.ours(*next(arguments)))


def on_cuda(benchmark, case: cases.Case) -> None:
    from fastcolor.bench import cuda

    cupy = cuda.require_cupy()
    cuda.verify(cupy, case, case.make(cases.Pictures(MEGAPIXELS * case.share, 0)))
    arguments = itertools.cycle(
        [tuple(cupy.asarray(array) for array in each[:-1]) for each in prepared(case)]
    )

    def run() -> None:
        case.ours(*next(arguments), None)
        cupy.cuda.get_current_stream().synchronize()

    benchmark(run)


@pytest.mark.parametrize("case", CASES)
def test_peer(benchmark, case):
    if PEERS is None:
        pytest.skip(NOTE)
    prepared_arguments = prepared(case)
    peer = case.peer(PEERS)
    if peer is None:
        pytest.skip("no peer")
    kernels.verify(case, prepared_arguments[0][:-1], peer)
    arguments = itertools.cycle(prepared_arguments)
    benchmark(lambda: peer(*next(arguments)))
