"""What every operator does with its arguments before the compiled module sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastcolor._arrays import Array, Images, adopt, as_list, empty, shape_of, stream_of

MOST_SIDE = 1 << 24  # pixels; the compiled module has the same limit


def one_of(dtype: DTypeLike, allowed: tuple[type, ...], name: str) -> np.dtype[Any]:
    wanted = np.dtype(dtype)
    if wanted not in [np.dtype(kind) for kind in allowed]:
        names = ", ".join(np.dtype(kind).name for kind in allowed)
        raise TypeError(f"{name} must be one of {names}, got {wanted.name}")
    return wanted


def numpy_dtype(array: Array) -> np.dtype[Any]:
    """The type of an array of any library, as NumPy's (torch calls uint8 torch.uint8)."""
    return np.dtype(str(array.dtype).removeprefix("torch."))


def inputs(images: Images, name: str) -> list[Array]:
    arrays = [adopt(image, name) for image in as_list(images)]
    if not arrays:
        raise ValueError(f"{name} must hold at least one image")
    for array in arrays:  # checked before outputs of that size are made
        shape = shape_of(array, name)
        if not hasattr(array, "shape"):  # operators look at it
            raise TypeError(f"{name} must have a shape, got {type(array).__name__}")
        if max(shape, default=0) > MOST_SIDE:
            raise ValueError(f"{name} has a side of {max(shape)}, more than {MOST_SIDE}")
        if min(shape, default=0) < 0:
            raise ValueError(f"{name} has a side of {min(shape)}")
    return arrays


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


def returned(images: Images, outs: list[Array]) -> Images:
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
    return returned(images, outs)
