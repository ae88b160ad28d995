"""Full-resolution colour from full-resolution luma and small chroma."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from fastcolor import _core
from fastcolor._arrays import Array, Images, stream_of
from fastcolor.ops._common import inputs, numpy_dtype, one_of, outputs, returned

_STEPS = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}


def merge_rgb(
    luma: Images,
    ab: Images,
    chroma: str = "guided",
    saturation: float = 1.0,
    *,
    dtype: DTypeLike | None = None,
    layout: str = "interleaved",
    out: Images = None,
) -> Images:
    """Colour of the lightness of ``luma`` (H, W) and the chroma of ``ab`` (2, h, w), as sRGB.

    ``ab`` is float32 in Lab units, of any size; it covers the same picture. ``chroma`` says how it
    reaches full resolution: "guided" adds the detail which the luma knows, "bicubic" and "bilinear"
    do not. Colours outside the sRGB gamut move towards the grey of the same lightness. The result
    has the luma's type (uint8 or uint16) unless ``dtype`` says otherwise.
    """
    lumas, abs_ = _pairs(luma, ab)
    if dtype is None:
        dtype = np.uint16 if numpy_dtype(lumas[0]) == np.uint16 else np.uint8
    kind = one_of(dtype, (np.uint8, np.uint16), "dtype")
    shapes = [(3, *s.shape) if layout == "planar" else (*s.shape, 3) for s in lumas]
    outs = outputs(luma, out, lumas, shapes, kind)
    _core.merge_rgb(lumas, abs_, outs, layout, chroma, float(saturation), stream_of(lumas[0]))
    return returned(luma, outs)


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
    if subsampling not in _STEPS:
        raise ValueError(f"subsampling must be '420', '422' or '444', got {subsampling!r}")
    if range not in ("full", "limited"):
        raise ValueError(f"range must be 'full' or 'limited', got {range!r}")
    if matrix not in ("bt601", "bt709"):
        raise ValueError(f"matrix must be 'bt601' or 'bt709', got {matrix!r}")
    lumas, abs_ = _pairs(luma, ab)
    step_x, step_y = _STEPS[subsampling]
    shapes: list[tuple[int, ...]] = [
        (-(-s.shape[0] // step_y), -(-s.shape[1] // step_x)) for s in lumas
    ]
    kind = np.uint8 if bits == 8 else np.uint16
    planes = []
    for index in (0, 1):
        given = None if out is None else out[index]
        planes.append(outputs(luma, given, lumas, shapes, kind))
    _core.merge_ycc(
        lumas,
        abs_,
        planes[0],
        planes[1],
        step_x,
        step_y,
        range == "limited",
        matrix == "bt709",
        int(bits),
        chroma,
        float(saturation),
        stream_of(lumas[0]),
    )
    return returned(luma, planes[0]), returned(luma, planes[1])


def _pairs(luma: Images, ab: Images) -> tuple[list[Array], list[Array]]:
    lumas = inputs(luma, "luma")
    abs_ = inputs(ab, "ab")
    for array in lumas:
        if len(array.shape) != 2:
            raise ValueError(f"luma must have the shape (H, W), got {tuple(array.shape)}")
    for array in abs_:
        if len(array.shape) != 3 or array.shape[0] != 2:
            raise ValueError(f"ab must have the shape (2, h, w), got {tuple(array.shape)}")
    return lumas, abs_
