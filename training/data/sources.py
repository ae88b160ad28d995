"""Pictures in folders, tar shards and zip files, as (name, bytes).

A source that cannot be opened, or a member that cannot be read, is named through
``report`` and skipped; the rest goes on. Order is sorted by name and stable.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from training.data.shards import tar_members

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".ppm"}
Report = Callable[[str], None]


def is_picture(name: str) -> bool:
    """Whether a file of this name counts as a picture."""
    path = Path(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _zip_members(path: Path, report: Report) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if is_picture(name):
                try:
                    data = archive.read(name)
                except Exception as error:  # zlib's, of a password, of an unknown method
                    report(f"{path}: {name}: {error}")
                    continue
                yield name, data


def _folder_members(path: Path, report: Report) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.rglob("*")):
        if file.is_file() and is_picture(file.name):
            try:
                yield str(file.relative_to(path)), file.read_bytes()
            except OSError as error:
                report(f"{file}: {error.strerror or error}")


def members(path: Path, report: Report) -> Iterator[tuple[str, bytes]]:
    """All pictures of one folder, tar or zip file, undecoded."""
    try:
        if path.is_dir():
            yield from _folder_members(path, report)
        elif zipfile.is_zipfile(path):
            yield from _zip_members(path, report)
        else:
            yield from tar_members(path, is_picture, report)
    except Exception as error:  # zipfile raises many on a damaged list of members
        report(f"{path}: {error}")


def state(path: Path) -> str:
    """A text that changes when a file, or any picture below a folder, does."""
    files = [path]
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if is_picture(p.name) and p.is_file())
    rows = []
    for file in files:
        stat = file.stat()
        rows.append(f"{file.relative_to(path)}:{stat.st_size}:{stat.st_mtime_ns}")
    return "\n".join(rows)


def find(root: Path, patterns: Iterable[str], report: Report) -> list[Path]:
    """Sources below ``root`` named by glob patterns; a pattern without a match is reported.

    A pattern that names a folder gives that folder as one source.
    """
    found: list[Path] = []
    for pattern in patterns:
        hits = sorted(root.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
        hits = [hit for hit in hits if hit.exists()]
        if not hits:
            report(f"{root / pattern}: nothing there")
        found.extend(hit for hit in hits if hit not in found)
    return found


def decode(data: bytes, short_side: int) -> np.ndarray:
    """RGB uint8 (h,w,3), upright, short side brought to ``short_side`` when larger.

    Raises what the decoder likes, RuntimeError too, when the bytes are no whole picture.
    """
    with Image.open(io.BytesIO(data)) as picture:
        if picture.format == "JPEG":
            picture.draft("RGB", (2 * short_side, 2 * short_side))
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("RGBA", "LA", "PA"):
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        rgb = upright.convert("RGB")
    width, height = rgb.size
    scale = short_side / min(width, height)
    if scale < 1.0:
        size = (max(short_side, round(width * scale)), max(short_side, round(height * scale)))
        rgb = rgb.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(rgb)
