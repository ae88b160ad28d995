"""What every operator does with its arguments before the compiled module sees them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastcolor._arrays import (
    Array,
    Images,
    adopt,
    as_list,
    dtype_of,
    empty,
    shape_of,
    stream_of,
)

LAYOUTS = ("interleaved", "planar")
MOST_SAMPLES = 1 << 40
MOST_SIDE = 1 << 24  # pixels; the compiled module has the same limit


def one_of(dtype: DTypeLike, allowed: tuple[type, ...], name: str) -> np.dtype[Any]:
    """``dtype``, also torch's, as NumPy's."""
    try:
        wanted = np.dtype(str(dtype)[6:] if str(dtype).startswith("torch.") else dtype)
    except (TypeError, ValueError, SyntaxError) as error:  # the last of text with commas
        raise TypeError(f"{name} must be a type, got {dtype!r}") from error
    if wanted not in [np.dtype(kind) for kind in allowed]:
        names = ", ".join(np.dtype(kind).name for kind in allowed)
        got = wanted.name if wanted.isnative else f"{wanted.name} in foreign byte order"
        raise TypeError(f"{name} must be one of {names}, got {got}")
    return wanted


def choice(value: object, allowed: tuple[str, ...], name: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    names = ", ".join(repr(known) for known in allowed[:-1])
    raise ValueError(f"{name} must be {names} or {allowed[-1]!r}, got {value!r}")


def number(value: object, name: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError as error:
        raise ValueError(f"{name} is too large") from error
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a number, got {value!r}") from error


def whole(value: object, name: str) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if abs(int(value)) > MOST_SIDE:
        raise ValueError(f"{name} must be at most {MOST_SIDE}, got {value}")
    return int(value)


def inputs(images: Images, name: str) -> list[Array]:
    arrays = [adopt(image, name) for image in as_list(images)]
    if not arrays:
        raise ValueError(f"{name} must hold at least one image")
    for array in arrays:  # checked before outputs of that size are made
        shape = shape_of(array, name)
        if max(shape, default=0) > MOST_SIDE:
            raise ValueError(f"{name} has a side of {max(shape)}, more than {MOST_SIDE}")
        if math.prod(shape) > MOST_SAMPLES:
            raise ValueError(f"{name} has the shape {shape}, more than 2^40 samples")
        if min(shape, default=0) < 0:
            raise ValueError(f"{name} has a side of {min(shape)}")
    return arrays


def agreeing(dtype: DTypeLike, default: DTypeLike, out: Images) -> DTypeLike:
    """``dtype``, unless it was asked for and ``out`` is of another type."""
    wanted = np.dtype(dtype)
    if out is not None and wanted != np.dtype(default):
        for array in as_list(out):
            found = dtype_of(adopt(array, "out"), "out")
            if found != wanted:
                raise TypeError(f"out must be {wanted.name} as dtype says, got {found.name}")
    return wanted


def plane_shape(array: Array, layout: str, name: str) -> tuple[int, ...]:
    """(H, W) of a picture with channels; the compiled module checks the rest."""
    shape = shape_of(array, name)
    if len(shape) != 3:
        raise ValueError(f"{name} must have 3 dimensions, got {len(shape)}")
    return shape[1:] if layout == "planar" else shape[:2]


def outputs(
    images: Images,
    out: Images,
    sources: list[Array],
    shapes: list[tuple[int, ...]],
    dtype: DTypeLike,
) -> list[Array]:
    """The arrays of ``out``, or new ones of these shapes beside the sources."""
    if out is None:
        for shape in shapes:
            if math.prod(shape) > MOST_SAMPLES:
                raise ValueError(f"out would have the shape {shape}, more than 2^40 samples")
        return [empty(shape, dtype, source, "image") for shape, source in zip(shapes, sources)]
    outs = [adopt(array, "out") for array in as_list(out)]
    if isinstance(images, (list, tuple)) != isinstance(out, (list, tuple)):
        raise TypeError("out must be a list exactly when the images are a list")
    if len(outs) != len(sources):
        raise ValueError(f"out must hold {len(sources)} arrays, got {len(outs)}")
    for array, shape in zip(outs, shapes):
        found = shape_of(array, "out")
        if found != shape:
            raise ValueError(f"out must have the shape {shape}, got {found}")
    return outs


def returned(images: Images, out: Images, outs: list[Array]) -> Images:
    """What the caller gets: the very ``out`` that was given, or the new arrays."""
    if out is not None:
        return out
    return outs if isinstance(images, (list, tuple)) else outs[0]


def mapped(
    function: Callable[..., None],
    name: str,
    images: Images,
    out: Images,
    dtype: DTypeLike,
    *arguments: Any,
) -> Images:
    """function(sources, outs, *arguments, stream) for outputs of the sources' own shapes."""
    sources = inputs(images, name)
    outs = outputs(images, out, sources, [shape_of(source, name) for source in sources], dtype)
    function(sources, outs, *arguments, stream_of(sources[0]))
    return returned(images, out, outs)
