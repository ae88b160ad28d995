"""Reads ONNX files without the onnx package: metadata, weights and graph.

A model is looked at far more often than it is run (listing engines, cache keys, `doctor`), so this
reads the protobuf wire format itself: no session, no dependency, and a damaged file is named before
a library prints pages about it. Tensors are views of the file's bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor.errors import ModelError

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE, BFLOAT16 = 1, 2, 3, 6, 7, 9, 10, 11, 16
TYPES: dict[int, Any] = {
    FLOAT: np.float32,
    UINT8: np.uint8,
    INT8: np.int8,
    INT32: np.int32,
    INT64: np.int64,
    BOOL: np.bool_,
    FLOAT16: np.float16,
    DOUBLE: np.float64,
    BFLOAT16: np.uint16,  # NumPy has no such type: its bits
}
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = Any  # int for VARINT, memoryview for the others


class _BrokenError(Exception):
    """The bytes are no protobuf message, or end too early."""


class _ExternalError(Exception):
    """Weights are kept outside of the file."""


@dataclass(frozen=True)
class Tensor:
    name: str
    type: int  # of TYPES
    array: NDArray[Any]


@dataclass(frozen=True)
class Node:
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    encoded_attributes: tuple[bytes, ...] = field(default=(), repr=False)  # as in the file


@dataclass(frozen=True)
class Port:
    """An input or output; None stands for a side that is free."""

    name: str
    type: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Graph:
    opset: int
    metadata: dict[str, str]
    nodes: tuple[Node, ...]
    tensors: dict[str, Tensor]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    network_sha256: str = ""  # over nodes, weights and opset as the file has them; not metadata

    def weights_sha256(self) -> str:
        """Over names and bytes of all weights, in order of name."""
        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.tensors[name].array).data)
        return digest.hexdigest()

    def not_finite(self) -> str | None:
        """The name of a weight that holds NaN or infinity."""
        for name, tensor in self.tensors.items():
            if tensor.type == BFLOAT16 or tensor.type == FLOAT16:
                exponent = 0x7F80 if tensor.type == BFLOAT16 else 0x7C00
                bits = tensor.array.view(np.uint16)
                if bits.size and int((bits & exponent).max()) == exponent:
                    return name
            elif tensor.type in (FLOAT, DOUBLE) and not np.isfinite(tensor.array).all():
                return name
        return None


def load(path: Path) -> bytes:
    """The bytes of a file; ModelError where there are none."""
    try:
        if not (path.is_file() or path.is_dir()) and path.exists():  # a pipe would wait for ever
            raise ModelError(f"{path} is no regular file")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"there is no model file {path}") from error
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder, not a model file") from error
    if not content:
        raise ModelError(f"{path} is empty")
    return content


def read(path: Path, content: bytes | None = None) -> Graph:
    """The model in ``path``, or that was read from there; ModelError says what is wrong with it."""
    content = load(path) if content is None else content
    try:
        return _model(memoryview(content))
    except _ExternalError as error:
        raise ModelError(
            f"{path}: {error}; a model is one file here: "
            "onnx.save(onnx.load(path), new_path) writes it as one"
        ) from error
    except (_BrokenError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise ModelError(f"{path} is damaged or no ONNX file: {error}") from error


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number at ``at``, and the place behind it."""
    result = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _BrokenError("it ends in the middle of a number")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def fields(data: memoryview) -> Iterator[tuple[int, int, Value]]:
    """(number, wire type, value) of a message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise _BrokenError("a field has the number 0")
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, at = varint(data, at)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise _BrokenError(f"field {number} has the unknown wire type {wire}")
        if at + length > len(data):
            raise _BrokenError(f"{at + length - len(data)} bytes are missing")
        yield number, wire, data[at : at + length]
        at += length


def _message(wire: int, value: Value, what: str) -> memoryview:
    if wire != BYTES:
        raise _BrokenError(f"{what} has the wrong form")
    view: memoryview = value
    return view


def _text(value: Value) -> str:
    if not isinstance(value, memoryview):
        raise _BrokenError("a text has the wrong form")
    return str(value, "utf-8")


def _signed(value: Value) -> int:
    if not isinstance(value, int):
        raise _BrokenError("a number has the wrong form")
    return value - (1 << 64) if value >> 63 else value


def _repeated(wire: int, value: Value) -> list[int]:
    """A repeated integer: one, or packed."""
    if wire == VARINT:
        return [_signed(value)]
    numbers, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        numbers.append(_signed(number))
    return numbers


def _model(data: memoryview) -> Graph:
    opset, metadata, graph = 0, {}, None
    for number, wire, value in fields(data):
        if number == 7:
            graph = _message(wire, value, "the graph")
        elif number == 8:
            parts = {n: v for n, _, v in fields(_message(wire, value, "the opset"))}
            if _text(parts.get(1, memoryview(b""))) in ("", "ai.onnx"):
                opset = _signed(parts.get(2, 0))
        elif number == 14:
            pair = {n: _text(v) for n, _, v in fields(_message(wire, value, "the metadata"))}
            metadata[pair.get(1, "")] = pair.get(2, "")
    if graph is None:
        raise _BrokenError("it holds no graph")
    digest = hashlib.sha256(str(opset).encode())
    digest.update(graph)
    nodes: list[Node] = []
    tensors: dict[str, Tensor] = {}
    inputs: list[Port] = []
    outputs: list[Port] = []
    for number, wire, value in fields(graph):
        if number == 1:
            nodes.append(_node(_message(wire, value, "a node")))
        elif number == 5:
            tensor = _tensor(_message(wire, value, "a tensor"))
            tensors[tensor.name] = tensor
        elif number in (11, 12):
            (inputs if number == 11 else outputs).append(_port(_message(wire, value, "an input")))
        elif number == 15:
            raise _BrokenError("it holds sparse weights")
    return Graph(
        opset,
        metadata,
        tuple(nodes),
        tensors,
        tuple(port for port in inputs if port.name not in tensors),
        tuple(outputs),
        digest.hexdigest(),
    )


def _node(data: memoryview) -> Node:
    kind, inputs, outputs, attributes, encoded = "", [], [], {}, []
    for number, wire, value in fields(data):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            kind = _text(value)
        elif number == 5:
            name, content = _attribute(_message(wire, value, "an attribute"))
            attributes[name] = content
            encoded.append(bytes(value))
        elif number == 7 and _text(value) not in ("", "ai.onnx"):
            kind = f"{_text(value)}.{kind}"
    return Node(kind, tuple(inputs), tuple(outputs), attributes, tuple(encoded))


def _attribute(data: memoryview) -> tuple[str, Any]:
    name = ""
    found: Any = None
    many: list[Any] = []
    for number, wire, value in fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            found = float(np.frombuffer(value, "<f4")[0])
        elif number == 3:
            found = _signed(value)
        elif number == 4:
            found = _text(value)
        elif number == 5:
            found = _tensor(_message(wire, value, "a tensor"))
        elif number == 7:
            many += np.frombuffer(value, "<f4").tolist()
        elif number == 8:
            many += _repeated(wire, value)
        elif number == 9:
            many.append(_text(value))
    return name, many if found is None else found


def _tensor(data: memoryview) -> Tensor:
    name, kind = "", 0
    dims: list[int] = []
    raw: Any = None
    numbers: list[int] = []
    floats: list[NDArray[Any]] = []
    for number, wire, value in fields(data):
        if number == 1:
            dims += _repeated(wire, value)
        elif number == 2:
            kind = _signed(value)
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = _message(wire, value, "a tensor")
        elif number in (4, 10):
            floats.append(np.frombuffer(value, "<f4" if number == 4 else "<f8"))
        elif number in (5, 7, 11):
            numbers += _repeated(wire, value)
        elif number == 14 and value == 1:
            raise _ExternalError(f"its weight {name} lies in another file")
    if kind not in TYPES:
        raise _BrokenError(f"the weight {name} has the unknown type {kind}")
    dtype = np.dtype(TYPES[kind])
    if raw is not None:
        array = np.frombuffer(raw, dtype)
    elif floats:
        array = np.concatenate(floats).astype(dtype)
    elif dtype == np.float16:  # ONNX keeps the bits of half floats in its integers
        array = np.array(numbers, np.uint16).view(np.float16)
    else:
        array = np.array(numbers, dtype)
    if min(dims, default=0) < 0 or array.size != int(np.prod(dims, dtype=object)):
        raise _BrokenError(f"the weight {name} has {array.size} values for the shape {dims}")
    return Tensor(name, kind, array.reshape(dims))


def _port(data: memoryview) -> Port:
    name, kind = "", 0
    shape: list[int | None] = []
    for number, wire, value in fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for n, w, tensor in fields(_message(wire, value, "a type")):
                if n != 1:
                    continue
                for part, _, content in fields(_message(w, tensor, "a type")):
                    if part == 1:
                        kind = _signed(content)
                    elif part == 2:
                        shape = [_side(side) for d, _, side in fields(content) if d == 1]
    return Port(name, kind, tuple(shape))


def _side(data: memoryview) -> int | None:
    return next((_signed(value) for number, _, value in fields(data) if number == 1), None)
