"""Archives for tests: tiny pictures, bad items, and the command as a real process."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

QUICK = ("--size", "32")  # a network input that takes a millisecond


def grey(seed: int, width: int = 40, height: int = 30) -> np.ndarray:
    """A picture with shapes and grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    plane = 128 + 70 * np.sin(x / 7 + seed) * np.cos(y / 5 - seed) + rng.normal(0, 6, x.shape)
    return plane.clip(0, 255).astype(np.uint8)


def jpeg(seed: int, width: int = 40, height: int = 30) -> bytes:
    return bytes(simplejpeg.encode_jpeg(grey(seed, width, height)[..., None], 88, "GRAY", "GRAY"))


def png(seed: int, width: int = 40, height: int = 30) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey(seed, width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def colour_jpeg(seed: int) -> bytes:
    plane = grey(seed)
    rgb = np.stack([plane, np.roll(plane, 9, 1), 255 - plane], axis=2)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), 88, "RGB", "444"))


def fill(folder: Path, count: int) -> Path:
    """``count`` pictures in sub-folders of up to 100."""
    for number in range(count):
        target = folder / f"box{number // 100}" / f"{number:06}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        if number % 10 == 9:
            target.with_suffix(".png").write_bytes(png(number))
        else:
            target.write_bytes(jpeg(number))
    return folder


def arguments(*given: object) -> list[str]:
    return [sys.executable, "-m", "fastcolor", "colorize", *map(str, given)]


def colorize(*given: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments(*given), capture_output=True, text=True, timeout=300,
        env=dict(os.environ), **options,
    )  # fmt: skip


def tree(folder: Path) -> dict[str, str]:
    """The files of a folder by relative name, as digests."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob(".fastcolor-*")]
