"""A float32 graph computing in fp16 or bf16: strongly typed, as TensorRT 11 wants networks.

Storage casts (a Cast of a weight) fall away. From the input on everything is of the short type
until the graph itself casts to float32, which is how networks mark what must stay exact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor._onnx import BFLOAT16, FLOAT, FLOAT16, Graph, Node, Tensor
from fastcolor._onnx_write import cast
from fastcolor.errors import ModelError

SHORT = {"fp16": FLOAT16, "bf16": BFLOAT16}
FLOATS = (FLOAT, FLOAT16, BFLOAT16)
# Inputs that stay as they are, whatever type the node computes in.
KEPT_INPUTS = {
    "Resize": (1, 2, 3), "Unsqueeze": (1,), "ReduceSum": (1,), "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
}  # fmt: skip


def bfloat16_bits(array: NDArray[Any]) -> NDArray[Any]:
    """float32 as the bits of bfloat16, to nearest even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded: NDArray[Any] = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return rounded


def floats(tensor: Tensor) -> NDArray[Any]:
    """A tensor of any floating type as float32."""
    if tensor.type == BFLOAT16:
        widened: NDArray[Any] = (tensor.array.astype(np.uint32) << 16).view(np.float32)
        return widened
    return tensor.array.astype(np.float32)


def retyped(tensor: Tensor, name: str, kind: int) -> Tensor:
    if tensor.type == kind:
        return replace(tensor, name=name)
    values = floats(tensor)
    if kind == BFLOAT16:
        return Tensor(name, kind, bfloat16_bits(values))
    with np.errstate(over="ignore"):
        array = values.astype(np.float32 if kind == FLOAT else np.float16)
    if not np.isfinite(array).all():
        raise ModelError(f"weight {tensor.name} does not fit fp16")
    return Tensor(name, kind, array)


def without_storage_casts(graph: Graph) -> Graph:
    """Weights behind a Cast to float32 take the place of its result, in float32."""
    tensors = dict(graph.tensors)
    nodes = []
    stored = set()
    for node in graph.nodes:
        if node.type == "Cast" and node.inputs[0] in graph.tensors:
            source = graph.tensors[node.inputs[0]]
            tensors[node.outputs[0]] = retyped(source, node.outputs[0], node.attributes["to"])
            stored.add(source.name)
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.inputs}
    kept = {name: t for name, t in tensors.items() if name in used or name not in stored}
    return replace(graph, nodes=tuple(nodes), tensors=kept)


def typed(graph: Graph, precision: str) -> Graph:
    """The graph between float32 ends, inside in ``precision``."""
    graph = without_storage_casts(graph)
    if precision == "fp32":
        return graph
    short = SHORT[precision]
    made = _Typing(graph, short)
    for node in graph.nodes:
        made.add(node)
    return made.finished()


class _Typing:
    """Walks the nodes in order; keeps the type of every floating value that the input reaches."""

    def __init__(self, graph: Graph, short: int) -> None:
        self.graph, self.short = graph, short
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.types: dict[str, int] = {}
        self.casts: dict[tuple[str, int], str] = {}
        self.renamed: dict[str, str] = {}
        for port in graph.inputs:
            inner = f"{port.name}:short"
            self.nodes.append(cast(port.name, inner, short))
            self.renamed[port.name] = inner
            self.types[inner] = short

    def add(self, node: Node) -> None:
        inputs = [self.renamed.get(name, name) for name in node.inputs]
        reached = [self.types[name] for name in inputs if name in self.types]
        if node.type == "Cast" and node.inputs[0] in self.renamed:  # of the input itself: no mark
            self.renamed[node.outputs[0]] = inputs[0]
            return
        if node.type == "Cast":
            if reached:
                self.types[node.outputs[0]] = node.attributes["to"]
            self._take(inputs)
            self.nodes.append(replace(node, inputs=tuple(inputs)))
            return
        if reached:
            kind = FLOAT if FLOAT in reached else self.short
            kept = KEPT_INPUTS.get(node.type, ())
            inputs = [
                name if index in kept else self._as(name, kind) for index, name in enumerate(inputs)
            ]
            self.types.update(dict.fromkeys(node.outputs, kind))
        self._take(inputs)
        self.nodes.append(replace(node, inputs=tuple(inputs)))

    def _take(self, inputs: list[str]) -> None:
        for name in inputs:
            if name in self.graph.tensors:
                self.tensors.setdefault(name, self.graph.tensors[name])

    def _as(self, name: str, kind: int) -> str:
        """The name under which a value is had as ``kind``."""
        weight = self.graph.tensors.get(name)
        if weight is not None:
            if weight.type not in FLOATS or weight.type == kind:
                return name
            target = f"{name}:{kind}"
            self.tensors.setdefault(target, retyped(weight, target, kind))
            return target
        constant = self._constant_type(name)
        if not name or self.types.get(name, constant) == kind:
            return name
        target = self.casts.get((name, kind), f"{name}:{kind}")
        if (name, kind) not in self.casts:
            self.casts[name, kind] = target
            self.nodes.append(cast(name, target, kind))
        self.types[target] = kind
        return target

    def _constant_type(self, name: str) -> int:
        """Values that only weights reach are what they were: float32, where they are floating."""
        for node in self.graph.nodes:
            if name in node.outputs and node.type == "Constant":
                value = node.attributes.get("value")
                return value.type if isinstance(value, Tensor) else FLOAT
        return FLOAT

    def finished(self) -> Graph:
        for port in self.graph.outputs:
            if self.types.get(port.name) == self.short:
                inner = f"{port.name}:short"
                self.nodes = [
                    replace(
                        node,
                        inputs=tuple(inner if n == port.name else n for n in node.inputs),
                        outputs=tuple(inner if n == port.name else n for n in node.outputs),
                    )
                    for node in self.nodes
                ]
                self.nodes.append(cast(inner, port.name, FLOAT))
        return replace(self.graph, nodes=tuple(self.nodes), tensors=self.tensors)
