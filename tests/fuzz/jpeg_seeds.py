"""Writes seeds for fuzz_jpeg.cpp: python tests/fuzz/jpeg_seeds.py FOLDER."""

from __future__ import annotations

import io
import sys
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

JOIN_PAIR, JOIN_FILE, PROBE, REVERT, DROP = 3, 7, 0, 1, 2


def picture(mode: str, width: int, height: int, **options: object) -> bytes:
    rng = np.random.default_rng(width * 100 + height)
    shape = (height, width) if mode == "L" else (height, width, 3)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(out, "JPEG", **options)
    return out.getvalue()


def write(folder: Path, what: int, first: bytes, second: bytes = b"") -> None:
    number = len(list(folder.iterdir()))
    head = bytes((what,)) + len(first).to_bytes(3, "little")
    (folder / f"seed-{number:04}").write_bytes(head + first + second)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    coding = ({}, {"progressive": True}, {"restart_marker_blocks": 2}, {"quality": 5})
    for (width, height), options in product([(1, 1), (17, 9), (40, 24)], coding):
        grey = picture("L", width, height, **options)
        half = picture("L", (width + 1) // 2, (height + 1) // 2)
        for what in (PROBE, REVERT, DROP):
            write(folder, what, grey)
        for flags in range(0, 128, 8):
            write(folder, JOIN_PAIR | flags, grey, half)
        for subsampling in (0, 1, 2):
            colour = picture("RGB", width, height, subsampling=subsampling, **options)
            write(folder, PROBE, colour)
            write(folder, DROP, colour)
            write(folder, JOIN_FILE, grey, colour)
    try:
        from fastcolor import jpeg
    except ImportError:  # seeds of joined files need a build
        return
    for options in coding:
        grey = picture("L", 17, 9, **options, icc_profile=b"\0" * 16 + b"GRAY" + b"\0" * 200)
        joined = jpeg.join(grey + b"after the end", (picture("L", 9, 5), picture("L", 9, 5)))
        for what in (PROBE, REVERT, DROP, JOIN_PAIR):
            write(folder, what, joined)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
