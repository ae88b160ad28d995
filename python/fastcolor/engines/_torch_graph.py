"""An ONNX graph as a torch.fx.GraphModule: plain PyTorch code, for eager and torch.compile.

PyTorch cannot read ONNX, and the package knows nothing of training, so that a checkpoint becomes a
model by training/export.py alone. The operators that our exports hold are few: each is translated
here to the call that a user would write, once, at opening.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import fx

from fastcolor._onnx import BFLOAT16, FLOAT, FLOAT16, Graph, Node, Tensor
from fastcolor.errors import EngineError

DTYPES = {FLOAT: torch.float32, FLOAT16: torch.float16, BFLOAT16: torch.bfloat16}


def module_of(graph: Graph) -> fx.GraphModule:
    """A module from the graph's input to its output, weights as buffers."""
    return _Translation(graph).module()


def as_torch(tensor: Tensor) -> torch.Tensor:
    value = torch.from_numpy(np.array(tensor.array))  # a copy: views of the file are read-only
    return value.view(torch.bfloat16) if tensor.type == BFLOAT16 else value


class _Translation:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.root = torch.nn.Module()
        self.out = fx.Graph()
        self.values: dict[str, Any] = {}  # fx nodes, by their names in the file
        self.known = {name: tensor.array for name, tensor in graph.tensors.items()}

    def module(self) -> fx.GraphModule:
        for port in self.graph.inputs:
            self.values[port.name] = self.out.placeholder(port.name)
        for node in self.graph.nodes:
            if node.type == "Constant":
                self._constant(node)
                continue
            translate = TRANSLATIONS.get(node.type)
            if translate is None:
                raise EngineError(f"the PyTorch engine does not know the operator {node.type}")
            self.values[node.outputs[0]] = translate(self, node)
        self.out.output(self.values[self.graph.outputs[0].name])
        self.out.eliminate_dead_code()
        module = fx.GraphModule(self.root, self.out).eval()
        return module.requires_grad_(False)

    def _constant(self, node: Node) -> None:
        value = next(iter(node.attributes.values()))
        array = value.array if isinstance(value, Tensor) else np.asarray(value)
        self.known[node.outputs[0]] = array
        if not isinstance(value, Tensor):
            kind = FLOAT if array.dtype.kind == "f" else 7
            value = Tensor("", kind, array.astype(np.float32) if kind == FLOAT else array)
        self._buffer(node.outputs[0], value)

    def _buffer(self, name: str, tensor: Tensor) -> Any:
        attribute = f"weight_{len(self.values)}"
        self.root.register_buffer(attribute, as_torch(tensor))
        self.values[name] = self.out.get_attr(attribute)
        return self.values[name]

    def value(self, node: Node, index: int) -> Any:
        name = node.inputs[index]
        if name not in self.values and name in self.graph.tensors:
            self._buffer(name, self.graph.tensors[name])
        return self.values[name]

    def optional(self, node: Node, index: int) -> Any:
        absent = index >= len(node.inputs) or not node.inputs[index]
        return None if absent else self.value(node, index)

    def constant(self, node: Node, index: int) -> list[Any] | None:
        """An input that must be known now, such as axes; None where it is absent."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        array = self.known.get(node.inputs[index])
        if array is None:
            raise EngineError(f"the PyTorch engine wants constant inputs of {node.type}")
        return list(np.atleast_1d(array).tolist())

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return self.out.call_function(function, arguments, options)


def _padding(t: _Translation, node: Node, x: Any, fill: float = 0.0) -> tuple[Any, list[int]]:
    """Symmetric padding as the operator's own argument; other padding as a step before it."""
    if node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise EngineError(f"the PyTorch engine wants explicit pads of {node.type}")
    top, left, bottom, right = node.attributes.get("pads", [0, 0, 0, 0])
    if (top, left) == (bottom, right):
        return x, [top, left]
    return t.call(functional.pad, x, [left, right, top, bottom], value=fill), [0, 0]


