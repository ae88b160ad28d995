"""What a worker is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from fastcolor.archive.errors import ItemError
from fastcolor.archive.item import Item
from fastcolor.archive.journal import Finished
from fastcolor.archive.sink import Staged
from fastcolor.media import codecs
from fastcolor.media.codecs import Page

LARGE_BYTES = 32 << 20  # from which a TIFF is read piece by piece from its file
#: The --format of each kind that codecs.sniff() names and that is read.
OUTPUT = {"jpeg": "jpg", "png": "png", "tiff": "tiff", "webp": "webp", "jp2": "tiff"}
Data: TypeAlias = "bytes | Path"


@dataclass(frozen=True)
class Task:
    number: int
    item: Item
    row: int
    name: str  #: of the output
    data: bytes = b""  #: of items that must be read in order
    sample: bool = False


@dataclass
class Result:
    """``error`` or both ``finished`` and ``staged``."""

    task: Task
    head: bytes = b""  #: the first bytes
    data: Data = b""  #: until it is computed
    finished: Finished | None = None
    staged: Staged | None = None
    error: Exception | None = None
    sample: tuple[bytes, bytes] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)  #: for the report

    def remark(self, page: Page, format: str) -> None:
        """Notes what the decoder of a page put up with, and what ``format`` cannot keep of it."""
        where = f"page {page.index + 1}: " if page.index else ""
        found = [damage.message for damage in page.warnings]
        found += [*page.left_out, *codecs.lost_in(format, page.metadata)]
        if page.dtype == np.uint16 and format in ("jpeg", "webp"):
            found.append(f"{format} keeps 8 bits of each sample")
        self.remarks += [where + text for text in found]

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[step] = self.seconds.get(step, 0.0) + spent


def read_data(task: Task) -> tuple[bytes, Data]:
    """The first bytes, and all of them or the path of what is better read piece by piece."""
    item = task.item
    if not item.eager and item.size > LARGE_BYTES:
        try:
            with open(item.path, "rb") as file:
                head = file.read(codecs.HEAD)
        except OSError as error:
            raise ItemError(f"cannot be read: {error.strerror or error}") from error
        kind = codecs.sniff(head)
        if kind == "tiff" or kind not in OUTPUT:  # nobody looks further into the latter
            return head, Path(item.path)
    data = task.data or (item.read() if item.read else b"")
    return data[: codecs.HEAD], data


def write_data(file: BinaryIO, data: Data) -> None:
    if isinstance(data, bytes):
        file.write(data)
        return
    for piece in _pieces(data):
        file.write(piece)


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as source:
            while piece := source.read(1 << 20):
                yield piece
    except OSError as error:
        raise ItemError(f"cannot be read: {error.strerror or error}") from error
