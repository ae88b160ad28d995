"""RGB <-> Lab."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from fastcolor import _core
from fastcolor._arrays import Images, is_cuda
from fastcolor.ops._common import LAYOUTS, agreeing, choice, inputs, mapped, one_of

_LAB_TYPES = (np.float32, np.float16)
_RGB_TYPES = (np.uint8, np.uint16, np.float32)


def rgb_to_lab(
    image: Images, *, layout: str = "interleaved", dtype: DTypeLike = np.float32, out: Images = None
) -> Images:
    """sRGB (uint8, uint16, or float32 in [0, 1]) to CIE 1976 L*a*b*, D65.

    ``layout`` is "interleaved" (H, W, 3) or "planar" (3, H, W), for input and output. The result is
    float32; on CUDA ``dtype=np.float16`` halves it. Within 0.01 of scikit-image's float64 result.
    """
    kind = agreeing(one_of(dtype, _LAB_TYPES, "dtype"), np.float32, out)
    if out is None and kind == np.float16 and not is_cuda(inputs(image, "image")[0]):
        raise TypeError("dtype must be float32 on the CPU, got float16")
    return mapped(_core.rgb_to_lab, "image", image, out, kind, choice(layout, LAYOUTS, "layout"))


def lab_to_rgb(
    lab: Images, dtype: DTypeLike = np.uint8, *, layout: str = "interleaved", out: Images = None
) -> Images:
    """CIE 1976 L*a*b* (float32) to sRGB of type uint8, uint16, or float32 in [0, 1].

    Components outside the sRGB gamut are clipped. The inverse of rgb_to_lab for every uint8 colour.
    """
    return mapped(
        _core.lab_to_rgb,
        "lab",
        lab,
        out,
        agreeing(one_of(dtype, _RGB_TYPES, "dtype"), np.uint8, out),
        choice(layout, LAYOUTS, "layout"),
    )