def _conv(t: _Translation, node: Node) -> Any:
    x, padding = _padding(t, node, t.value(node, 0))
    a = node.attributes
    options = {
        "stride": a.get("strides", [1, 1]),
        "padding": padding,
        "dilation": a.get("dilations", [1, 1]),
        "groups": a.get("group", 1),
    }
    return t.call(functional.conv2d, x, t.value(node, 1), t.optional(node, 2), **options)


def _average_pool(t: _Translation, node: Node) -> Any:
    a = node.attributes
    x, padding = _padding(t, node, t.value(node, 0))
    return t.call(
        functional.avg_pool2d,
        x,
        a["kernel_shape"],
        a.get("strides", [1, 1]),
        padding,
        bool(a.get("ceil_mode", 0)),
        bool(a.get("count_include_pad", 0)),
    )


def _max_pool(t: _Translation, node: Node) -> Any:
    a = node.attributes
    x, padding = _padding(t, node, t.value(node, 0), -float("inf"))
    return t.call(
        functional.max_pool2d,
        x,
        a["kernel_shape"],
        a.get("strides", [1, 1]),
        padding,
        a.get("dilations", [1, 1]),
        bool(a.get("ceil_mode", 0)),
    )


def _reduce(function: Callable[..., Any]) -> Callable[[_Translation, Node], Any]:
    def translate(t: _Translation, node: Node) -> Any:
        axes = node.attributes.get("axes") or t.constant(node, 1)
        if axes is None:
            raise EngineError(f"the PyTorch engine wants axes of {node.type}")
        keep = bool(node.attributes.get("keepdims", 1))
        return t.call(function, t.value(node, 0), axes, keep)

    return translate


def _gemm(t: _Translation, node: Node) -> Any:
    a = node.attributes
    if a.get("alpha", 1.0) != 1.0 or a.get("beta", 1.0) != 1.0 or a.get("transA", 0):
        raise EngineError("the PyTorch engine knows only plain Gemm")
    weight = t.value(node, 1)
    weight = weight if a.get("transB", 0) else t.call(torch.t, weight)
    return t.call(functional.linear, t.value(node, 0), weight, t.optional(node, 2))


def _unsqueeze(t: _Translation, node: Node) -> Any:
    result = t.value(node, 0)
    for axis in sorted(t.constant(node, 1) or []):
        result = t.call(torch.unsqueeze, result, int(axis))
    return result


RESIZES = {
    ("linear", "half_pixel"): "bilinear",
    ("linear", "pytorch_half_pixel"): "bilinear",
    ("cubic", "half_pixel"): "bicubic",
    ("cubic", "pytorch_half_pixel"): "bicubic",
    ("nearest", "asymmetric"): "nearest",
}


def _resize(t: _Translation, node: Node) -> Any:
    a = node.attributes
    how = (a.get("mode", "nearest"), a.get("coordinate_transformation_mode", "half_pixel"))
    scales = t.constant(node, 2)
    if how not in RESIZES or not scales or a.get("antialias", 0):
        raise EngineError(f"the PyTorch engine does not know this Resize: {' '.join(how)}")
    return t.call(
        functional.interpolate, t.value(node, 0), scale_factor=scales[2:], mode=RESIZES[how]
    )


def _cast(t: _Translation, node: Node) -> Any:
    kind = node.attributes["to"]
    if kind not in DTYPES:
        raise EngineError(f"the PyTorch engine does not cast to ONNX type {kind}")
    return t.call(torch.Tensor.to, t.value(node, 0), DTYPES[kind])


def _clip(t: _Translation, node: Node) -> Any:
    bounds = [t.constant(node, i) for i in (1, 2)]
    low, high = (bound[0] if bound else None for bound in bounds)
    return t.call(torch.clamp, t.value(node, 0), low, high)


def _concat(t: _Translation, node: Node) -> Any:
    parts = [t.value(node, index) for index in range(len(node.inputs))]
    return t.call(torch.cat, parts, node.attributes["axis"])


