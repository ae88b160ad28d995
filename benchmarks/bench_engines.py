"""The cases of `fastcolor bench engines` as a pytest-benchmark suite, in one process.

python -m pytest benchmarks/bench_engines.py --benchmark-group-by=param:size,param:batch
"""

from __future__ import annotations

import numpy as np
import pytest

from fastcolor.bench import engines
from fastcolor.bench.engine_worker import inputs, to_device, wait
from fastcolor.colorizer import Colorizer
from fastcolor.engines import open_engine
from fastcolor.models import load_spec

SPEC = load_spec("fast")
WANTED, SKIPPED = engines.candidates(SPEC, "")
CASES = [pytest.param(*each, id="-".join(each)) for each in WANTED]


@pytest.fixture(scope="module")
def base():
    name, device, precision = WANTED[0]
    with open_engine(SPEC, name, device, precision) as engine:
        yield engine


@pytest.mark.filterwarnings("ignore")  # of torch.compile
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize(("name", "device", "precision"), CASES)
def test_engine(benchmark, base, name, device, precision, size, batch):
    host = inputs(size, batch)
    with open_engine(SPEC, name, device, precision) as engine:
        given = to_device(host, device)
        answer = engine.run(given)
        answer = answer if device == "cpu" else answer.get()
        engines.verify(answer, base.run(to_device(host, base.device)), precision, name)

        def run():
            engine.run(given)
            wait(device)

        benchmark(run)


@pytest.mark.parametrize("side", [512, 2048])
def test_colorizer(benchmark, side):
    grey = (inputs(side, 1)[0, 0] * 127 + 128).astype(np.uint8)
    with Colorizer() as colorizer:
        benchmark(colorizer.colorize, grey)
