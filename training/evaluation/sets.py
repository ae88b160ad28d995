"""Pictures to evaluate on: the shared sets by name, or any folder or tar."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from .. import paths
from ..data.shards import tar_members
from ..data.sources import is_picture

NAMED = {
    "photos": "photos-500.tar",
    "urban": "urban-150.tar",
    "paintings": "paintings-200.tar",
    "bsd100": "bsd100.tar",
    "historical": "historical.tar",
}


@dataclass(frozen=True)
class Picture:
    key: str
    rgb: Tensor
    """(3, h, w) sRGB in [0, 1], on the 8-bit grid."""


def locate(name: str, data: Path | None = None) -> Path:
    """The file or folder of a named set, or the path given; FileNotFoundError if absent."""
    path = (data or paths.data_dir()) / "eval" / NAMED[name] if name in NAMED else Path(name)
    if not path.exists():
        raise FileNotFoundError(f"evaluation set {name!r}: {path} does not exist")
    return path


def _files(path: Path) -> list[tuple[str, bytes | Path]]:
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if is_picture(p.name))
        return [(str(p.relative_to(path)), p) for p in found]
    damage: list[str] = []
    held: list[tuple[str, bytes | Path]] = list(tar_members(path, is_picture, damage.append))
    if damage:
        raise ValueError(damage[0])
    return held


def to_tensor(image: Image.Image) -> Tensor:
    array = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(array.transpose(2, 0, 1).copy())


def pictures(path: Path, limit: int = 0, long_side: int = 0) -> Iterator[Picture]:
    """Every picture, or `limit` of them evenly spaced; shrunk to `long_side` if longer.

    A picture that cannot be read is named on stderr and left out; none at all is an error, and
    so is a damaged tar: results on a part of a set do not compare.
    """
    files = _files(path)
    if limit and limit < len(files):
        files = [files[i * len(files) // limit] for i in range(limit)]
    good = 0
    for key, source in files:
        try:
            data = source.read_bytes() if isinstance(source, Path) else source
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        except Exception as error:  # decoders raise whatever they like
            print(f"{path.name}/{key}: {error}; left out", file=sys.stderr)
            continue
        if long_side and max(image.size) > long_side:
            scale = long_side / max(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            image = image.resize(size, Image.Resampling.LANCZOS)
        good += 1
        yield Picture(key, to_tensor(image))
    if not good:
        raise ValueError(f"{path}: no readable picture")
