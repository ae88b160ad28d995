"""Colorizer: prepare, engine and merge tied together for pictures."""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastcolor import ops
from fastcolor._arrays import Array, Images, adopt, dtype_of, is_cuda, shape_of
from fastcolor._staging import Staging, joined
from fastcolor.engines import Engine, open_engine
from fastcolor.errors import EngineError, ModelError, OutOfMemoryError, PictureError
from fastcolor.models import ModelSpec, load_spec
from fastcolor.ops._common import choice, whole
from fastcolor.ops._merge import CHROMAS

AB_UNIT = 110.0  # what the output of a colouriser is in
MOST_PER_BATCH = 32
LONGEST_STRIP = 16  # times the working size: no long side of a network's input is more
MOST_ASPECT = 1 << 16  # long side over short: beyond it even an input of one pixel's height is huge
LARGEST_SIZE = 1 << 14
MOST_SATURATION = 100


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _check_opened(
    engine: Engine, model: str | Path | ModelSpec, device: str, precision: str, threads: int
) -> None:
    """What was said beside an opened engine must be what it is: it cannot be changed any more."""
    for name, value, is_ in (
        ("device", device, engine.device),
        ("precision", precision, engine.precision),
    ):
        if value not in ("auto", is_):
            raise ValueError(f"{name} is {value!r}, but the opened engine has {is_!r}")
    if threads:
        raise ValueError("threads must be given to open_engine where the engine is opened before")
    if model != "fast" and load_spec(model).network_sha256 != engine.spec.network_sha256:
        raise ValueError(f"model is {model}, but the opened engine runs {engine.spec.path}")


class BatchWarning(RuntimeWarning):
    """A batch was halved because the device has too little memory."""


