"""Measured colour errors in the metadata, and INT8 files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from training.precision import main, quantize

import fastcolor
from fastcolor.engines import open_engine
from fastcolor.models import WEIGHTS, load_spec, variant

SAMPLE = Path(fastcolor.__file__).parent / "data" / "coffee.jpg"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(SAMPLE, folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(WEIGHTS / "fast.onnx", tmp_path / "fast.onnx"))


def test_the_shipped_model_states_its_errors() -> None:
    for path in WEIGHTS.glob("*.onnx"):
        errors = load_spec(path).colour_errors
        assert {"fp16", "bf16"} <= errors.keys()
        assert all(0 < mean < tail for mean, tail in errors.values())


def test_measures_and_quantizes(model: Path, photos: Path, capsys: pytest.CaptureFixture) -> None:
    digest = load_spec(model).weights_sha256
    given = ["--photos", str(photos), "--calibrate", str(photos), "--int8"]
    assert main([str(model), *given]) == 0, capsys.readouterr().err
    spec = load_spec(model)
    assert spec.weights_sha256 == digest
    assert spec.offers("bf16")
    assert spec.colour_errors["fp16"][0] < spec.colour_errors["bf16"][0] < 0.5
    small = variant(spec, "int8")
    assert (small.precision, small.made_of) == ("int8", digest)
    assert small.made_of_network == spec.network_sha256
    assert small.path.stat().st_size < 0.6 * model.stat().st_size
    onnx.checker.check_model(onnx.load(small.path), full_check=True)
    luma = np.linspace(-1, 1, 96 * 64, dtype=np.float32).reshape(1, 1, 64, 96)
    with open_engine(model, "onnxruntime", precision="int8") as engine:
        assert engine.spec.path == small.path
        answer = engine.run(luma)
    with open_engine(model, "onnxruntime", precision="fp32") as engine:
        assert 0 < np.abs(answer - engine.run(luma)).max() * 110 < 10


def test_quantized_weights_are_symmetric_as_tensorrt_wants(model: Path, tmp_path: Path) -> None:
    luma = np.tile(np.arange(256, dtype=np.uint8), (200, 1))
    quantize(model, tmp_path / "int8.onnx", [luma])
    graph = onnx.load(tmp_path / "int8.onnx").graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = [n for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(nodes) > 40
    for node in nodes:
        assert not weights[node.input[2]].any()
        assert weights[node.input[2]].dtype == np.int8


def test_a_file_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    other = onnx.load(model)
    onnx.helper.set_model_props(
        other,
        {e.key: e.value for e in other.metadata_props}
        | {"precision": "int8", "storage": "int8", "made_of": "0" * 64},
    )
    onnx.save(other, tmp_path / "fast.int8.onnx")
    with pytest.raises(fastcolor.FastcolorError, match="was not made of"):
        open_engine(model, precision="int8")


def test_mistakes_are_named(model: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([str(model), "--photos", "/nowhere"]) == 1
    assert "/nowhere does not exist" in capsys.readouterr().err
    assert main([str(model.parent / "none.onnx"), "--photos", str(SAMPLE.parent)]) == 1
    assert "there is no model file" in capsys.readouterr().err