def _slice(t: _Translation, node: Node) -> Any:
    starts, ends, axes, steps = (t.constant(node, i) for i in (1, 2, 3, 4))
    result = t.value(node, 0)
    for place, (start, end) in enumerate(zip(starts or [], ends or [], strict=True)):
        axis, step = axes[place] if axes else place, steps[place] if steps else 1
        if axis < 0 or step != 1:
            raise EngineError("the PyTorch engine knows Slice of named axes and step 1 only")
        index = (slice(None),) * axis + (slice(start, min(end, sys.maxsize)),)
        result = t.call(operator.getitem, result, index)
    return result


def _depth_to_space(t: _Translation, node: Node) -> Any:
    if node.attributes.get("mode", "DCR") != "CRD":
        raise EngineError("the PyTorch engine knows DepthToSpace of the mode CRD only")
    return t.call(functional.pixel_shuffle, t.value(node, 0), node.attributes["blocksize"])


def _quantize(x: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor, axis: int) -> torch.Tensor:
    shape = [1] * x.ndim
    if scale.ndim:
        shape[axis] = -1
        scale, zero = scale.view(shape), zero.view(shape)
    limits = torch.iinfo(zero.dtype)
    return (x / scale).round().add(zero).clamp(limits.min, limits.max).to(zero.dtype)


def _dequantize(
    x: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor | None, axis: int
) -> torch.Tensor:
    shape = [1] * x.ndim
    if scale.ndim:
        shape[axis] = -1
        scale = scale.view(shape)
        zero = None if zero is None else zero.view(shape)
    wide = x.float()
    return (wide if zero is None else wide - zero.float()) * scale


def _quantized(function: Callable[..., Any]) -> Callable[[_Translation, Node], Any]:
    def translate(t: _Translation, node: Node) -> Any:
        axis = node.attributes.get("axis", 1)
        return t.call(function, t.value(node, 0), t.value(node, 1), t.optional(node, 2), axis)

    return translate


def _plain(function: Callable[..., Any]) -> Callable[[_Translation, Node], Any]:
    def translate(t: _Translation, node: Node) -> Any:
        return t.call(function, *(t.value(node, index) for index in range(len(node.inputs))))

    return translate


def _with(
    function: Callable[..., Any], names: Sequence[tuple[str, Any]]
) -> Callable[[_Translation, Node], Any]:
    def translate(t: _Translation, node: Node) -> Any:
        extra = [node.attributes.get(name, default) for name, default in names]
        return t.call(function, t.value(node, 0), *extra)

    return translate


TRANSLATIONS: dict[str, Callable[[_Translation, Node], Any]] = {
    "Add": _plain(operator.add), "Sub": _plain(operator.sub), "Mul": _plain(operator.mul),
    "Div": _plain(operator.truediv), "Pow": _plain(torch.pow), "Exp": _plain(torch.exp),
    "Log": _plain(torch.log), "Sqrt": _plain(torch.sqrt), "Neg": _plain(operator.neg),
    "Abs": _plain(torch.abs), "Relu": _plain(functional.relu), "Tanh": _plain(torch.tanh),
    "Sigmoid": _plain(torch.sigmoid), "PRelu": _plain(functional.prelu),
    "Identity": _plain(torch.Tensor.contiguous),
    "LeakyRelu": _with(functional.leaky_relu, [("alpha", 0.01)]),
    "Softmax": _with(torch.softmax, [("axis", -1)]),
    "GlobalAveragePool": lambda t, n: t.call(torch.mean, t.value(n, 0), [2, 3], True),
    "ReduceMean": _reduce(torch.mean), "ReduceSum": _reduce(torch.sum),
    "ReduceMax": _reduce(torch.amax), "Conv": _conv, "Gemm": _gemm, "Unsqueeze": _unsqueeze,
    "AveragePool": _average_pool, "MaxPool": _max_pool, "Resize": _resize, "Cast": _cast,
    "Clip": _clip, "Concat": _concat, "DepthToSpace": _depth_to_space,
    "Slice": _slice,
    "QuantizeLinear": _quantized(_quantize), "DequantizeLinear": _quantized(_dequantize),
}  # fmt: skip
