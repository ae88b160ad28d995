"""Model files for tests: the shipped one with something changed, and tiny ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fastcolor import _onnx, _onnx_write
from fastcolor._onnx import FLOAT, Graph, Node, Port, Tensor
from fastcolor.models import WEIGHTS

METADATA = {
    "format": "1", "name": "tiny", "kind": "colorizer", "input": "luma", "output": "ab",
    "input_scaling": "L*/50-1", "output_scaling": "ab/110", "working_size": "64",
    "multiple_of": "8", "chroma_divisor": "4", "scale": "1", "receptive_field": "0",
    "tiling": "whole", "tile_overlap": "0", "saturation": "1.0", "precision": "fp32",
    "storage": "fp32", "opset": "17", "parameters": "34", "licence": "Apache-2.0",
}  # fmt: skip


def integers(name: str, values: list[int]) -> bytes:
    body = _onnx_write.text_field(1, name) + _onnx_write.number_field(20, 7)
    return body + b"".join(_onnx_write.number_field(8, value) for value in values)


def tiny() -> Graph:
    """A 4x4 convolution of stride 4 from luma to ab; opens in a millisecond."""
    rng = np.random.default_rng(3)
    weights = {
        "w": Tensor("w", FLOAT, rng.normal(0, 0.1, (2, 1, 4, 4)).astype(np.float32)),
        "b": Tensor("b", FLOAT, np.array([0.05, -0.02], np.float32)),
    }
    attributes = {"kernel_shape": [4, 4], "strides": [4, 4], "pads": [0, 0, 0, 0]}
    node = Node(
        "Conv",
        ("luma", "w", "b"),
        ("ab",),
        attributes,
        tuple(integers(name, values) for name, values in attributes.items()),
    )
    return Graph(
        17,
        dict(METADATA),
        (node,),
        weights,
        (Port("luma", FLOAT, (None, 1, None, None)),),
        (Port("ab", FLOAT, (None, 2, None, None)),),
    )


def write(path: Path, graph: Graph, **changes: str | None) -> Path:
    """The graph as a file, its digest renewed, then metadata changed (None: left out)."""
    said = {**graph.metadata, "weights_sha256": graph.weights_sha256(), **changes}
    kept = {key: value for key, value in said.items() if value is not None}
    path.write_bytes(_onnx_write.encode(replace(graph, metadata=kept)))
    return path


def shipped() -> Graph:
    return _onnx.read(WEIGHTS / "fast.onnx")
