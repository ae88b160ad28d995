"""Overlapping tiles, for networks that see a picture in parts."""

from __future__ import annotations

from dataclasses import dataclass

from fastcolor import _core
from fastcolor._arrays import Array, dtype_of, shape_of, stream_of
from fastcolor.ops._common import inputs, outputs, whole


@dataclass(frozen=True)
class TileGrid:
    """How a picture is cut: tiles of one size, ``overlap`` pixels shared by neighbours.

    Tile (column, row) begins at column * (tile_width - overlap) - overlap // 2 of the picture, and
    so for rows; what lies outside is mirrored. So every pixel has overlap // 2 pixels of context,
    at the borders too. Tiles are numbered row by row.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    overlap: int

    def __post_init__(self) -> None:
        for name in ("width", "height", "tile_width", "tile_height", "overlap"):
            whole(getattr(self, name), name)
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
    sides = shape_of(source, "image")
    if len(sides) not in (2, 3):
        raise ValueError(f"image must have 2 or 3 dimensions, got {len(sides)}")
    width, height = _sides(tile)
    grid = TileGrid(sides[-1], sides[-2], width, height, whole(overlap, "overlap"))
    shape = (grid.count, *sides[:-2], height, width)
    tiles = outputs(source, out, [source], [shape], dtype_of(source, "image"))[0]
    _core.split_tiles(source, tiles, width, height, overlap, stream_of(source))
    return tiles if out is None else out, grid


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
    sides = shape_of(source, "tiles")
    if len(sides) not in (3, 4):
        raise ValueError(f"tiles must have 3 or 4 dimensions, got {len(sides)}")
    scale = whole(scale, "scale")
    if not 1 <= scale <= 64:
        raise ValueError(f"scale must be from 1 to 64, got {scale}")
    shape = (*sides[1:-2], grid.height * scale, grid.width * scale)
    image = outputs(source, out, [source], [shape], dtype_of(source, "tiles"))[0]
    _core.blend_tiles(
        source,
        image,
        grid.width,
        grid.height,
        grid.tile_width,
        grid.tile_height,
        grid.overlap,
        scale,
        mode == "feather",
        stream_of(source),
    )
    return image if out is None else out


def _one(array: Array, name: str) -> Array:
    if isinstance(array, (list, tuple)):
        raise TypeError(f"{name} must be one array, got a {type(array).__name__}")
    return inputs(array, name)[0]


def _sides(tile: object) -> tuple[int, int]:
    if isinstance(tile, tuple) and len(tile) == 2:
        return whole(tile[0], "tile"), whole(tile[1], "tile")
    side = whole(tile, "tile")
    return side, side
