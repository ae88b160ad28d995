"""The cases of `fastcolor bench kernels` as a pytest-benchmark suite, one thread on each side.

python -m pytest benchmarks/bench_kernels.py --benchmark-group-by=param:case
"""

from __future__ import annotations

import itertools

import pytest

from fastcolor.bench import cases, kernels

MEGAPIXELS = 8.0
BUFFERS = 3
PEERS, NOTE = kernels.cpu_peers(1)
CASES = [pytest.param(case, id=case.name.replace(" ", "-")) for case in cases.cases(PEERS)]


def prepared(case: cases.Case) -> list[tuple]:
    missing = kernels.missing_operators(case)
    if missing:
        pytest.skip(f"this build has no {', '.join(missing)}")
    inputs = [case.make(cases.Pictures(MEGAPIXELS * case.share, seed)) for seed in range(BUFFERS)]
    return [(*each, case.output(*each)) for each in inputs]


@pytest.mark.parametrize("case", CASES)
def test_ours(benchmark, case):
    arguments = itertools.cycle(prepared(case))
    with kernels.thread_count(1):
        benchmark(lambda: case.ours(*next(arguments)))


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
