"""Engines: the same answers from all of them, clear refusals, threads, closing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import numpy as np
import onnx_files
import pytest
from engines_here import HERE, batch

from fastcolor.engines import (
    KINDS,
    BaseEngine,
    Engine,
    EngineError,
    _cuda,
    choose,
    open_engine,
    problem_of,
)
from fastcolor.errors import MissingDependencyError, ModelError, OutOfMemoryError
from fastcolor.models import load_spec

pytestmark = pytest.mark.usefixtures("engine_cache")


@pytest.fixture(scope="module")
def reference():
    """Answers of the shipped model for some shapes: PyTorch where it is, else ONNX Runtime."""
    rng = np.random.default_rng(5)
    inputs = [batch(rng, *shape) for shape in ((1, 32, 32), (3, 64, 96), (2, 96, 32))]
    # Smooth as photographs are: on noise every answer is nearly grey.
    inputs = [np.cumsum(np.cumsum(x, 2), 3) / 40 for x in inputs]
    inputs = [np.clip(x, -1, 1).astype(np.float32) for x in inputs]
    name = "torch" if "torch" in HERE else "onnxruntime"
    with open_engine("fast", name, "cpu", "fp32") as engine:
        return [(x, engine.run(x)) for x in inputs]


@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
def test_answers_as_pytorch(reference, name):
    with open_engine("fast", name, "cpu", "fp32") as engine:
        assert isinstance(engine, Engine)
        assert (engine.name, engine.device, engine.precision) == (name, "cpu", "fp32")
        for given, wanted in reference:
            got = engine.run(given)
            assert got.dtype == np.float32
            assert got.flags.c_contiguous
            assert got.shape == wanted.shape == engine.spec.output_shape(given.shape)
            np.testing.assert_allclose(got, wanted, atol=1e-3 / 110)  # 1e-3 of a Lab unit


@pytest.mark.slow
@pytest.mark.skipif("torch-compile" not in HERE, reason="PyTorch is not installed")
@pytest.mark.filterwarnings("ignore")
def test_compiled_pytorch_answers_as_eager(reference):
    with open_engine("fast", "torch-compile", "cpu", "fp32") as engine:
        for given, wanted in reference:
            np.testing.assert_allclose(engine.run(given), wanted, atol=1e-3 / 110)


@pytest.mark.parametrize("name", HERE)
def test_shorter_precisions_stay_near(reference, name):
    for precision in KINDS[name].precisions("cpu"):
        if precision == "fp32" or name == "torch-compile":
            continue
        with open_engine("fast", name, "cpu", precision) as engine:
            assert engine.precision == precision
            for given, wanted in reference:
                assert np.abs(engine.run(given) - wanted).max() * 110 <= 2.5


@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
def test_batches_that_cannot_be(tiny, rng, name):
    with open_engine(tiny, name, "cpu", "fp32") as engine:
        for given, error, message in [
            (batch(rng, 1, 12, 8), ValueError, "divisible by 8 for tiny"),
            (batch(rng, 0, 8, 8), ValueError, "batch must not be empty"),
            (batch(rng, 1, 8, 8)[0], ValueError, "must have the shape"),
            (np.zeros((1, 3, 8, 8), np.float32), ValueError, "must have the shape"),
            (np.zeros((1, 1, 8, 8)), TypeError, "batch must be float32"),
            ([1.0], TypeError, "batch must be a NumPy array"),
        ]:
            with pytest.raises(error, match=message):
                engine.run(given)
        strided = batch(rng, 4, 16, 16)[::2, :, ::-1]
        np.testing.assert_array_equal(engine.run(strided), engine.run(strided.copy()))
        frozen = batch(rng, 1, 8, 8)
        frozen.flags.writeable = False
        assert engine.run(frozen).shape == (1, 2, 2, 2)


@pytest.mark.parametrize("threads_of_a_run", [0, 1])
@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
def test_ten_threads_share_one_engine(tiny, rng, name, threads_of_a_run):
    with open_engine(tiny, name, "cpu", "fp32", threads=threads_of_a_run) as engine:
        given = [batch(rng, 1 + i % 3, 8 * (1 + i), 16) for i in range(10)]
        wanted = [engine.run(x) for x in given]
        wrong: list[object] = []

        def work(i: int) -> None:
            try:
                for _ in range(20):
                    if not np.array_equal(engine.run(given[i]), wanted[i]):
                        wrong.append(i)
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


@pytest.mark.skipif("openvino" not in HERE, reason="OpenVINO is not installed")
@pytest.mark.parametrize("room", [True, False])
def test_callers_of_one_thread_each_take_turns(tiny, rng, monkeypatch, room):
    """Also where there is no memory for more than one compiled model."""
    from fastcolor.engines import ov

    monkeypatch.setattr(ov, "cpu_count", lambda: 2)

    def full(*given):
        raise RuntimeError("bad_alloc")

    with open_engine(tiny, "openvino", "cpu", "fp32", threads=1) as engine:
        if not room:
            monkeypatch.setattr(engine, "_another", full)
        given = batch(rng, 8, 64, 64)
        wanted = engine.run(given)
        runs, end = [0] * 5, threading.Event()

        def work(i: int) -> None:
            while not end.is_set():
                np.testing.assert_array_equal(engine.run(given), wanted)
                runs[i] += 1
                if sum(runs) >= 400:
                    end.set()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert min(runs) > 20, runs


@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
def test_closing(tiny, rng, name):
    engine = open_engine(tiny, name, "cpu", "fp32")
    engine.run(batch(rng, 1, 8, 8))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="is closed"):
        engine.run(batch(rng, 1, 8, 8))


def test_close_waits_for_runs(tiny):
    class Slow(BaseEngine):
        name = "slow"
        begun, done, freed = threading.Event(), threading.Event(), False

        def _run(self, batch):
            self.begun.set()
            self.done.wait(5)
            assert not self.freed
            return np.zeros(self.spec.output_shape(batch.shape), np.float32)

        def _close(self):
            self.freed = True

    engine = Slow(load_spec(tiny), "cpu", "fp32")
    given = np.zeros((1, 1, 8, 8), np.float32)
    runner = threading.Thread(target=engine.run, args=(given,))
    runner.start()
    engine.begun.wait(5)
    closer = threading.Thread(target=engine.close)
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    engine.done.set()
    closer.join(5)
    runner.join(5)
    assert engine.freed


def test_auto_says_what_it_took_and_why(tiny):
    with open_engine(tiny) as engine:
        assert engine.choice.startswith(f"{engine.name} ")
        assert "in fp32: " in engine.choice  # nothing else was measured for this file
        assert engine.name == ("openvino" if "openvino" in HERE else "onnxruntime")
    with open_engine(tiny, "onnxruntime", "cpu", "fp32") as engine:
        assert engine.choice.endswith("named")


def test_a_gpu_that_lies_idle_is_told(tiny, tmp_path, monkeypatch):
    if problem_of(KINDS["onnxruntime"], "cuda") is None:
        pytest.skip("the GPU is used here")
    said = "; the GPU is not used: "
    monkeypatch.setattr(_cuda, "DRIVER", tmp_path)
    assert said in choose(load_spec(tiny))[3]
    assert said not in choose(load_spec(tiny), device="cpu")[3]
    monkeypatch.setattr(_cuda, "DRIVER", tmp_path / "nothing")
    assert said not in choose(load_spec(tiny))[3]


def test_auto_takes_only_precisions_that_were_measured_good(tmp_path):
    if "torch" not in HERE:
        pytest.skip("needs an engine with several precisions")
    for said, wanted in [
        (None, "fp32"),
        ('{"bf16": [0.51, 3.0]}', "fp32"),
        ('{"bf16": [0.1, 0.9]}', "bf16"),
    ]:
        path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny(), colour_errors=said)
        with open_engine(path, "torch", "cpu") as engine:
            assert engine.precision == wanted
            assert ("0.10 from fp32" in engine.choice) == (wanted == "bf16")


def test_files_of_a_short_type_must_be_measured_or_named(tmp_path):
    for short, said, message in [
        ("fp16", None, "was not measured"),
        ("fp16", '{"fp16": [0.7, 4]}', "CIEDE2000 0.70"),
        ("int8", None, "was not measured"),
        ("int8", '{"int8": [0.51, 4], "fp16": [0.1, 1]}', "CIEDE2000 0.51"),
        ("int8", '{"int8": [0.5, 4]}', ""),
    ]:
        graph = onnx_files.tiny()
        path = onnx_files.write(
            tmp_path / "m.onnx", graph, precision=short, storage=short, colour_errors=said
        )
        if message:
            with pytest.raises(ModelError, match=message):
                open_engine(path, "onnxruntime")
        else:
            with open_engine(path, "onnxruntime") as engine:
                assert "in int8: always there; mean CIEDE2000 0.50 from fp32" in engine.choice
        with open_engine(path, "onnxruntime", precision=short) as engine:
            assert engine.precision == short
        with pytest.raises(MissingDependencyError, match=f"does not run {short} files as fp32"):
            open_engine(path, "onnxruntime", precision="fp32")


def test_what_is_named_is_never_replaced(tiny):
    with pytest.raises(MissingDependencyError, match=r"onnxruntime cannot run tiny here: .*bf16"):
        open_engine(tiny, "onnxruntime", "cpu", "bf16")
    with pytest.raises(ModelError, match="tiny has no int8 file beside it"):
        open_engine(tiny, precision="int8")
    for name in KINDS:
        for device in ("cpu", "cuda"):
            problem = problem_of(KINDS[name], device)
            if problem is not None:
                with pytest.raises(MissingDependencyError) as caught:
                    open_engine(tiny, name, device)
                assert problem in str(caught.value)
    for arguments, message in [
        ({"engine": "abacus"}, "engine must be one of auto, "),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda"),
        ({"precision": "fp8"}, "precision must be one of"),
        ({"threads": -1}, "threads must be a whole number"),
        ({"threads": True}, "threads must be a whole number"),
        ({"engine": "onnxruntime", "max_batch": 8}, "max_batch is what tensorrt builds for"),
    ]:
        with pytest.raises(ValueError, match=message):
            open_engine(tiny, **arguments)


def test_a_graph_that_the_library_refuses(tmp_path, rng):
    graph = onnx_files.tiny()
    graph.tensors["b"] = type(graph.tensors["b"])("b", 1, np.zeros(5, np.float32))
    path = onnx_files.write(tmp_path / "m.onnx", graph)
    for name in HERE:
        with pytest.raises(EngineError) as caught:
            open_engine(path, name, "cpu", "fp32").run(batch(rng, 1, 8, 8))
        assert str(caught.value)
    assert issubclass(OutOfMemoryError, Exception)


ALONE = """
import sys
import numpy as np
from fastcolor.engines import open_engine

