"""Models of other people: finds out what a network is, and writes the metadata that it needs.

The network takes luma (N,1,h,w) float32 as L*/50 - 1 and gives a, b (N,2,h/k,w/k) in units of 110,
for any N, h and w, or for all that are multiples of some step; what it wants otherwise belongs into
its graph. Step and k are found by running it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastcolor import _onnx, ops
from fastcolor._onnx import FLOAT16, Graph
from fastcolor._onnx_write import with_metadata
from fastcolor.engines import ort
from fastcolor.errors import MissingDependencyError, ModelError
from fastcolor.models import INPUT_SCALING, OUTPUT_SCALING, ModelSpec, check_ports, load_spec

STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
SMALLEST = 64  # pixels: the least side that is tried
LARGEST_ANSWER = 2.0  # 220 Lab units; real colours stay within 1.2


def describe(
    source: Path,
    target: Path,
    name: str = "",
    working_size: int = 256,
    saturation: float = 1.0,
    licence: str = "unknown",
    card: str = "",
) -> ModelSpec:
    """Writes ``source``, a colouriser, with metadata as ``target``, and gives its spec."""
    content = _onnx.load(source)
    graph = _onnx.read(source, content)
    check_ports(source, graph, 2)
    step, divisor = _sizes(source, content, graph)
    precision, storage = _precisions(graph)
    said = {
        "format": 1,
        "name": name or source.stem,
        "kind": "colorizer",
        "input": graph.inputs[0].name,
        "input_scaling": INPUT_SCALING["colorizer"],
        "output": graph.outputs[0].name,
        "output_scaling": OUTPUT_SCALING["colorizer"],
        "working_size": working_size,
        "multiple_of": step,
        "chroma_divisor": divisor,
        "scale": 1,
        "receptive_field": 0,
        "tiling": "whole",
        "tile_overlap": 0,
        "saturation": saturation,
        "precision": precision,
        "storage": storage,
        "opset": graph.opset,
        "parameters": max(1, sum(t.array.size for t in graph.tensors.values())),
        "licence": licence,
        "card": card,
        "weights_sha256": graph.weights_sha256(),
    }
    fields = {key: str(value) for key, value in said.items()}
    partial = target.with_name(f".{target.name}.part")
    try:
        partial.write_bytes(with_metadata(content, fields))
        load_spec(partial)
        partial.replace(target)
    except ModelError as error:
        raise ModelError(str(error).replace(str(partial), str(source))) from error
    finally:
        partial.unlink(missing_ok=True)
    return load_spec(target)


def _precisions(graph: Graph) -> tuple[str, str]:
    """(of the arithmetic, of the weights)."""
    if any(node.type == "QuantizeLinear" for node in graph.nodes):
        return "int8", "int8"
    weights = graph.tensors
    for node in graph.nodes:
        if node.type == "Cast" and node.attributes["to"] == FLOAT16:
            return "fp16", "fp16"
    return "fp32", "fp16" if any(t.type == FLOAT16 for t in weights.values()) else "fp32"


def _sizes(source: Path, content: bytes, graph: Graph) -> tuple[int, int]:
    """(step, divisor) of the sizes that the network takes and gives."""
    problem = ort.available()
    if problem is not None:
        raise MissingDependencyError(f"ONNX Runtime is needed: {problem}")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class
        raise ModelError(f"{source}: ONNX Runtime cannot open it: {error}") from error
    why = ""
    for step in STEPS:
        first = -(-SMALLEST // step)
        shapes = [(2, first + 1, first + 2), (1, first + 3, first + 1), (1, first, first)]
        divisors: set[int | None] = set()
        for n, rows, columns in shapes:
            luma = _luma(n, rows * step, columns * step)
            try:
                answer = session.run(None, {graph.inputs[0].name: luma})[0]
            except Exception as error:
                why = " ".join(str(error).split())[-200:]
                divisors.add(None)
                break
            divisors.add(_divisor(source, luma.shape, answer))
        if len(divisors) == 1 and None not in divisors:
            return step, divisors.pop() or 1
    raise ModelError(
        f"{source} answers no multiples of {STEPS[-1]} with (N,2,h/k,w/k)" + (why and f": {why}")
    )


def _divisor(source: Path, given: tuple[int, ...], answer: Any) -> int | None:
    """The k of an answer (N,2,h/k,w/k); None where there is none for this size."""
    if answer.ndim != 4 or answer.shape[:2] != (given[0], 2):
        raise ModelError(f"{source} answers {given} with {answer.shape}, not (N,2,h/k,w/k)")
    if not np.isfinite(answer).all():
        raise ModelError(f"{source} gives NaN or infinity for a photograph")
    largest = float(np.abs(answer).max())
    if largest > LARGEST_ANSWER:
        raise ModelError(
            f"{source} gives numbers up to {largest:.3g}: a and b are wanted in units of 110, "
            "so divide them in the graph"
        )
    height, width = answer.shape[2:]
    divisor = given[2] // max(1, height)
    fits = (height * divisor, width * divisor) == given[2:]
    return divisor if fits and divisor else None


def _luma(count: int, height: int, width: int) -> Any:
    """A lightness as smooth as that of photographs, L*/50 - 1."""
    row, column = np.arange(height)[:, None], np.arange(width)
    grey = 128 + 60 * np.sin(row / 17) * np.cos(column / 23) + 50 * np.sin((row + column) / 9)
    one = ops.prepare(np.clip(grey, 0, 255).astype(np.uint8), min(height, width), 1)
    return np.ascontiguousarray(np.repeat(one[:, :, :height, :width], count, 0))
