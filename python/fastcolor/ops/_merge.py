"""Full-resolution colour from full-resolution luma and small chroma."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from fastcolor import _core
from fastcolor._arrays import Array, Images, dtype_of, shape_of, stream_of
from fastcolor.ops._common import (
    LAYOUTS,
    agreeing,
    choice,
    inputs,
    number,
    one_of,
    outputs,
    returned,
    whole,
)

CHROMAS = ("guided", "bicubic", "bilinear")
_STEPS = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}


def merge_rgb(
    luma: Images,
    ab: Images,
    chroma: str = "guided",
    saturation: float = 1.0,
    *,
    dtype: DTypeLike | None = None,
    layout: str = "interleaved",
    rows: tuple[int, int] | None = None,
    out: Images = None,
) -> Images:
    """Colour of the lightness of ``luma`` (H, W) and the chroma of ``ab`` (2, h, w), as sRGB.

    ``ab`` is float32 in Lab units, of any size; it covers the same picture. ``chroma`` says how it
    reaches full resolution: "guided" adds the detail which the luma knows, "bicubic" and "bilinear"
    do not. ``ab`` times ``saturation`` is taken within +-1000, each for itself, far outside any
    gamut. Colours outside the sRGB gamut move towards the grey of the same lightness. The result
    has the luma's type (uint8 or uint16) unless ``dtype`` says otherwise. ``rows`` (first, last)
    asks for those rows alone, last not included, as they are in the whole picture: for pictures
    whose colours would not fit into memory.
    """
    lumas, abs_ = _pairs(luma, ab)
    if dtype is not None:
        agreeing(one_of(dtype, (np.uint8, np.uint16), "dtype"), np.void, out)
    else:
        dtype = np.uint16 if dtype_of(lumas[0], "luma") == np.uint16 else np.uint8
    kind = one_of(dtype, (np.uint8, np.uint16), "dtype")
    first, last = (0, -1) if rows is None else _row_span(rows, lumas)
    sides = [shape_of(array, "luma") for array in lumas]
    if rows is not None:
        sides = [(last - first, width) for _, width in sides]
    shapes = [(3, *s) if layout == "planar" else (*s, 3) for s in sides]
    outs = outputs(luma, out, lumas, shapes, kind)
    _core.merge_rgb(
        lumas,
        abs_,
        outs,
        choice(layout, LAYOUTS, "layout"),
        choice(chroma, CHROMAS, "chroma"),
        number(saturation, "saturation"),
        first,
        last,
        stream_of(lumas[0]),
    )
    return returned(luma, out, outs)


def merge_ycc(
    luma: Images,
    ab: Images,
    subsampling: str = "420",
    *,
    chroma: str = "guided",
    saturation: float = 1.0,
    range: str = "full",  # the name that video tools use
    matrix: str = "bt601",
    bits: int = 8,
    out: tuple[Images, Images] | None = None,
) -> tuple[Images, Images]:
    """Cb and Cr planes that turn the picture whose Y' is ``luma`` into colour; luma is not touched.

    ``subsampling`` is "420", "422" or "444", chroma sited in the middle of the luma samples that it
    covers (JPEG, MPEG-1). The default is JPEG's: full range, BT.601, 8 bits. For video give
    ``range="limited"``, ``matrix="bt709"``, ``bits=10`` as the file has it; codes of more than 8
    bits are uint16. Gives (Cb, Cr), each a list where ``luma`` is a list.
    """
    choice(subsampling, tuple(_STEPS), "subsampling")
    choice(range, ("full", "limited"), "range")
    choice(matrix, ("bt601", "bt709"), "matrix")
    bits = whole(bits, "bits")
    if out is not None and not (isinstance(out, (tuple, list)) and len(out) == 2):
        raise TypeError("out must be a pair, Cb and Cr")
    lumas, abs_ = _pairs(luma, ab)
    step_x, step_y = _STEPS[subsampling]
    shapes: list[tuple[int, ...]] = [
        (-(-height // step_y), -(-width // step_x))
        for height, width in (shape_of(array, "luma") for array in lumas)
    ]
    kind = np.uint8 if bits == 8 else np.uint16
    given = (None, None) if out is None else tuple(out)
    planes = [outputs(luma, plane, lumas, shapes, kind) for plane in given]
    _core.merge_ycc(
        lumas,
        abs_,
        planes[0],
        planes[1],
        step_x,
        step_y,
        range == "limited",
        matrix == "bt709",
        bits,
        choice(chroma, CHROMAS, "chroma"),
        number(saturation, "saturation"),
        stream_of(lumas[0]),
    )
    return returned(luma, given[0], planes[0]), returned(luma, given[1], planes[1])


def _row_span(rows: tuple[int, int], lumas: list[Array]) -> tuple[int, int]:
    if not isinstance(rows, (tuple, list)) or len(rows) != 2:
        raise TypeError(f"rows must be a pair, first and last, got {rows!r}")
    first, last = (whole(value, "rows") for value in rows)
    least = min(shape_of(array, "luma")[0] for array in lumas)
    if not 0 <= first < last <= least:
        raise ValueError(f"rows must lie within the {least} of the luma, got {first} to {last}")
    return first, last


def _pairs(luma: Images, ab: Images) -> tuple[list[Array], list[Array]]:
    lumas = inputs(luma, "luma")
    abs_ = inputs(ab, "ab")
    for array in lumas:
        if len(shape_of(array, "luma")) != 2:
            raise ValueError(f"luma must have the shape (H, W), got {shape_of(array, 'luma')}")
    for array in abs_:
        shape = shape_of(array, "ab")
        if len(shape) != 3 or shape[0] != 2:
            raise ValueError(f"ab must have the shape (2, h, w), got {shape}")
    return lumas, abs_
