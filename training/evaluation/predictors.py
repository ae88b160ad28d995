"""Anything that turns the lightness of a picture into its chroma, under one interface.

`Predictor.predict(lightness)` takes L* (1, h, w) of the full picture and returns a
`Prediction`: chroma at full size and, where the network makes whole pictures (a restorer),
its own RGB too. Aspect ratio is kept: the short side goes to the working size, padded by
reflection to the multiple the network needs, and cropped after.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..color import AB_UNIT, lightness_to_grey, rgb_to_lab
from .upsample import to_full

MEAN_COLOUR = Path(__file__).with_name("mean_colour.json")


@dataclass(frozen=True)
class Prediction:
    ab: Tensor
    """(2, h, w), a and b at the picture's size."""
    rgb: Tensor | None = None
    """(3, h', w') of a restorer at its own size."""
    small: Tensor | None = None
    """(2, h', w'), the chroma before it was enlarged, cropped to whole pixels."""


class Predictor(Protocol):
    name: str
    parameters: int

    def predict(self, lightness: Tensor) -> Prediction: ...

    def milliseconds(self) -> float | None: ...


class Grey:
    """The do-nothing baseline."""

    name = "grey"
    parameters = 0

    def predict(self, lightness: Tensor) -> Prediction:
        return Prediction(torch.zeros(2, *lightness.shape[1:]))

    def milliseconds(self) -> float | None:
        return None


class MeanColour:
    """Every L* gets the mean a, b that training pictures have at that L*."""

    name = "mean colour per level"
    parameters = 202

    def __init__(self, table: Path = MEAN_COLOUR) -> None:
        levels = json.loads(table.read_text())["ab_per_lightness"]
        self._ab = torch.tensor(levels, dtype=torch.float32).T

    def predict(self, lightness: Tensor) -> Prediction:
        return Prediction(self._ab[:, lightness[0].round().long().clamp(0, 100)])

    def milliseconds(self) -> float | None:
        return None


@dataclass
class Network:
    """A trained network behind a function (1, 1, h, w) -> array; timing is of that call."""

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    kind: str = "colorizer"
    working_size: int = 256
    multiple: int = 32
    parameters: int = 0
    saturation: float = 1.0
    upsample: str = "guided"
    attributes: Mapping[str, float] = field(default_factory=dict)
    """Those that were set on it for this evaluation."""
    stated: Mapping[str, float] = field(default_factory=dict)
    """Its own saturation and working size, where a field above may differ."""
    _times: list[float] = field(default_factory=list)

    def predict(self, lightness: Tensor) -> Prediction:
        height, width = lightness.shape[1:]
        scale = self.working_size / min(height, width)
        small_h, small_w = max(1, round(height * scale)), max(1, round(width * scale))
        size = (small_h, small_w)
        small = F.interpolate(lightness[None], size, mode="bilinear", antialias=True)
        small = _reflect(
            small.clamp(0, 100), _up(small_h, self.multiple), _up(small_w, self.multiple)
        )
        out = self._call(small / 50 - 1 if self.kind == "colorizer" else lightness_to_grey(small))
        step = small.shape[-1] / out.shape[-1]
        rows, columns = round(small_h / step), round(small_w / step)
        own = out[0, :, :rows, :columns].clamp(0, 1) if self.kind != "colorizer" else None
        ab = out * AB_UNIT if own is None else rgb_to_lab(out.clamp(0, 1))[:, 1:]
        by = (step * height / small_h, step * width / small_w)
        full = to_full(ab, small, lightness, by, self.upsample)
        return Prediction(full, own, ab[0, :, :rows, :columns])

    def _call(self, luma: Tensor) -> Tensor:
        array = np.ascontiguousarray(luma.numpy())
        start = time.perf_counter()
        out = self.run(array)
        self._times.append(time.perf_counter() - start)
        return torch.from_numpy(np.asarray(out, dtype=np.float32))

    def milliseconds(self) -> float | None:
        return 1000 * median(self._times) if self._times else None


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _reflect(x: Tensor, height: int, width: int) -> Tensor:
    """Grow to (height, width) at the bottom and right by reflection, however far."""
    for axis, size in ((-2, height), (-1, width)):
        length = x.shape[axis]
        period = max(2 * length - 2, 1)
        index = torch.arange(size) % period
        index = torch.where(index < length, index, period - index)
        x = x.index_select(axis, index)
    return x


def from_onnx(path: Path, name: str, size: int = 0, threads: int = 0) -> Network:
    """An exported file; what it says about itself in its metadata is followed.

    ValueError where it cannot be run.
    """
    import onnx
    import onnxruntime as ort

    options = ort.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the classes of ONNX Runtime have no public base
        raise ValueError(
            f"{path}: ONNX Runtime cannot open it: {str(error).splitlines()[0]}"
        ) from error
    meta = dict(session.get_modelmeta().custom_metadata_map)
    graph_input = session.get_inputs()[0]

    def run(array: np.ndarray) -> np.ndarray:
        return session.run(None, {graph_input.name: array})[0]

    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    initialisers = onnx.load(str(path)).graph.initializer
    count = sum(int(np.prod(t.dims)) for t in initialisers if t.data_type in floats)
    stated = {
        "saturation": float(meta.get("saturation", 1.0)),
        "working_size": int(meta.get("working_size", 0)) or 256,
    }
    return Network(
        name=name,
        run=run,
        kind=meta.get("kind", "colorizer"),
        working_size=size or stated["working_size"],
        multiple=int(meta.get("multiple_of", 32)),
        parameters=int(meta.get("parameters", count)),
        saturation=stated["saturation"],
        stated=stated,
    )