with open_engine("fast", sys.argv[1], "cpu", "fp32", threads=1) as engine:
    engine.run(np.zeros((1, 1, 32, 32), np.float32))
assert sys.modules.get("openvino_telemetry") is None
"""


@pytest.mark.parametrize("name", [name for name in HERE if not name.startswith("torch")])
def test_libraries_tell_nobody_that_they_are_used(tmp_path, name):
    """They would begin by an identifier in the home folder."""
    kept = ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY", "CI")
    clean = {key: value for key, value in os.environ.items() if key not in kept}
    here = {"HOME": str(tmp_path / "home"), "FASTCOLOR_CACHE": str(tmp_path / "cache")}
    (tmp_path / "home").mkdir()
    subprocess.run([sys.executable, "-c", ALONE, name], env={**clean, **here}, check=True)
    assert list((tmp_path / "home").rglob("*")) == []


LEAK = """
import gc, json, sys
import numpy as np
from fastcolor.engines import open_engine

def resident():
    gc.collect()
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

model, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
batch = np.zeros((2, 1, 64, 64), np.float32)
marks = []
for number in range(rounds):
    with open_engine(model, name, "cpu", "fp32", threads=1) as engine:
        engine.run(batch)
    if number >= rounds // 5 and number % (rounds // 10) == 0:
        marks.append(resident())
print(json.dumps(marks))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
@pytest.mark.parametrize("model", ["tiny", "fast"])
def test_no_leak_over_a_thousand_rounds(tiny, name, model):
    rounds = 1000
    done = subprocess.run(
        [sys.executable, "-c", LEAK, str(tiny if model == "tiny" else "fast"), name, str(rounds)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    marks = json.loads(done.stdout)
    print(f"{name} {model}: MB over rounds {marks}")
    # A leak of one 4 kB page in each round would be 3 MB; allocators wander by some.
    assert marks[-1] - min(marks[:2]) < 8 + 0.02 * marks[0], marks