class Colorizer:
    """Colour for grey pictures. May be shared among threads; close() frees the engine.

    ``size`` is the short side that the network sees (None: the model's own; 0: the picture's),
    ``saturation`` the factor on a, b (None: the model's own), ``chroma`` how colour reaches full
    resolution (see ops.merge_rgb). ``engine`` is a name, or an opened engine that this closes.

    NumPy in, NumPy out, whatever the device: on CUDA only lumas go up and pictures come down, while
    the batch before and the one behind are worked on. CUDA arrays stay there, on the caller's
    stream. A batch that finds no memory is halved, with a warning; ``effective_batch`` says what is
    left.
    """

    def __init__(
        self,
        model: str | Path | ModelSpec = "fast",
        device: str = "auto",
        engine: str | Engine = "auto",
        precision: str = "auto",
        size: int | None = None,
        chroma: str = "guided",
        saturation: float | None = None,
        threads: int = 0,
    ) -> None:
        if not isinstance(engine, (str, Engine)):
            raise TypeError(f"engine must be a name or an opened one, got {type(engine).__name__}")
        if isinstance(engine, str):
            spec = load_spec(model)
        else:
            spec = engine.spec
            _check_opened(engine, model, device, precision, threads)
        if spec.kind != "colorizer":
            raise ModelError(f"{spec.path} is of the kind {spec.kind}, not a colorizer")
        self.spec = spec
        self.size = spec.working_size if size is None else whole(size, "size")
        if not 0 <= self.size <= LARGEST_SIZE:
            raise ValueError(f"size must be from 0 to {LARGEST_SIZE}, got {size}")
        self.saturation = spec.saturation if saturation is None else saturation
        if not (_is_number(self.saturation) and 0 <= self.saturation <= MOST_SATURATION):
            raise ValueError(
                f"saturation must be a number from 0 to {MOST_SATURATION}, got {saturation!r}"
            )
        self.merge_chroma = choice(chroma, CHROMAS, "chroma")
        self._multiple = math.lcm(spec.multiple_of, spec.chroma_divisor)
        self.effective_batch = MOST_PER_BATCH  # smaller once a batch of that size found no memory
        self._halving = threading.Lock()
        self._staging: Staging | None = None
        if isinstance(engine, str):
            engine = open_engine(spec, engine, device, precision, threads)
        self.engine: Engine = engine

    def colorize(self, image: Array) -> Array:
        """``image`` (H,W), or the luma of (H,W,3), uint8 or uint16, as sRGB (H,W,3) of its type."""
        return self.colorize_batch([image])[0]

    def colorize_batch(self, images: Iterable[Array]) -> list[Array]:
        """Pictures of any sizes; those of one prepared size run together."""
        shape = getattr(images, "shape", None)
        if shape is not None and (len(shape) < 3 or (len(shape) == 3 and shape[2] in (1, 3))):
            raise ValueError(
                "images must be a list of pictures, or an array (N,H,W) or (N,H,W,3), got the "
                f"shape {tuple(shape)}; colorize() takes one picture"
            )
        lumas = [self.luma(image) for image in images]
        results: list[Any] = [None] * len(lumas)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for number, luma in enumerate(lumas):
            size, kind = self.prepared_size(luma.shape), dtype_of(luma, "image")
            groups.setdefault((*size, kind, is_cuda(luma)), []).append(number)
        on_host: list[list[int]] = []
        for numbers in groups.values():
            if self.engine.device == "cuda" and not is_cuda(lumas[numbers[0]]):
                on_host.append(numbers)
                continue
            for part in self._parts(numbers):
                for n, picture in zip(part, self.compute([lumas[n] for n in part])):
                    results[n] = picture
        if on_host:
            self._stage(lumas, on_host, results)
        return results

    def compute(self, lumas: list[Array]) -> list[Array]:
        """Pictures of lumas of one prepared size and type, where they lie."""
        ab = self.chroma(self.prepare(lumas))
        small = [self.crop(ab[row], luma.shape) for row, luma in enumerate(lumas)]
        pictures: list[Array] = self.merge(lumas, small)
        return pictures

    def _parts(self, numbers: list[int]) -> Iterator[list[int]]:
        begin = 0
        while begin < len(numbers):
            part = numbers[begin : begin + self.effective_batch]
            yield part
            begin += len(part)

    def _stage(self, lumas: list[Array], groups: list[list[int]], results: list[Any]) -> None:
        with self._halving:
            if self._staging is None:
                self._staging = Staging()
        parts = (part for numbers in groups for part in self._parts(numbers))
        self._staging.run(parts, lumas, results, self.compute, self.halve)

    def luma(self, image: Array) -> Array:
        """(H,W) of a grey or colour picture."""
        array = adopt(image, "image")
        shape, kind = shape_of(array, "image"), dtype_of(array, "image")
        if kind.newbyteorder("=") not in (np.uint8, np.uint16):
            scale = "; multiply what is in [0, 1] by 255 or 65535" if kind.kind == "f" else ""
            raise TypeError(f"image must be uint8 or uint16, got {kind}{scale}")
        if not kind.isnative:
            array = array.astype(kind.newbyteorder("="))
        if len(shape) == 2:
            return array
        if len(shape) == 3 and shape[2] == 1:
            return array[..., 0]
        if len(shape) == 3 and shape[2] == 3:
            return ops.luma(array)
        alpha = "; leave alpha out" if len(shape) == 3 and shape[2] in (2, 4) else ""
        raise ValueError(f"image must have the shape (H,W) or (H,W,3), got {shape}{alpha}")

    def prepared_size(self, shape: Sequence[int]) -> ops.PreparedSize:
        """What a luma of this shape (H,W) is shrunk and padded to."""
        height, width = shape[-2:]
        step = self.spec.chroma_divisor
        return ops.prepared_size(width, height, self._short_side(shape), self._multiple, step)

    def _short_side(self, shape: Sequence[int]) -> int:
        """The working size; less for a strip, so that its long side stays bounded."""
        short, long = sorted(shape[-2:])
        if long > MOST_ASPECT * max(1, short):
            raise PictureError(
                f"a picture of {shape[-1]}x{shape[-2]} is a line: one side may be "
                f"{MOST_ASPECT} times the other at most"
            )
        size = self.size or short
        most = LONGEST_STRIP * max(1, short) / max(1, long)
        return max(1, size if most >= 1 else round(size * most))

    def prepare(self, luma: Array | list[Array]) -> Array:
        """Luma, or a list of one prepared size, as the network's input (N,1,h,w)."""
        first = luma[0] if isinstance(luma, (list, tuple)) else luma
        size = self._short_side(shape_of(first, "luma"))
        return ops.prepare(luma, size, self._multiple, step=self.spec.chroma_divisor)

    def chroma(self, batch: Array) -> Array:
        """a, b in Lab units (N,2,h/k,w/k), padding included: see crop()."""
        while True:
            step = min(self.effective_batch, len(batch))
            try:
                runs = range(0, len(batch), step)
                parts = [self.engine.run(batch[i : i + step]) for i in runs]
                break
            except OutOfMemoryError:
                self.halve(step)
        ab = parts[0] if len(parts) == 1 else joined(parts)
        with np.errstate(over="ignore"):
            ab *= np.float32(AB_UNIT)
        if isinstance(ab, np.ndarray) and not np.isfinite(ab).all():
            raise EngineError(
                f"{self.spec.name} gives NaN or infinity with {self.engine.name} in "
                f"{self.engine.precision}"
            )
        return ab

    def halve(self, size: int) -> None:
        """Takes note that a batch of this size found no memory; raises when it was of one."""
        if size <= 1:
            raise OutOfMemoryError(f"there is no memory for a single picture ({self.engine.name})")
        with self._halving:
            self.effective_batch = min(self.effective_batch, size // 2)
        warnings.warn(
            f"no memory for a batch of {size}: going on with {self.effective_batch}",
            BatchWarning,
            stacklevel=2,
        )

    def crop(self, ab: Array, luma_shape: Sequence[int]) -> Array:
        """The part of one picture's ab (2,h',w') that covers the picture, without the padding."""
        size = self.prepared_size(luma_shape)
        k = self.spec.chroma_divisor
        return ab[..., : size.height // k, : size.width // k]

    def merge(self, luma: Images, ab: Images) -> Images:
        """The picture, or pictures: full-resolution luma with cropped ab."""
        return ops.merge_rgb(luma, ab, self.merge_chroma, self.saturation)

    def close(self) -> None:
        self.engine.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Colorizer cannot be pickled or copied: make one in each process")

    def __enter__(self) -> Colorizer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_default: Colorizer | None = None
_default_lock = threading.Lock()
_of_parents: list[Colorizer | None] = []  # kept: what they hold cannot be freed after a fork


def _begin_anew() -> None:
    """In a process that was forked: threads of engines stayed behind."""
    global _default, _default_lock
    _of_parents.append(_default)
    _default, _default_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def colorize(image: Array) -> Array:
    """Colour for one picture with the shipped model; it stays loaded for the next call."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Colorizer()
    return _default.colorize(image)
