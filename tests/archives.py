"""Archives for tests: tiny pictures, bad items, and the command as a real process."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from fastcolor.archive import Settings, run
from fastcolor.archive.progress import Progress

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
    return [str(path) for path in folder.rglob(".fastcolor-*") if path.is_file()]


SETTINGS = Settings(size=32, jobs=2)


class Heard(Progress):
    """What a run said, by item."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[str, str] = {}
        self.outcomes: dict[str, str] = {}

    def failed(self, item, reason):
        self.failures[item.label] = reason

    def done(self, item, finished, seconds):
        self.outcomes[item.label] = finished.outcome


def colour(inputs, output: Path, settings: Settings = SETTINGS, **options) -> tuple[int, Heard]:
    heard = Heard()
    paths = inputs if isinstance(inputs, list) else [inputs]
    outcome = run(paths, output, settings, progress=heard, **options)
    assert not leftovers(output.parent)
    return outcome.exit_code, heard


class Meddling(Heard):
    """Does something to the world when so many items are done."""

    def __init__(self, after: int, what) -> None:
        super().__init__()
        self.after, self.what = after, what

    def done(self, item, finished, seconds):
        super().done(item, finished, seconds)
        if len(self.outcomes) == self.after:
            self.what()


def make_archive(path: Path, kind: str, count: int = 5) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(count):
                archive.writestr(f"{number}.jpg", jpeg(number))
        return path
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(count):
            info = tarfile.TarInfo(f"./{number}.jpg")
            info.size, info.mtime = len(jpeg(number)), 1_000_000_000
            archive.addfile(info, io.BytesIO(jpeg(number)))
    data = buffer.getvalue()
    if kind == "tar.gz":
        data = gzip.compress(data)
    if kind == "tar.bz2":
        data = bz2.compress(data)
    if kind == "tar.xz":
        data = lzma.compress(data)
    if kind == "tar.zst":
        data = pytest.importorskip("zstandard").compress(data)
    path.write_bytes(data)
    return path
