"""Engines and the models that they are opened for: what is kept, replaced, forked or added."""

from __future__ import annotations

import os
import pickle
import signal
from dataclasses import replace

import numpy as np
import onnx_files
import pytest
from engines_here import HERE, batch

from fastcolor import engines
from fastcolor._onnx import Node
from fastcolor.colorizer import Colorizer
from fastcolor.engines import KINDS, BaseEngine, EngineError, Kind, open_engine
from fastcolor.errors import ModelError
from fastcolor.models import load_spec

pytestmark = pytest.mark.usefixtures("engine_cache")


def test_an_engine_is_one_class_and_an_entry(tiny, rng, monkeypatch):
    """What CONTRIBUTING asks of somebody who adds one is enough."""

    class Plain(BaseEngine):
        name = "plain"

        def __init__(self, spec, device, precision, threads):
            super().__init__(spec, device, precision)
            import onnxruntime

            self.session = onnxruntime.InferenceSession(
                spec.content(), providers=["CPUExecutionProvider"]
            )

        def _run(self, batch):
            return self.session.run(None, {self.spec.input: batch})[0]

        def _close(self):
            self.session = None

    kind = Kind(
        "plain", ("cpu",), lambda device: None, lambda: "1.0", lambda device: ("fp32",),
        lambda device: (), Plain, "the plainest",
    )  # fmt: skip
    monkeypatch.setattr(engines, "KINDS", {"plain": kind, **KINDS})
    given = batch(rng, 2, 16, 24)
    with open_engine(tiny) as engine, open_engine(tiny, "onnxruntime") as other:
        assert engine.choice == "plain 1.0 on cpu in fp32: the plainest"
        np.testing.assert_allclose(engine.run(given), other.run(given), atol=1e-6)
    with Colorizer(tiny, engine="plain") as colorizer:
        assert colorizer.colorize(np.zeros((30, 40), np.uint8)).shape == (30, 40, 3)


@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
def test_the_same_weights_in_another_graph_are_another_model(tmp_path, rng, name):
    """Compiled engines are kept: of all that computes, not of weights alone."""
    graph = onnx_files.tiny()
    (convolution,) = graph.nodes
    relu = Node("Relu", ("inner",), ("ab",), {})
    other = replace(graph, nodes=(replace(convolution, outputs=("inner",)), relu))
    given = batch(rng, 1, 16, 16)
    answers = []
    for number, each in enumerate((graph, other)):
        path = onnx_files.write(tmp_path / f"{number}.onnx", each)
        with open_engine(path, name, "cpu", "fp32") as engine:
            answers.append(engine.run(given))
    assert answers[0].min() < 0
    np.testing.assert_allclose(answers[1], np.maximum(answers[0], 0), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
@pytest.mark.parametrize("divisor", ["1", "2", "8"])
def test_answers_of_another_shape_than_stated(tmp_path, rng, name, divisor):
    path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny(), chroma_divisor=divisor)
    with (
        open_engine(path, name, "cpu", "fp32") as engine,
        pytest.raises(ModelError, match=r"does not answer \(1, 1, 16, 16\) with .*chroma_div"),
    ):
        engine.run(batch(rng, 1, 16, 16))


@pytest.mark.parametrize("name", [name for name in HERE if name != "torch-compile"])
def test_a_model_replaced_while_it_is_opened(tmp_path, name):
    path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny())
    other = onnx_files.tiny()
    other.tensors["b"].array[0] += len(name)  # in no cache yet
    onnx_files.write(path, other)
    spec = load_spec(path)
    onnx_files.write(path, onnx_files.tiny())
    with pytest.raises(ModelError, match="holds another model than when it was read"):
        open_engine(spec, name, "cpu", "fp32")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("name", [name for name in HERE if not name.startswith("torch")])
def test_after_a_fork(tiny, rng, name):
    given = batch(rng, 1, 16, 16)
    with open_engine(tiny, name, "cpu", "fp32") as engine:
        engine.run(given)
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # it must not wait for ever
            try:
                engine.run(given)
                os._exit(0)
            except EngineError as error:
                with open_engine(tiny, name, "cpu", "fp32") as own:
                    own.run(given)
                os._exit(3 if "open one in each process" in str(error) else 4)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == (0 if engine.forkable else 3)
        with pytest.raises(TypeError, match="cannot be pickled or copied: open one in each"):
            pickle.dumps(engine)
