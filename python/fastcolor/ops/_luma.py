"""Luma of colour pictures."""

from __future__ import annotations

from fastcolor import _core
from fastcolor._arrays import Images, dtype_of, stream_of
from fastcolor.ops._common import LAYOUTS, choice, inputs, outputs, plane_shape, returned


def luma(
    image: Images, matrix: str = "bt601", *, layout: str = "interleaved", out: Images = None
) -> Images:
    """Y' of gamma-encoded colour: uint8, uint16 or float32 (H, W, 3) -> (H, W) of the same type.

    ``matrix`` is "bt601" (JPEG, standard-definition video) or "bt709" (HD video); both full range.
    Integers are rounded to nearest from the exact weighted sum, ties up; greys pass unchanged.
    ``layout`` is that of the input: "interleaved" (H, W, 3) or "planar" (3, H, W).
    """
    choice(layout, LAYOUTS, "layout")
    sources = inputs(image, "image")
    shapes = [plane_shape(source, layout, "image") for source in sources]
    outs = outputs(image, out, sources, shapes, dtype_of(sources[0], "image"))
    choice(matrix, ("bt601", "bt709"), "matrix")
    _core.luma(sources, outs, matrix, layout, stream_of(sources[0]))
    return returned(image, out, outs)
