"""What the CPU benchmark runs: every operator, its input, its peer and how far they may differ.

Inputs stay inside the sRGB gamut, because OpenCV clips where the operators move a colour towards
grey: there the two differ by design. The operators' exact results are the tests' business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastcolor.ops

Array = Any
ops: Any = fastcolor.ops  # an operator may be absent: its cases are then skipped


@dataclass(frozen=True)
class Case:
    """``make`` gives the arrays of one call, ``output`` a place for its result. ``peer`` takes the
    same; ``error`` compares both results. ``share`` of the asked megapixels is used."""

    name: str
    operators: tuple[str, ...]  # names in fastcolor.ops that it needs
    make: Callable[[Pictures], tuple[Array, ...]]
    ours: Callable[..., Any]  # (*inputs, out)
    output: Callable[..., Any]  # (*inputs)
    peer: Callable[[Any], Callable[..., Any] | None]  # the peers module -> (*inputs, out)
    peer_name: str
    tolerance: float
    error: Callable[..., float] | None = None  # (ours, peer); else the largest difference
    share: float = 1.0
    devices: tuple[str, ...] = ("cpu", "cuda")


class Pictures:
    """What photographs are to the operators: smooth shapes, fine grain, mild colour."""

    def __init__(self, megapixels: float, seed: int) -> None:
        side = (megapixels * 1e6) ** 0.5
        self.width = max(64, round(side * (4 / 3) ** 0.5 / 16) * 16)
        self.height = max(64, round(side * (3 / 4) ** 0.5 / 16) * 16)
        self._rng = np.random.default_rng(seed)

    def luma(self, dtype: type = np.uint8) -> Array:
        x = np.linspace(0, 9, self.width, dtype=np.float32)
        y = np.linspace(0, 7, self.height, dtype=np.float32)
        plane = 0.5 + 0.25 * np.sin(x + 1) * np.cos(y)[:, None]
        plane += self._rng.normal(0, 0.02, plane.shape).astype(np.float32)
        most = np.iinfo(dtype).max
        return (plane.clip(0.15, 0.85) * most).astype(dtype)

    def ab(self, short_side: int = 256) -> Array:
        width = round(short_side * self.width / self.height)
        x = np.linspace(0, 5, width, dtype=np.float32)
        y = np.linspace(0, 4, short_side, dtype=np.float32)[:, None]
        return np.stack([12 * np.sin(x + y), 12 * np.cos(2 * x - y)])

    def rgb(self) -> Array:
        grey = self.luma().astype(np.int16)
        noise = self._rng.integers(-16, 17, (self.height, self.width, 3), np.int16)
        return (grey[..., None] + noise).clip(0, 255).astype(np.uint8)

    def lab(self) -> Array:
        return ops.rgb_to_lab(self.rgb())


def largest_difference(ours: Array, peer: Array) -> float:
    return float(max(np.abs(a - b.astype(np.float64)).max() for a, b in zip(ours, peer)))


def _ycc_error(peers: Any) -> Callable[..., float]:
    def error(ours: tuple[Array, Array], yuv: Array) -> float:
        height, width = (2 * side for side in ours[0].shape)
        return largest_difference(ours, peers.full_range_chroma(yuv, height, width))

    return error


def _prepared(ours: Array, peer: Array) -> float:
    return largest_difference(ours[0], peer[0])


def _prepare_peer(peers: Any) -> Callable[..., Any]:
    def run(grey: Array, out: Array) -> Array:
        size = ops.prepared_size(grey.shape[1], grey.shape[0], 256, 32)
        return peers.prepare(grey, *size)

    return run


def _prepare_output(grey: Array) -> Array:
    size = ops.prepared_size(grey.shape[1], grey.shape[0], 256, 32)
    return np.empty((1, 1, size.padded_height, size.padded_width), np.float32)


def _halves(grey: Array, ab: Array) -> tuple[Array, Array]:
    shape = ((grey.shape[0] + 1) // 2, (grey.shape[1] + 1) // 2)
    return np.empty(shape, np.uint8), np.empty(shape, np.uint8)


def _rgb_like(grey: Array, *_: Array) -> Array:
    return np.empty((*grey.shape[:2], 3), np.uint8)


TILE, OVERLAP = 256, 32


def _tile_grid(grey: Array) -> Any:
    return ops.TileGrid(grey.shape[1], grey.shape[0], TILE, TILE, OVERLAP)


def _cut_up(pictures: Pictures) -> tuple[Array, Array]:
    """What tells the size of the picture without a sample of it, and its tiles."""
    grey = pictures.luma()
    return np.empty((*grey.shape, 0), np.float32), _split(grey)[0] * np.float32(1 / 255)


def _split(grey: Array, out: Array = None) -> Any:
    if isinstance(grey, list):
        return [_split(each) for each in grey]
    return ops.split_tiles(grey, TILE, OVERLAP, out=out)[:1]


def _blend(size: Array, tiles: Array, out: Array) -> Any:
    if isinstance(tiles, list):
        return [_blend(each, part, None) for each, part in zip(size, tiles)]
    return ops.blend_tiles(tiles, _tile_grid(size), mode="feather", out=out)


_MERGE = "cv2.resize + cvtColor Lab2RGB f32 + convertScaleAbs"


def cases(peers: Any = None) -> list[Case]:
    """All of them; ``peers`` is fastcolor.bench.peers where cv2 is installed."""
    return [
        Case(
            "rgb_to_lab u8->f32", ("rgb_to_lab",), lambda p: (p.rgb(),),
            lambda image, out: ops.rgb_to_lab(image, out=out),
            lambda image: np.empty(image.shape, np.float32),
            lambda m: lambda image, out: m.rgb_to_lab(image),
            "NumPy to f32 + cv2.cvtColor f32", 0.5,
        ),
        Case(
            "lab_to_rgb f32->u8", ("lab_to_rgb",), lambda p: (p.lab(),),
            lambda lab, out: ops.lab_to_rgb(lab, out=out), _rgb_like,
            lambda m: m.lab_to_rgb, "cv2.cvtColor f32 + convertScaleAbs", 1,
        ),
        Case(
            "merge_rgb bilinear u8", ("merge_rgb",), lambda p: (p.luma(), p.ab()),
            lambda grey, ab, out: ops.merge_rgb(grey, ab, chroma="bilinear", out=out), _rgb_like,
            lambda m: m.merge_bilinear, _MERGE, 2,
        ),
        Case(
            "merge_rgb guided u8", ("merge_rgb",), lambda p: (p.luma(), p.ab()),
            lambda grey, ab, out: ops.merge_rgb(grey, ab, chroma="guided", out=out), _rgb_like,
            lambda m: m.merge_guided, f"{_MERGE}, guided terms in cv2 and NumPy", 3,
        ),
        Case(
            "merge_ycc 4:2:0 guided u8", ("merge_ycc",), lambda p: (p.luma(), p.ab()),
            lambda grey, ab, out: ops.merge_ycc(grey, ab, subsampling="420", out=out), _halves,
            lambda m: lambda grey, ab, out: m.merge_yuv420(grey, ab),
            "the guided composition + cvtColor RGB2YUV_I420", 3, _ycc_error(peers),
        ),
        Case(
            "prepare 256 u8->f32", ("prepare", "prepared_size"), lambda p: (p.luma(),),
            lambda grey, out: ops.prepare(grey, 256, 32, out=out), _prepare_output,
            _prepare_peer, "cv2.resize INTER_AREA + NumPy normalise", 0.01, _prepared,
        ),
        Case(
            "clahe u8", ("clahe",), lambda p: (p.luma(),),
            lambda grey, out: ops.clahe(grey, out=out), np.empty_like,
            lambda m: m.clahe, "cv2.createCLAHE", 0,
        ),
        Case(
            "clahe u16", ("clahe",), lambda p: (p.luma(np.uint16),),
            lambda grey, out: ops.clahe(grey, out=out), np.empty_like,
            lambda m: m.clahe, "cv2.createCLAHE", 0,
        ),
        Case(
            "luma u8", ("luma",), lambda p: (p.rgb(),),
            lambda image, out: ops.luma(image, out=out),
            lambda image: np.empty(image.shape[:2], np.uint8),
            lambda m: m.luma, "cv2.cvtColor RGB2GRAY", 1,
        ),
        Case(
            "split_tiles u8", ("split_tiles",), lambda p: (p.luma(),), _split,
            lambda grey: np.empty((_tile_grid(grey).count, TILE, TILE), np.uint8),
            lambda m: lambda grey, out: (m.split_tiles(grey, TILE, OVERLAP, out),),
            "cv2.copyMakeBorder + NumPy windows", 0,
        ),
        Case(
            "blend_tiles feather f32", ("blend_tiles", "split_tiles"), _cut_up, _blend,
            lambda size, tiles: np.empty(size.shape[:2], np.float32),
            lambda m: lambda size, tiles, out: m.blend_tiles(size.shape[:2], tiles, OVERLAP),
            "NumPy, each tile times its window", 1e-4,
        ),
        Case(
            "delta_e2000 f32", ("delta_e2000",), lambda p: (p.lab(), p.lab()),
            lambda lab1, lab2, out: ops.delta_e2000(lab1, lab2, out=out),
            lambda lab1, lab2: np.empty(lab1.shape[:2], np.float32),
            lambda m: m.delta_e2000(), "skimage.color.deltaE_ciede2000 f32", 0.01, share=0.125,
        ),
        Case(
            "is_neutral u8", ("is_neutral",), lambda p: (p.rgb(),),
            lambda image, out: ops.is_neutral(image), lambda image: np.empty(0),
            lambda m: None, "", 0, devices=("cpu",),
        ),
    ]  # fmt: skip
