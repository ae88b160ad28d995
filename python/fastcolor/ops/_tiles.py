"""Overlapping tiles, for networks that see a picture in parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastcolor import _core
from fastcolor._arrays import Array, adopt, empty, stream_of
from fastcolor.ops._common import MOST_SIDE, inputs, numpy_dtype


@dataclass(frozen=True)
class TileGrid:
    """How a picture is cut: tiles of one size, ``overlap`` pixels shared by neighbours.

    Tile (column, row) begins at column * (tile_width - overlap) - overlap // 2 of the picture,
    and so for rows; what lies outside is mirrored. So every pixel has overlap // 2 pixels of context
    around it, at the borders too. Tiles are numbered row by row.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    overlap: int

    def __post_init__(self) -> None:
        self.counts()  # refuses sizes that make no grid

    def counts(self) -> tuple[int, int]:
        """(columns, rows)."""
        columns, rows = _core.tile_counts(
            self.width, self.height, self.tile_width, self.tile_height, self.overlap
        )
        return columns, rows

    @property
    def count(self) -> int:
        columns, rows = self.counts()
        return columns * rows


def split_tiles(
    image: Array, tile: int | tuple[int, int], overlap: int, *, out: Array = None
) -> tuple[Array, TileGrid]:
    """Cuts (H, W) or planar (C, H, W) into tiles (N, h, w) or (N, C, h, w), and says how.

    uint8, uint16 or float32; ``tile`` is a side or (width, height), ``overlap`` at most half of it.
    """
    source = _one(image, "image")
    if len(source.shape) not in (2, 3):
        raise ValueError(f"image must have 2 or 3 dimensions, got {len(source.shape)}")
    width, height = _sides(tile)
    grid = TileGrid(
        int(source.shape[-1]), int(source.shape[-2]), width, height, _whole(overlap, "overlap")
    )
    shape = (grid.count, *(int(side) for side in source.shape[:-2]), height, width)
    tiles = empty(shape, numpy_dtype(source), source, "image") if out is None else out
    _core.split_tiles(source, adopt(tiles, "out"), width, height, overlap, stream_of(source))
    return tiles, grid


def blend_tiles(
    tiles: Array, grid: TileGrid, *, scale: int = 1, mode: str = "crop", out: Array = None
) -> Array:
    """The picture whose tiles these are, each ``scale`` times as large as the grid's.

    ``mode`` "crop" takes every pixel from one tile, cutting half of the overlap from each side;
    "feather" mixes neighbours over the overlap with a raised cosine. blend_tiles(*split_tiles(x))
    is x.
    """
    if mode not in ("crop", "feather"):
        raise ValueError(f"mode must be 'crop' or 'feather', got {mode!r}")
    if not isinstance(grid, TileGrid):
        raise TypeError(f"grid must be a TileGrid, got {type(grid).__name__}")
    source = _one(tiles, "tiles")
    if len(source.shape) not in (3, 4):
        raise ValueError(f"tiles must have 3 or 4 dimensions, got {len(source.shape)}")
    scale = _whole(scale, "scale")
    if not 1 <= scale <= 64:
        raise ValueError(f"scale must be from 1 to 64, got {scale}")
    middle = tuple(int(side) for side in source.shape[1:-2])
    shape = (*middle, grid.height * scale, grid.width * scale)
    image = empty(shape, numpy_dtype(source), source, "tiles") if out is None else out
    _core.blend_tiles(
        source,
        adopt(image, "out"),
        grid.width,
        grid.height,
        grid.tile_width,
        grid.tile_height,
        grid.overlap,
        scale,
        mode == "feather",
        stream_of(source),
    )
    return image


def _one(array: Array, name: str) -> Array:
    if isinstance(array, (list, tuple)):
        raise TypeError(f"{name} must be one array, got a {type(array).__name__}")
    return inputs(array, name)[0]


def _whole(value: object, name: str) -> int:
    if not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if abs(int(value)) > MOST_SIDE:
        raise ValueError(f"{name} must be at most {MOST_SIDE}, got {value}")
    return int(value)


def _sides(tile: object) -> tuple[int, int]:
    if isinstance(tile, tuple) and len(tile) == 2:
        return _whole(tile[0], "tile"), _whole(tile[1], "tile")
    side = _whole(tile, "tile")
    return side, side
