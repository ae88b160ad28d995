"""Colour differences."""

from __future__ import annotations

import numpy as np

from fastcolor import _core
from fastcolor._arrays import Images, stream_of
from fastcolor.ops._common import LAYOUTS, choice, inputs, outputs, plane_shape, returned


def delta_e2000(
    lab1: Images, lab2: Images, *, layout: str = "interleaved", out: Images = None
) -> Images:
    """CIEDE2000 of two float32 Lab pictures of one size, pixel by pixel: a float32 map (H, W).

    ``layout`` is that of the inputs: "interleaved" (H, W, 3) or "planar" (3, H, W). Within
    1e-4 (1e-5 of it where that is more) of float64, except where two hues are opposite to within
    float precision: there CIEDE2000 itself jumps.
    """
    choice(layout, LAYOUTS, "layout")
    one = inputs(lab1, "lab1")
    two = inputs(lab2, "lab2")
    if isinstance(lab1, (list, tuple)) != isinstance(lab2, (list, tuple)) or len(one) != len(two):
        raise ValueError("lab1 and lab2 must be two images, or two lists of one length")
    shapes = [plane_shape(source, layout, "lab1") for source in one]
    outs = outputs(lab1, out, one, shapes, np.float32)
    _core.delta_e2000(one, two, outs, layout, stream_of(one[0]))
    return returned(lab1, out, outs)
