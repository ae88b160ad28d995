"""What a command line names, looked at before anything is measured.

Every function raises ValueError or OSError with a sentence that names what is wrong.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from . import report
from .predictors import Network, from_onnx
from .sets import Picture, locate


def network(
    model: str, size: int = 0, threads: int = 0, attributes: Mapping[str, float] | None = None
) -> Network:
    """`NAME=FILE` or `FILE`, then called by the file's stem; an export or a checkpoint."""
    name, _, file = model.rpartition("=")
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"no such model: {path}")
    if path.suffix == ".onnx":
        return from_onnx(path, name or path.stem, size, threads)
    from .checkpoints import from_checkpoint

    return from_checkpoint(path, name or path.stem, size, attributes)


def picture_set(name: str, data: Path | None) -> Path:
    """The folder or tar of a set, which can be read."""
    if not name:
        raise ValueError("the name of an evaluation set is empty")
    path = locate(name, data)
    if path.is_dir():
        return path
    try:
        with tarfile.open(path) as tar:
            tar.getmembers()
    except (tarfile.TarError, EOFError):
        raise ValueError(
            f"evaluation set {name!r}: {path} is neither a folder nor a whole tar"
        ) from None
    return path


def results(path: Path) -> None:
    """A file of results that can be written, and read if it is there."""
    writable(path)
    try:
        if not isinstance(report.read(path)["rows"], list):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: not a file of results") from None


def writable(path: Path) -> None:
    """A file that can be made; its folder is made if need be."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def not_negative(name: str, number: int) -> None:
    if number < 0:
        raise ValueError(f"--{name.replace('_', '-')} {number} is negative")


def large_enough(source: Iterable[Picture], least: int) -> Iterator[Picture]:
    """Those pictures whose sides have `least` pixels; others are named on stderr."""
    good = 0
    for picture in source:
        height, width = picture.rgb.shape[1:]
        if min(height, width) < least:
            print(f"{picture.key}: {width} x {height} is too small; left out", file=sys.stderr)
            continue
        good += 1
        yield picture
    if not good:
        raise ValueError(f"no picture has {least} x {least} pixels")
