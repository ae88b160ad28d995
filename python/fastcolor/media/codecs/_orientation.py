"""Turning pictures by the Orientation tag (TIFF 6.0: 1 to 8)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# transposed, then upside down, then mirrored: what makes the stored picture upright
_STEPS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def to_upright(image: NDArray[Any], orientation: int, *, planar: bool = False) -> NDArray[Any]:
    """A view of a stored picture (H, W), (H, W, 3) or, planar, (N, H, W) as it is looked at.

    The network must see pictures upright; the files keep their pixels and their tag:
    ``prepare(to_upright(page.luma_at(256), o))``, then ``to_stored(ab, o, planar=True)``.
    """
    turned, down, mirrored = _STEPS.get(orientation, _STEPS[1])
    rows, columns = (1, 2) if planar else (0, 1)
    if turned:
        image = np.swapaxes(image, rows, columns)
    return _flipped(image, rows if down else None, columns if mirrored else None)


def to_stored(image: NDArray[Any], orientation: int, *, planar: bool = False) -> NDArray[Any]:
    """The way back: a view, as the file stores it, of what lies upright."""
    turned, down, mirrored = _STEPS.get(orientation, _STEPS[1])
    rows, columns = (1, 2) if planar else (0, 1)
    image = _flipped(image, rows if down else None, columns if mirrored else None)
    return np.swapaxes(image, rows, columns) if turned else image


def _flipped(image: NDArray[Any], *axes: int | None) -> NDArray[Any]:
    wanted = tuple(axis for axis in axes if axis is not None)
    return np.flip(image, wanted) if wanted else image
