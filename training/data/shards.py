"""Files in tar archives; where an archive is damaged, and what is lost there, is said.

tarfile takes whatever is no header for the end of the archive. Here an archive ends with
zeros, as tar writes them, or it is damaged.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_MOST_ZEROS = 1 << 20  # at the end; more are a hole
_PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_UNREADABLE = (
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    zlib.error,
    lzma.LZMAError,
)


def tar_members(
    path: Path, wanted: Callable[[str], bool], report: Callable[[str], None]
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files with ``wanted`` names; the tar may be packed.

    Every damage is reported once, and reading goes on at the next header behind it.
    """
    with path.open("rb") as raw:
        file = _unpacked(raw)
        last, end = "its start", 0
        while True:
            file.seek(end)
            try:
                with tarfile.open(fileobj=file, mode="r:") as archive:
                    for info in archive:
                        if info.isfile() and wanted(info.name):
                            stream = archive.extractfile(info)
                            yield info.name, stream.read() if stream else b""
                        last, end = info.name, archive.offset
            except _UNREADABLE:
                pass  # what follows tells what is lost
            try:
                found, passed, damaged = _next_header(file, end)
            except _UNREADABLE as error:
                report(f"{path}: cannot be read any further after {last}: {error}")
                return
            if damaged:
                report(f"{path}: damaged after {last} (byte {end}); {passed} bytes are lost")
            elif not passed:
                report(f"{path}: cut off after {last}: its end mark is missing")
            if found is None:
                return
            end = found


def _unpacked(raw: BinaryIO) -> BinaryIO:
    head = raw.read(tarfile.BLOCKSIZE)
    raw.seek(0)
    for magic, unpack in _PACKED.items():
        if head.startswith(magic) and not _is_header(head):
            return unpack(raw)
    return raw


def _next_header(file: BinaryIO, end: int) -> tuple[int | None, int, bool]:
    """Where the next header behind the block at ``end`` is; how many bytes are passed until
    there, or until the end of the file; and whether they are no proper end of an archive."""
    file.seek(end)
    passed, zeros = 0, True
    while piece := file.read(1 << 20):
        for at in range(0, len(piece), tarfile.BLOCKSIZE):
            if passed + at and _is_header(piece[at : at + tarfile.BLOCKSIZE]):
                return end + passed + at, passed + at, True
        passed += len(piece)
        zeros = zeros and not piece.strip(b"\0")
    return None, passed, not zeros or passed > _MOST_ZEROS


def _is_header(block: bytes) -> bool:
    if block[257:262] != b"ustar":
        return False
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True
