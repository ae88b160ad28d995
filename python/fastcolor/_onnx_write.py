"""Writes what _onnx reads, for graphs that were changed on the way to an engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fastcolor._onnx import BYTES, VARINT, Graph, Node, Port, Tensor, fields

IR_VERSION = 8
METADATA = 14  # the field of a model


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)
    return bytes(result)


def number_field(number: int, value: int) -> bytes:
    return varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, value: bytes | memoryview) -> bytes:
    return b"".join((varint(number << 3 | BYTES), varint(len(value)), value))


def text_field(number: int, value: str) -> bytes:
    return bytes_field(number, value.encode())


def cast(source: str, target: str, kind: int) -> Node:
    """A Cast node to ``kind``."""
    attribute = text_field(1, "to") + number_field(3, kind) + number_field(20, 2)
    return Node("Cast", (source,), (target,), {"to": kind}, (attribute,))


def with_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """An ONNX file with this metadata and no other; everything else stays bit for bit."""
    parts = []
    for number, wire, value in fields(memoryview(content)):
        if number == METADATA:
            continue
        if wire == VARINT:
            parts.append(number_field(number, value))
        elif wire == BYTES:
            parts.append(bytes_field(number, value))
        else:
            parts.append(varint(number << 3 | wire) + bytes(value))
    entries = (text_field(1, key) + text_field(2, value) for key, value in metadata.items())
    return b"".join([*parts, *(bytes_field(METADATA, entry) for entry in entries)])


def _node(node: Node) -> bytes:
    domain, _, kind = node.type.rpartition(".")
    parts = [text_field(1, name) for name in node.inputs]
    parts += [text_field(2, name) for name in node.outputs]
    parts += [text_field(3, node.outputs[0]), text_field(4, kind)]
    parts += [bytes_field(5, attribute) for attribute in node.encoded_attributes]
    if domain:
        parts.append(text_field(7, domain))
    return b"".join(parts)


def _tensor(tensor: Tensor) -> bytes:
    dims = b"".join(number_field(1, side) for side in tensor.array.shape)
    content = np.ascontiguousarray(tensor.array).tobytes()
    return (
        dims + number_field(2, tensor.type) + text_field(8, tensor.name) + bytes_field(9, content)
    )


def _port(port: Port) -> bytes:
    sides = []
    for index, side in enumerate(port.shape):
        free = text_field(2, f"{port.name}_{index}")
        sides.append(bytes_field(1, free if side is None else number_field(1, side)))
    kind = number_field(1, port.type) + bytes_field(2, b"".join(sides))
    return text_field(1, port.name) + bytes_field(2, bytes_field(1, kind))


def encode(graph: Graph) -> bytes:
    """The graph as the bytes of an ONNX file."""
    parts = [bytes_field(1, _node(node)) for node in graph.nodes]
    parts.append(text_field(2, "fastcolor"))
    parts += [bytes_field(5, _tensor(tensor)) for tensor in graph.tensors.values()]
    parts += [bytes_field(11, _port(port)) for port in graph.inputs]
    parts += [bytes_field(12, _port(port)) for port in graph.outputs]
    opset = text_field(1, "") + number_field(2, graph.opset)
    content = [
        number_field(1, IR_VERSION),
        bytes_field(7, b"".join(parts)),
        bytes_field(8, opset),
    ]
    return with_metadata(b"".join(content), graph.metadata)
