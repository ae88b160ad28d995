"""A checkpoint as one ONNX file that describes itself.

    python -m training.export CHECKPOINT -o model.onnx --precision fp32|fp16|bf16

Batch and size are dynamic; input and output are float32. ``--precision`` is that of the
arithmetic, as strongly typed engines want it. ``--storage`` is that of the weights in
the file: a cast in front of each use brings them back, which engines fold when they
load. The file is compared with PyTorch in float32 on three sizes before it takes its name:
as ONNX Runtime computes it or, since that has no bfloat16 on CPUs, ONNX's own evaluator,
which takes seconds to minutes.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx.version_converter
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training import checkpoint
from training.digest import weights_digest
from training.models import build

OPSET = 17
BF16_OPSET = 22  # the first whose convolution takes bfloat16
FORMAT = 1  # of the metadata below
OUTPUTS = {"colorizer": "ab", "upscaler": "luma", "restorer": "rgb"}
INPUT_SCALING = {
    "colorizer": "L*/50-1",
    "upscaler": "encoded grey in [0,1]",
    "restorer": "encoded grey in [0,1]",
}
TYPES = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
TOLERANCE = {"fp32": 1e-4, "fp16": 0.01, "bf16": 0.08}  # in output units
NUMPY = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}
SMALLEST_CONVERTED = 512  # biases and scales stay float32: they cost nothing
SIZES = ((1, 2, 3), (2, 3, 2), (1, 5, 4))  # batch, height and width in multiples


@dataclass(frozen=True)
class Card:
    """What the file says beyond the checkpoint."""

    licence: str = "Apache-2.0"
    card: str = ""
    saturation: float = 1.0
    attributes: dict[str, float] = field(default_factory=dict)


class ExportError(RuntimeError):
    """The file does not answer as the network does."""


class _Traced(nn.Module):
    """The network between float32 ends, inside in the compute precision."""

    def __init__(self, network: nn.Module, compute: torch.dtype) -> None:
        super().__init__()
        self.network, self.compute = network.to(compute), compute

    def forward(self, luma: Tensor) -> Tensor:
        return self.network(luma.to(self.compute)).float()


def load_network(path: Path, attributes: dict[str, float]) -> tuple[nn.Module, dict[str, Any]]:
    """The averaged network of a checkpoint, with ``attributes`` set on it, and the checkpoint."""
    state = checkpoint.load(path)
    described = dict(state["model"])
    try:
        network = build(described.pop("name"), **described)
        network.load_state_dict(state["average"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path}: its weights are not of a network known here") from error
    for name, value in attributes.items():
        if not hasattr(network, name):
            raise ValueError(f"{path}: its network has no {name!r}")
        setattr(network, name, value)
    return network.eval(), state


def numbers(pairs: Sequence[str]) -> dict[str, float]:
    """What --set gives, each as KEY=NUMBER."""
    found = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        try:
            found[key] = float(value)
        except ValueError:
            raise ValueError(f"--set {pair}: not KEY=NUMBER") from None
    return found


def _trace(network: nn.Module, output: str, multiple: int, compute: torch.dtype) -> onnx.ModelProto:
    stream = io.BytesIO()
    name = output if output != "luma" else "luma_out"
    axes = {
        "luma": {0: "n", 2: "height", 3: "width"},
        name: {0: "n", 2: f"{output}_height", 3: f"{output}_width"},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's notes on constant shapes
        torch.onnx.export(
            _Traced(network, compute),
            (torch.zeros(1, 1, 2 * multiple, 3 * multiple),),
            stream,
            dynamo=False,
            opset_version=OPSET,
            input_names=["luma"],
            output_names=[name],
            dynamic_axes=axes,
        )
    return onnx.load_from_string(stream.getvalue())


def store_weights(model: onnx.ModelProto, precision: str) -> None:
    """Turn large float32 initialisers into ``precision`` behind a cast, in place."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST_CONVERTED:
            continue
        name = tensor.name
        small = values.astype(NUMPY[precision])
        if not np.isfinite(small.astype(np.float32)).all():
            raise ExportError(f"{name} does not fit {precision}")
        stored = helper.make_tensor(
            f"{name}.{precision}", TYPES[precision], values.shape, small.tobytes(), raw=True
        )
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
        tensor.CopyFrom(stored)
    for number, node in enumerate(casts):
        model.graph.node.insert(number, node)


