"""How much arithmetic a model is: the operations of its convolutions and matrix products."""

from __future__ import annotations

import math
from typing import Any

from fastcolor._onnx import Graph, Node, Tensor
from fastcolor.engines._typed import without_storage_casts

Shape = tuple[int, ...]


def operations(graph: Graph, height: int, width: int) -> int:
    """Floating point operations for one picture of this size."""
    graph = without_storage_casts(graph)
    known: dict[str, Any] = {name: t.array for name, t in graph.tensors.items()}
    shapes: dict[str, Shape] = {graph.inputs[0].name: (1, 1, height, width)}
    total = 0
    for node in graph.nodes:
        if node.type == "Constant":
            value = next(iter(node.attributes.values()))
            known[node.outputs[0]] = value.array if isinstance(value, Tensor) else value
            continue
        given = [shapes[name] for name in node.inputs if name in shapes]
        if node.type == "DequantizeLinear" and node.inputs[0] in known:  # a quantized weight
            known[node.outputs[0]] = known[node.inputs[0]]
        if not given:
            continue
        shape, work = _step(node, given, known)
        total += work
        shapes.update(dict.fromkeys(node.outputs, shape))
    return 2 * total


def _step(node: Node, given: list[Shape], known: dict[str, Any]) -> tuple[Shape, int]:
    """(shape of the result, multiply-adds)."""
    first, a = given[0], node.attributes
    if node.type in ("Conv", "AveragePool", "MaxPool"):
        kernel = known[node.inputs[1]].shape if node.type == "Conv" else (first[1], 0)
        size = a["kernel_shape"]
        strides, pads = a.get("strides", [1, 1]), a.get("pads", [0, 0, 0, 0])
        dilations = a.get("dilations", [1, 1])
        sides = tuple(
            (first[2 + i] + pads[i] + pads[2 + i] - dilations[i] * (size[i] - 1) - 1) // strides[i]
            + 1
            for i in (0, 1)
        )
        shape = (1, kernel[0], *sides)
        return shape, math.prod(shape) * math.prod(kernel[1:]) if node.type == "Conv" else 0
    if node.type == "Gemm":
        rows, columns = known[node.inputs[1]].shape
        out = rows if a.get("transB", 0) else columns
        return (1, out), rows * columns
    if node.type == "Resize":
        scales = known[node.inputs[2]]
        return tuple(int(side * scale) for side, scale in zip(first, scales)), 0
    if node.type == "DepthToSpace":
        block = a["blocksize"]
        return (1, first[1] // block**2, first[2] * block, first[3] * block), 0
    if node.type == "Concat":
        return (1, sum(shape[1] for shape in given), *first[2:]), 0
    if node.type == "ReduceMean" and not a.get("keepdims", 1):
        return first[:2], 0
    if node.type == "Unsqueeze":
        return (*first, 1), 0
    return max(given, key=math.prod), 0
