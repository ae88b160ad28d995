"""From full-resolution luma to the small picture that a network sees."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from fastcolor import _core
from fastcolor._arrays import Array, Images, adopt, dtype_of, empty, shape_of, stream_of
from fastcolor.ops._common import agreeing, inputs, number, one_of, whole


class PreparedSize(NamedTuple):
    """The working size of a picture, and what padding makes of it."""

    width: int
    height: int
    padded_width: int
    padded_height: int


def prepared_size(
    width: int, height: int, size: int = 256, multiple: int = 32, step: int = 1
) -> PreparedSize:
    """What prepare makes of a picture: the short side becomes ``size``, the long side follows.

    Both are rounded to a multiple of ``step`` (a network whose chroma is k times smaller
    wants k, so that its result covers the picture exactly); then both are padded to ``multiple``.
    """
    arguments = {"width": width, "height": height, "size": size, "multiple": multiple, "step": step}
    return PreparedSize(*_core.prepared_size(*(whole(v, k) for k, v in arguments.items())))


def prepare(
    luma: Images,
    size: int = 256,
    multiple: int = 32,
    *,
    step: int = 1,
    levels: tuple[float, float] | None = None,
    dtype: DTypeLike | str = np.float32,
    out: Array = None,
) -> Array:
    """Luma (H, W) of uint8 or uint16 to a network's input (N, 1, h, w): L* / 50 - 1.

    Resampled by exact area means (linear where the picture is smaller than ``size``), padded at the
    right and the bottom by reflection. The pictures of a list must come to the same padded shape:
    group them by prepared_size(). ``dtype`` is float32, float16 or "bfloat16" (NumPy has no such
    type: its bits come as uint16, also in ``out``). ``levels`` are the codes of black and white,
    (16, 235) for 8-bit video; by default the whole range of the type.
    """
    sources = inputs(luma, "luma")
    for source in sources:
        if len(shape_of(source, "luma")) != 2:
            raise ValueError(f"luma must have the shape (H, W), got {shape_of(source, 'luma')}")
    height, width = shape_of(sources[0], "luma")
    wanted = prepared_size(int(width), int(height), size, multiple, step)
    for source in sources[1:]:
        height, width = shape_of(source, "luma")
        if prepared_size(width, height, size, multiple, step) != wanted:
            raise ValueError("luma must hold pictures of one prepared_size(); group them by it")
    name, kind = _network_type(dtype)
    if dtype is not np.float32:
        agreeing(kind, np.void, out)
    shape = (len(sources), 1, wanted.padded_height, wanted.padded_width)
    target = empty(shape, kind, sources[0], "luma") if out is None else adopt(out, "out")
    if shape_of(target, "out") != shape:
        raise ValueError(f"out must have the shape {shape}, got {shape_of(target, 'out')}")
    if levels is None:
        levels = (0, 255 if dtype_of(sources[0], "luma") == np.uint8 else 65535)
    elif not isinstance(levels, (tuple, list)) or len(levels) != 2:
        raise TypeError(f"levels must be a pair, black and white, got {levels!r}")
    levels = (number(levels[0], "levels"), number(levels[1], "levels"))
    if not (abs(levels[0]) <= 65535 and abs(levels[1]) <= 65535):
        raise ValueError(f"levels must be codes, got {levels}")
    _core.prepare(sources, target, name, wanted.width, wanted.height, levels, stream_of(sources[0]))
    if out is not None:
        return out
    return _as_bfloat16(target) if name == "bfloat16" else target


def _network_type(dtype: DTypeLike | str) -> tuple[str, DTypeLike]:
    """The name of a type, and the NumPy type that holds it."""
    if dtype is np.float32:  # the usual one: NumPy spells names slowly
        return "float32", dtype
    if str(dtype) in ("bfloat16", "torch.bfloat16"):
        return "bfloat16", np.uint16
    wanted = one_of(dtype, (np.float32, np.float16), "dtype")
    return wanted.name, wanted


def _as_bfloat16(array: Array) -> Any:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return array.view(torch.bfloat16)
    return array
