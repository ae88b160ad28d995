"""Contrast limited adaptive histogram equalisation."""

from __future__ import annotations

from fastcolor import _core
from fastcolor._arrays import Images, dtype_of, shape_of, stream_of
from fastcolor.ops._common import inputs, number, outputs, returned, whole


def clahe(
    luma: Images,
    clip_limit: float = 2.0,
    grid: tuple[int, int] = (8, 8),
    out: Images = None,
) -> Images:
    """Luma (H, W), uint8 or uint16, with its local contrast raised.

    ``grid`` counts tiles as (columns, rows). The bytes are those of OpenCV's
    ``createCLAHE(clip_limit, grid).apply(luma)`` for every size and grid; a picture smaller than
    the grid is reflected as often as needed. A clip_limit so large that OpenCV's integer overflows
    clips nothing here.

    ValueError for a clip_limit that is not finite and above 0, a grid without a tile or with more
    than 2^23 tiles for uint8 and 2^15 for uint16, and a grid so coarse that a tile has more than
    2^31 - 1 pixels.
    """
    sources = inputs(luma, "luma")
    if not isinstance(grid, (tuple, list)) or len(grid) != 2:
        raise TypeError(f"grid must be (columns, rows), got {grid!r}")
    columns, rows = (whole(count, "grid") for count in grid)
    limit = number(clip_limit, "clip_limit")
    shapes = [shape_of(source, "luma") for source in sources]
    outs = outputs(luma, out, sources, shapes, dtype_of(sources[0], "luma"))
    _core.clahe(sources, outs, limit, columns, rows, stream_of(sources[0]))
    return returned(luma, out, outs)
