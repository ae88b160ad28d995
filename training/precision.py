"""How far shorter precisions are from fp32 in the colour of final pictures, and INT8 files.

    python -m training.precision fast.onnx          # measures fp16, bf16 into its metadata
    python -m training.precision fast.onnx --int8   # also writes fast.int8.onnx, measured
    python -m training.precision fast.fp16.onnx --against fast.onnx   # a file of a short type

Pictures are those of the evaluation set, grey made of their L*, coloured at full size; the error is
CIEDE2000 against the picture that fp32 gives (mean and 99.9th percentile over all pixels). Every
engine that computes in a precision is measured, and the worst counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from fastcolor import ops
from fastcolor._onnx import Graph, read
from fastcolor._onnx_write import encode
from fastcolor.colorizer import Colorizer
from fastcolor.engines import KINDS, problem_of
from fastcolor.engines._typed import without_storage_casts
from fastcolor.errors import FastcolorError
from fastcolor.models import MOST_COLOUR_ERROR, ModelSpec, load_spec
from training.digest import weights_digest
from training.evaluation.sets import locate, pictures

LONG_SIDE = 384
CALIBRATION_SHARDS = ("train-0000.tar",)
# In the order of preference: what computes in fp32 and fp16 on any CPU.
MEASURED_ON = {"fp16": ("torch",), "bf16": ("torch", "openvino")}
INT8_ON = ("onnxruntime", "openvino")
Array = Any


def greys(path: Path, limit: int) -> Iterator[Array]:
    """Grey photographs (h,w) uint8: the L* of colour pictures, encoded as neutral sRGB."""
    for picture in pictures(path, limit, LONG_SIDE):
        rgb = (picture.rgb.numpy().transpose(1, 2, 0) * 255).round().astype(np.uint8)
        lab = ops.rgb_to_lab(np.ascontiguousarray(rgb))
        lab[..., 1:] = 0
        yield np.ascontiguousarray(ops.lab_to_rgb(lab)[..., 0])


def colour_error(wanted: Sequence[Array], colorizer: Colorizer, lumas: Sequence[Array]) -> Any:
    """(mean, 99.9th percentile) of CIEDE2000 between ``wanted`` and what the colorizer makes."""
    maps = [
        ops.delta_e2000(ops.rgb_to_lab(a), ops.rgb_to_lab(colorizer.colorize(luma))).ravel()
        for a, luma in zip(wanted, lumas)
    ]
    every = np.concatenate(maps)
    return round(float(every.mean()), 4), round(float(np.percentile(every, 99.9)), 3)


def able(names: Sequence[str], precision: str) -> list[str]:
    """Those engines that are here and compute in the precision on this CPU."""
    return [
        name
        for name in names
        if problem_of(KINDS[name], "cpu") is None
        and (precision in ("int8", "fp16") or precision in KINDS[name].precisions("cpu"))
    ]


def measure(
    spec: ModelSpec, lumas: Sequence[Array], wanted: Sequence[Array], precision: str
) -> tuple[float, float] | None:
    """The worst colour error of the engines that are here; None where there are none."""
    worst: tuple[float, float] | None = None
    names = INT8_ON if precision == "int8" else MEASURED_ON[precision]
    for name in able(names, precision):
        engine = KINDS[name].open(spec, "cpu", precision, 0)
        with Colorizer(engine=engine) as colorizer:
            found = colour_error(wanted, colorizer, lumas)
        print(f"{spec.path.name} in {precision} by {name}: mean {found[0]}, 99.9% {found[1]}")
        worst = found if worst is None else max(worst, found)
    return worst


def reference(spec: ModelSpec, lumas: Sequence[Array]) -> list[Array]:
    with Colorizer(spec, engine="onnxruntime", precision="fp32") as colorizer:
        return [colorizer.colorize(luma) for luma in lumas]


def annotate(path: Path, **fields: str) -> None:
    """Changes metadata of a file, which is replaced whole."""
    model = onnx.load(path)
    said = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {**said, **fields})
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(model.SerializeToString())
    partial.replace(path)


def measure_into(path: Path, photos: Path, limit: int) -> dict[str, tuple[float, float]]:
    """Measures fp16 and bf16 of an fp32 file and writes them into its metadata."""
    spec = load_spec(path)
    lumas = list(greys(photos, limit))
    wanted = reference(spec, lumas)
    found = {p: measure(spec, lumas, wanted, p) for p in MEASURED_ON}
    errors = {precision: pair for precision, pair in found.items() if pair is not None}
    annotate(path, colour_errors=json.dumps(errors), colour_errors_on=f"{photos.stem}:{len(lumas)}")
    return errors


def measure_against(path: Path, base: Path, photos: Path, limit: int) -> dict[str, Any]:
    """Measures a file of a short type against the fp32 file that it was made of."""
    spec, exact = load_spec(path), load_spec(base)
    lumas = list(greys(photos, limit))
    found = measure(spec, lumas, reference(exact, lumas), spec.precision)
    if found is None:
        raise FastcolorError(f"no engine here runs {path} of {spec.precision}")
    annotate(
        path,
        colour_errors=json.dumps({spec.precision: found}),
        made_of=exact.weights_sha256,
        made_of_network=exact.network_sha256,
    )
    return {spec.precision: found}


def exact_tail(graph: Graph) -> list[str]:
    """Outputs of the nodes that INT8 leaves alone: the first convolution, and the head onwards.

    The input has one channel and the head decides among colours: both are cheap and sensitive.
    """
    convolutions = [n for n in graph.nodes if n.type == "Conv"]
    begin = next(
        (i for i, n in enumerate(graph.nodes) if n.type == "Cast" and i > 1), len(graph.nodes)
    )
    head = [n.outputs[0] for n in graph.nodes[begin:]]
    before = [n for n in convolutions if n.outputs[0] not in head]
    return [convolutions[0].outputs[0], before[-1].outputs[0], *head]


def quantize(source: Path, target: Path, lumas: Sequence[Array]) -> None:
    """An INT8 Q/DQ file, symmetric as TensorRT wants it, calibrated on these pictures."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    spec = load_spec(source)
    graph = without_storage_casts(read(source))
    with Colorizer(spec, engine="onnxruntime", precision="fp32") as colorizer:
        batches = [colorizer.prepare(luma) for luma in lumas]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(batches)

        def get_next(self) -> dict[str, Array] | None:
            batch = next(self.left, None)
            return None if batch is None else {spec.input: batch}

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, made = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        plain.write_bytes(encode(replace(graph, metadata={})))
        quantize_static(
            str(plain),
            str(made),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=exact_tail(graph),
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "DedicatedQDQPair": False,
                "CalibMovingAverage": True,
            },
        )
        model = onnx.load(made)
    said = dict(graph.metadata)
    said.pop("colour_errors", None)
    helper.set_model_props(
        model,
        {
            **said,
            "precision": "int8",
            "storage": "int8",
            "opset": str(
                next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
            ),
            "made_of": spec.weights_sha256,
            "made_of_network": spec.network_sha256,
            "weights_sha256": weights_digest(model),
        },
    )
    onnx.checker.check_model(model)
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(model.SerializeToString())
    partial.replace(target)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.precision", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("model", type=Path, help="an fp32 file of training.export")
    add("--photos", default="photos", help="named set, folder or tar to measure on")
    add("--limit", type=int, default=100, help="photographs to measure on")
    add("--int8", action="store_true", help="write MODEL.int8.onnx beside it")
    add("--against", type=Path, help="the fp32 file, where MODEL is fp16, bf16 or int8")
    add("--calibrate", default="", help="folder or tar to calibrate on; default: training shard")
    add("--calibrate-limit", type=int, default=128)
    options = parser.parse_args(arguments)
    try:
        photos = locate(options.photos)
        if options.against:
            errors = measure_against(options.model, options.against, photos, options.limit)
        else:
            errors = measure_into(options.model, photos, options.limit)
        if options.int8:
            shard = photos.parents[1] / "train" / CALIBRATION_SHARDS[0]
            calibration = Path(options.calibrate) if options.calibrate else shard
            target = options.model.with_suffix(".int8.onnx")
            quantize(options.model, target, list(greys(calibration, options.calibrate_limit)))
            errors |= measure_against(target, options.model, photos, options.limit)
    except (OSError, ValueError, FastcolorError) as error:
        print(f"{options.model}: {error}", file=sys.stderr)
        return 1
    for precision, (mean, tail) in errors.items():
        verdict = "offered" if mean <= MOST_COLOUR_ERROR else "not offered by auto"
        print(f"{precision}: mean CIEDE2000 {mean}, 99.9% {tail}: {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
