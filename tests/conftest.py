"""Fixtures: where an operator runs, which CPU level it uses, and pictures to run it on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import fastcolor
from fastcolor import _core
from fastcolor.engines import _telemetry

_telemetry.forbid()  # tests import libraries without our engines, too

sys.path.insert(0, str(Path(__file__).parent))

import onnx_files  # noqa: E402

with suppress(ImportError):  # on machines for measuring it may be absent
    import hypothesis

    # How long an example takes says how busy the machine is, not whether it is right.
    hypothesis.settings.register_profile("no deadline", deadline=None)
    hypothesis.settings.load_profile("no deadline")

LEVELS = fastcolor.build_info()["cpu_levels"]


def _cupy() -> tuple[ModuleType | None, str]:
    """CuPy for the built module (a stand-in when kernels are emulated), or why there is none."""
    cuda = fastcolor.build_info()["cuda"]
    if cuda["architectures"] == "emulated":
        import emulated_cupy

        sys.modules["cupy"] = emulated_cupy
        return emulated_cupy, ""
    if cuda["problem"]:
        return None, f"no CUDA: {cuda['problem']}"
    try:
        import cupy
    except ImportError:
        return None, "CuPy is not installed"
    return cupy, ""


class Place:
    """A device: moves arrays there and back."""

    def __init__(self, name: str, cupy: ModuleType | None) -> None:
        self.name = name
        self._cupy = cupy

    def put(self, array: np.ndarray) -> object:
        return array if self._cupy is None else self._cupy.asarray(array)

    def get(self, array: object) -> np.ndarray:
        return array if self._cupy is None else self._cupy.asnumpy(array)

    def run(self, function: Callable, *arrays: object, **options: object) -> object:
        """function on this device: moves every array (also inside lists) there, the result back."""

        def move(value: object) -> object:
            if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
                return [move(v) for v in value]
            return self.put(value) if isinstance(value, np.ndarray) else value

        result = function(*map(move, arrays), **{k: move(v) for k, v in options.items()})
        if isinstance(result, (list, tuple)):
            return type(result)(self.get(array) for array in result)
        return self.get(result)


def _cuda_place() -> Place:
    cupy, problem = _cupy()
    if cupy is None:
        if os.environ.get("FASTCOLOR_REQUIRE_CUDA") == "1":
            pytest.fail(f"FASTCOLOR_REQUIRE_CUDA=1, but {problem}")
        pytest.skip(problem)
    return Place("cuda", cupy)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> Place:
    return Place("cpu", None) if request.param == "cpu" else _cuda_place()


@pytest.fixture
def cuda() -> Place:
    return _cuda_place()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes the fixture runs on CUDA."""
    for item in items:
        if "cuda" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cuda)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = fastcolor.build_info()["cpu_level"]
    _core.set_cpu_level(request.param)
    yield request.param
    _core.set_cpu_level(before)


@pytest.fixture
def each_level() -> Iterator[Callable[[Callable[[], object]], list[object]]]:
    """Runs a function under every CPU level of this machine and gives the results."""
    before = fastcolor.build_info()["cpu_level"]

    def run(function: Callable[[], object]) -> list[object]:
        results = []
        for name in LEVELS:
            _core.set_cpu_level(name)
            results.append(function())
        return results

    yield run
    _core.set_cpu_level(before)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(scope="module")
def engine_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled engines are kept for the module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTCOLOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that opens in a millisecond."""
    return onnx_files.write(tmp_path_factory.mktemp("tiny") / "tiny.onnx", onnx_files.tiny())
