"""Pictures and recipes made up for tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

RECIPE = """
name = "mini"
kind = "colorizer"
seed = 3
[model]
name = "fast"
blocks = [1, 1, 1, 1]
top = 32
widths = [16, 16, 16]
[data]
sets = ["pictures"]
short_side = 80
crop = 64
batch = 4
held_out = 8
[degrade]
film = 0.5
graining = 0.5
[[loss]]
name = "ab_nodes"
rebalance = 0.5
[schedule]
steps = {steps}
warmup = 2
checkpoint_minutes = {checkpoint_minutes}
"""


def picture(number: int, width: int = 100, height: int = 84) -> Image.Image:
    """Soft random colours, different for every number."""
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def encoded(number: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture(number).save(stream, kind)
    return stream.getvalue()


def folder(root: Path, count: int = 12) -> Path:
    """``count`` pictures in ``root``/pictures; returns ``root``."""
    target = root / "pictures"
    target.mkdir(parents=True)
    for number in range(count):
        (target / f"{number:04d}.png").write_bytes(encoded(number))
    return root


def make_tar(path: Path, count: int) -> Path:
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            data = encoded(number)
            info = tarfile.TarInfo(f"{number:04d}.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_zip(path: Path, count: int, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for number in range(count):
            archive.writestr(f"{number:04d}.png", encoded(number))
    return path


def damaged_avifs(target: Path) -> Path:
    """Files with a hole at ever another place, in ``target``, which is made; returns it."""
    target.mkdir()
    whole = encoded(1, "AVIF")
    for at in range(200, len(whole), 20):
        (target / f"{at}.avif").write_bytes(whole[:at] + b"\xff" * 16 + whole[at + 16 :])
        (target / f"{at}-cut.avif").write_bytes(whole[:at])
    return target


def recipe(path: Path, steps: int = 6, checkpoint_minutes: float = 10.0) -> Path:
    path.write_text(RECIPE.format(steps=steps, checkpoint_minutes=checkpoint_minutes))
    return path
