"""Times the reversible JPEG against encoding the same picture anew with TurboJPEG, one thread.

python benchmarks/bench_jpeg.py [MEGAPIXELS ...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import simplejpeg

import fastcolor.data
from fastcolor import jpeg, ops

ROUNDS = 15


def milliseconds(function: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - begin)
    return best * 1e3


def planes(megapixels: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grainy photograph of that size, with chroma as it comes from a small network."""
    path = next(iter(fastcolor.data.__path__)) + "/coffee.jpg"
    with open(path, "rb") as file:
        photograph = simplejpeg.decode_jpeg(file.read(), "RGB")
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    width = round(megapixels * 1e6 / height)
    ab = ops.rgb_to_lab(photograph)[::2, ::2, 1:].transpose(2, 0, 1)
    rows = np.arange(height) * photograph.shape[0] // height
    columns = np.arange(width) * photograph.shape[1] // width
    grain = np.random.default_rng(0).normal(0, 4, (height, width))
    luma = np.clip(ops.luma(photograph)[rows][:, columns] + grain, 0, 255).astype(np.uint8)
    return (luma, *ops.merge_ycc(luma, np.ascontiguousarray(ab), "420"))


def measure(megapixels: float) -> None:
    luma, cb, cr = planes(megapixels)
    grey = simplejpeg.encode_jpeg(luma[..., None], quality=85, colorspace="GRAY")
    colour = simplejpeg.encode_jpeg_yuv_planes(luma, cb, cr, quality=85)
    chroma = jpeg.encode_chroma(cb, cr)
    joined, small = jpeg.join(grey, chroma), jpeg.join(grey, chroma, optimize=True)
    encoded = milliseconds(lambda: simplejpeg.encode_jpeg_yuv_planes(luma, cb, cr, quality=85))
    print(f"{megapixels:g} MP, grey {len(grey)} bytes; encoding it in colour {encoded:.2f} ms")
    for name, function, size in (
        ("join", lambda: jpeg.join(grey, chroma), len(joined)),
        ("join, optimize", lambda: jpeg.join(grey, chroma, optimize=True), len(small)),
        ("encode_chroma", lambda: jpeg.encode_chroma(cb, cr), 0),
        ("revert", lambda: jpeg.revert(joined), 0),
        ("drop_chroma", lambda: jpeg.drop_chroma(colour), 0),
        ("probe", lambda: jpeg.probe(grey), 0),
    ):
        took = milliseconds(function)
        more = f", {100 * size / len(grey) - 100:+.1f} % bytes" if size else ""
        print(f"  {name}: {took:.2f} ms, {took / encoded:.3f} of encoding{more}")


if __name__ == "__main__":
    for each in [float(size) for size in sys.argv[1:]] or [2.0, 6.0, 12.0]:
        measure(each)
