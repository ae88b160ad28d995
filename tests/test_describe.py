"""Colourisers of other programs: found out, given metadata, and run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_files
import pytest
from test_cli import fastcolor_command, one_sentence

from fastcolor import _onnx_write
from fastcolor._onnx import FLOAT, Graph, Node, Tensor
from fastcolor.colorizer import Colorizer
from fastcolor.describe import describe
from fastcolor.errors import ModelError
from fastcolor.models import load_spec


def foreign(path, graph):
    """As another program leaves it: with metadata of its own."""
    path.write_bytes(_onnx_write.encode(replace(graph, metadata={"author": "somebody"})))
    return path


def sampled(stride: int, scale: float = 1.0) -> Graph:
    """A convolution of the stride, as other programs might write it."""
    graph = onnx_files.tiny()
    (node,) = graph.nodes
    weights = graph.tensors["w"].array[:, :, :stride, :stride] * scale
    tensors = {**graph.tensors, "w": Tensor("w", FLOAT, np.ascontiguousarray(weights, np.float32))}
    numbers = {"kernel_shape": [stride] * 2, "strides": [stride] * 2, "pads": [0] * 4}
    encoded = tuple(onnx_files.integers(key, value) for key, value in numbers.items())
    node = replace(node, attributes=numbers, encoded_attributes=encoded)
    return replace(graph, nodes=(node,), tensors=tensors)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_step_and_divisor_are_found(tmp_path, stride):
    source = foreign(tmp_path / "theirs.onnx", sampled(stride))
    with pytest.raises(ModelError, match=r"is not a model of fastcolor.*fastcolor describe"):
        Colorizer(source)
    spec = describe(source, tmp_path / "ours.onnx", working_size=96, licence="MIT")
    assert (spec.name, spec.multiple_of, spec.chroma_divisor) == ("theirs", stride, stride)
    assert (spec.working_size, spec.precision, spec.licence) == (96, "fp32", "MIT")
    luma = np.tile(np.arange(120, dtype=np.uint8), (90, 1))
    with Colorizer(spec, engine="onnxruntime") as colorizer:
        assert colorizer.colorize(luma).shape == (90, 120, 3)
    again = describe(spec.path, tmp_path / "again.onnx")  # what was said before is replaced
    assert again.network_sha256 == spec.network_sha256
    assert again.licence == "unknown"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "again.onnx", "ours.onnx", "theirs.onnx",
    ]  # fmt: skip


def test_the_shipped_network_is_found_out(tmp_path):
    shipped = load_spec("fast")
    spec = describe(foreign(tmp_path / "theirs.onnx", onnx_files.shipped()), tmp_path / "ours.onnx")
    names = ("multiple_of", "chroma_divisor", "precision", "storage", "opset", "weights_sha256")
    assert [getattr(spec, name) for name in names] == [getattr(shipped, name) for name in names]


def test_what_cannot_be_a_colouriser_is_told(tmp_path):
    tiny = onnx_files.tiny()
    (port,) = tiny.inputs
    bias = Tensor("b", FLOAT, np.zeros(3, np.float32))
    wide = Tensor("w", FLOAT, np.zeros((3, 1, 4, 4), np.float32))
    endless = Tensor("b", FLOAT, np.array([np.nan, 0], np.float32))
    free = (replace(tiny.outputs[0], shape=(None, None, None, None)),)
    for graph, message in [
        (
            replace(tiny, inputs=(replace(port, shape=(None, 3, None, None)),)),
            "its input luma must",
        ),
        (replace(tiny, inputs=(replace(port, shape=(1, 1, 256, 256)),)), "has a fixed size"),
        (sampled(2, 9e3), r"gives numbers up to .*in units of 110, so divide them in the graph"),
        (replace(tiny, outputs=free, tensors={"w": wide, "b": bias}), r"with \(2, 3, .*not \(N,2,"),
        (replace(tiny, tensors={**tiny.tensors, "b": endless}), "gives NaN or infinity"),
        (replace(tiny, nodes=(replace(tiny.nodes[0], type="Konv"),)), "ONNX Runtime cannot open"),
        (replace(tiny, opset=9), "is of ONNX opset 9"),
        (replace(tiny, nodes=(*tiny.nodes, Node("Relu", ("x",), ("y",), {}))), "cannot open it"),
    ]:
        source = foreign(tmp_path / "theirs.onnx", graph)
        with pytest.raises(ModelError, match=message) as caught:
            describe(source, tmp_path / "ours.onnx")
        assert "theirs.onnx" in str(caught.value)
        assert list(tmp_path.iterdir()) == [source]


def test_the_command(tmp_path):
    pytest.importorskip("typer")
    source = foreign(tmp_path / "theirs.onnx", sampled(4))
    done = fastcolor_command("describe", source, "-o", tmp_path / "ours.onnx", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(
        "mine, sides of multiples of 4, chroma at 1/4, 34 parameters, fp32\n"
    )
    assert "for mine" in fastcolor_command("engines", "--model", tmp_path / "ours.onnx").stdout
    done = fastcolor_command("describe", tmp_path, "-o", tmp_path / "ours.onnx")
    assert "is a folder" in one_sentence(done)
    assert done.returncode == 8