def metadata(
    network: nn.Module, state: dict[str, Any], card: Card, precision: str, storage: str, digest: str
) -> dict[str, str]:
    """The keys that the engine reads, all as text; a list or number is JSON."""
    kind = state["recipe"]["kind"]
    whole = kind == "colorizer"
    reach = int(getattr(network, "receptive_field", 0))
    text = {
        "format": FORMAT,
        "name": state["recipe"]["name"],
        "kind": kind,
        "input": "luma",
        "input_scaling": INPUT_SCALING[kind],
        "output": OUTPUTS[kind],
        "output_scaling": "ab/110" if whole else "encoded in [0,1]",
        "working_size": int(getattr(network, "working_size", 256)) if whole else 0,
        "multiple_of": int(getattr(network, "multiple_of", 1)),
        "chroma_divisor": int(getattr(network, "chroma_divisor", 1)),
        "scale": int(getattr(network, "scale", 1)),
        "receptive_field": reach,
        "tiling": "whole" if whole else "tiles",
        "tile_overlap": 0 if whole else max(8, reach // 2),
        "saturation": card.saturation,
        "precision": precision,
        "storage": storage,
        "parameters": sum(p.numel() for p in network.parameters()),
        "licence": card.licence,
        "card": card.card,
        "recipe_sha256": state["recipe"]["sha256"],
        "steps": state["step"],
        "training_seconds": round(state["seconds"]),
        "attributes": json.dumps(card.attributes, sort_keys=True),
        "weights_sha256": digest,
    }
    return {key: str(value) for key, value in text.items()}


def _session(model: onnx.ModelProto, precision: str) -> Any:
    """What runs the model in the precision of its arithmetic on this CPU."""
    if precision == "bf16":
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(model)
    import onnxruntime

    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@torch.inference_mode()
def largest_difference(
    model: onnx.ModelProto, network: nn.Module, multiple: int, precision: str = "fp32"
) -> float:
    """Largest |model - PyTorch float32| over three sizes and random pictures, or NaN."""
    session = _session(model, precision)
    differences = []
    rng = torch.Generator().manual_seed(0)
    for batch, rows, columns in SIZES:
        small = torch.rand(batch, 1, rows * 4, columns * 4, generator=rng) * 2 - 1
        size = (rows * multiple, columns * multiple)
        luma = nn.functional.interpolate(small, size, mode="bicubic").clamp(-1, 1)
        answer = session.run(None, {"luma": luma.numpy()})[0]
        differences.append(np.abs(answer - network(luma).numpy()).max())
    return float(np.max(differences))  # unlike max(), NaN where one is NaN


def export(
    source: Path,
    target: Path,
    precision: str = "fp32",
    storage: str = "",
    card: Card | None = None,
) -> float:
    """Write ``target`` and return its largest difference from PyTorch, in output units.

    ``storage`` may differ from ``precision`` only where that is fp32.
    """
    card, storage = card or Card(), storage or precision
    if precision != "fp32" and storage != precision:
        raise ValueError(f"{precision} arithmetic stores its weights as {precision}")
    network, state = load_network(source, card.attributes)
    multiple = int(getattr(network, "multiple_of", 1))
    step = max(multiple, 16)
    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    model = _trace(network, OUTPUTS[state["recipe"]["kind"]], step, dtype)
    if precision == "bf16":
        model = onnx.version_converter.convert_version(model, BF16_OPSET)
    if storage != precision:
        store_weights(model, storage)
    fields = metadata(network.float(), state, card, precision, storage, weights_digest(model))
    fields["opset"] = str(model.opset_import[0].version)
    helper.set_model_props(model, fields)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"in {precision} it is no valid graph: {error}") from error
    reference, _ = load_network(source, card.attributes)
    worst = largest_difference(model, reference, step, precision)
    allowed = TOLERANCE[storage]
    if np.isnan(worst):
        raise ExportError(f"its answers in {precision} are not numbers")
    if not worst <= allowed:
        raise ExportError(f"differs from PyTorch by {worst:.2g}, more than {allowed:.2g}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(model.SerializeToString())
    partial.replace(target)
    return worst


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.export", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("checkpoint", type=Path)
    add("-o", "--output", type=Path, required=True)
    add("--precision", choices=("fp32", "fp16", "bf16"), default="fp32", help="of the arithmetic")
    add("--storage", choices=("fp32", "fp16", "bf16"), default="", help="of the weights")
    add("--saturation", type=float, default=1.0, help="default factor on a, b, for the engine")
    add("--set", action="append", default=[], metavar="KEY=NUMBER", help="attribute of the network")
    add("--licence", default=Card.licence)
    add("--card", default="", help="name of the model card beside the file")
    add("--photos", default="", help="measure colour errors on this set (see training.precision)")
    add("--against", type=Path, help="the fp32 file to measure a shorter precision against")
    options = parser.parse_args(arguments)
    try:
        card = Card(options.licence, options.card, options.saturation, numbers(options.set))
        worst = export(options.checkpoint, options.output, options.precision, options.storage, card)
    except (OSError, ValueError, ExportError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    size = options.output.stat().st_size
    by = "ONNX's own evaluator" if options.precision == "bf16" else "ONNX Runtime"
    print(f"{options.output}: {size:,} bytes")
    print(f"on three sizes {by} is at most {worst:.2g} from PyTorch in float32")
    if not options.photos:
        return 0
    from training import precision

    against = ["--against", str(options.against)] if options.against else []
    return precision.main([str(options.output), "--photos", options.photos, *against])


if __name__ == "__main__":
    sys.exit(main())
