"""Colours one enormous TIFF and prints the peak of resident memory in MiB (for test_codecs_large).

python codecs_memory.py WIDTH HEIGHT grey8|toned8|grey16 COMPRESSION FOLDER
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

from fastcolor import ops
from fastcolor.media.codecs import for_colour, open_document, open_output


def make(path: Path, width: int, height: int, kind: str, compression: str) -> None:
    """Bands of gradients and noise, never the whole picture."""
    rng = np.random.default_rng(0)
    deep = kind == "grey16"
    noise = rng.integers(0, 12, (512, width), np.uint16 if deep else np.uint8)
    across = np.linspace(20, 220, width).astype(noise.dtype)

    def bands():
        for top in range(0, height, 512):
            grey = noise[: min(512, height - top)] + across
            if deep:
                grey = grey * np.uint16(257)
            if kind == "toned8":
                grey = np.stack((grey, grey - np.uint8(4), grey - np.uint8(10)), 2)
            yield grey

    shape = (height, width, 3) if kind == "toned8" else (height, width)
    with path.open("wb") as file, open_output(file, "tiff", compression=compression) as writer:
        writer.write_bands(shape, bands())


def colour(source: Path, target: Path) -> tuple[float, float]:
    with open_document(source) as document, target.open("wb") as file:
        page = document.page(0)
        begin = time.perf_counter()
        luma = page.luma()
        read = time.perf_counter() - begin
        small = ops.prepare(luma, 256)
        ab = np.zeros((2, *small.shape[2:]), np.float32) + np.float32(8)
        colours = ops.merge_rgb(luma, ab)
        begin = time.perf_counter()
        with open_output(file, "tiff") as writer:
            writer.write(colours, for_colour(page.metadata), storage=page.storage)
        return read, time.perf_counter() - begin


def main() -> None:
    width, height = int(sys.argv[1]), int(sys.argv[2])
    folder = Path(sys.argv[5])
    source = folder / "source.tif"
    make(source, width, height, sys.argv[3], sys.argv[4])
    read, write = colour(source, folder / "target.tif")
    print(f"read {read:.1f} s, write {write:.1f} s", file=sys.stderr)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


if __name__ == "__main__":
    main()
