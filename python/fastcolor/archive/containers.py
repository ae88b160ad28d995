"""Zip and tar files as sequences of items; what a member's name or header does wrong is said."""

from __future__ import annotations

import errno
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from fastcolor.archive.errors import ItemError
from fastcolor.archive.item import Item
from fastcolor.archive.kinds import goes_on, kind_of, open_tar
from fastcolor.archive.names import MOST_SIDECAR, is_clutter, is_sidecar, problem, tidied
from fastcolor.archive.unpack import open_member
from fastcolor.errors import MissingDependencyError
from fastcolor.media import codecs

MOST_RATIO = 1000  # of a member's bytes to those it takes in the archive
RATIO_FROM_BYTES = 64 << 20  # smaller members may be packed as well as they like
_MOST_BEHIND = 16 << 20  # bytes behind the end of a tar that are looked at
_READ_AHEAD = 256 << 10  # of a compressed tar, which hides where in it a member begins

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
    struct.error,
    RuntimeError,
    ValueError,
    OverflowError,
)


def members(path: Path, prefix: str, most_bytes: int) -> Iterator[Item]:
    """The items of an archive, in its order. An item's bytes must be read before the next one.

    Damage ends the iteration with an item that says so.
    """
    kind = kind_of(path)
    last = Item(str(path), "", -1, prefix or path.name, 0, 0)
    try:
        if kind == "zip":
            yield from _zip_members(path, prefix, most_bytes)
        elif kind is not None:
            yield from _tar_members(path, kind, prefix, most_bytes)
        else:
            yield last.bad("is not a zip or tar file, or is damaged at its start")
    except MissingDependencyError as error:
        yield last.bad(str(error))
    except _DAMAGED as error:
        yield last.bad(f"the archive is damaged: {_sentence(error)}")


def count(path: Path) -> int | None:
    """How many members a zip has; None where that would take reading it all."""
    try:
        if kind_of(path) != "zip":
            return None
        with zipfile.ZipFile(path) as archive:
            return sum(not (i.is_dir() or is_clutter(i.filename)) for i in archive.infolist())
    except (*_DAMAGED, OSError):
        return 1


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno == errno.EINVAL:  # a seek to before the start
        return "it is said to lie outside the archive"
    if isinstance(error, EOFError):
        return "the archive ends inside it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _zip_members(path: Path, prefix: str, most_bytes: int) -> Iterator[Item]:
    with zipfile.ZipFile(path) as archive:
        for position, info in enumerate(archive.infolist()):
            if info.is_dir() or is_clutter(info.filename):
                continue
            name, wrong = _zip_name(info)
            item = Item(
                str(path), name, position, _join(prefix, name), info.file_size, _zip_time(info)
            )
            wrong = wrong or problem(name)
            if stat.S_ISLNK(info.external_attr >> 16):
                wrong = "is a symbolic link, which is not followed"
            elif info.flag_bits & 1:
                wrong = "is protected by a password"
            wrong = wrong or too_big(info.file_size, most_bytes)
            wrong = wrong or _too_packed(info.file_size, info.compress_size)
            if wrong:
                yield item.bad(wrong)
            else:
                yield item.holding(partial(_zip_bytes, archive, info), eager=True)


def _zip_name(info: zipfile.ZipInfo) -> tuple[str, str | None]:
    """The name, with / between folders, and what is wrong with its bytes."""
    name = info.orig_filename.split("\0")[0]
    if not info.flag_bits & 0x800 and not name.isascii():  # zipfile took it for cp437
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            return name, "its name is not UTF-8; rename it, for example with convmv"
    return tidied(name.replace("\\", "/")), None


def _zip_time(info: zipfile.ZipInfo) -> int:
    try:
        return int(datetime(*info.date_time).timestamp()) * 1_000_000_000
    except (ValueError, OverflowError, OSError):
        return 0


def _zip_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with open_member(archive, info) as file:
            wanted = _is_small_sidecar(info.filename, info.file_size)
            data, whole = _picture_bytes(file, info.file_size + 1, wanted)
    except (*_DAMAGED, OSError) as error:
        raise ItemError(f"cannot be unpacked: {_sentence(error)}") from error
    if whole and len(data) != info.file_size:
        raise ItemError(
            f"unpacks to another size than the {info.file_size} bytes that the zip states"
        )
    return data


def _tar_members(path: Path, kind: str, prefix: str, most_bytes: int) -> Iterator[Item]:
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        archive = open_tar(file, kind, stack)
        packed = file.tell if kind != "tar" else None
        for position, info in enumerate(archive):
            cast(Any, archive).members = []  # or it would keep every header
            if info.isdir() or is_clutter(info.name):
                continue
            name = tidied(info.name)
            seconds = info.mtime if 0 <= info.mtime < 1 << 33 else 0
            item = Item(
                str(path), name, position, _join(prefix, name), info.size,
                int(seconds * 1_000_000_000),
            )  # fmt: skip
            wrong = problem(name)
            if info.issym() or info.islnk():
                wrong = "is a link, which is not followed"
            elif not info.isfile():
                wrong = "is not a file"
            wrong = wrong or too_big(info.size, most_bytes)
            if info.issparse():
                stored = sum(size for _, size in cast(Any, info).sparse)
                wrong = wrong or _too_packed(info.size, stored)
            if wrong:
                yield item.bad(wrong)
            else:
                yield item.holding(partial(_tar_bytes, archive, info, packed), eager=True)
        if goes_on(archive, _MOST_BEHIND):
            raise tarfile.ReadError("another tar follows behind its end, which is not read")


def _tar_bytes(
    archive: tarfile.TarFile, info: tarfile.TarInfo, packed: Callable[[], int] | None
) -> bytes:
    """``packed`` tells how far a compressed archive has been read."""
    start = packed() - _READ_AHEAD if packed is not None else 0

    def check(size: int) -> None:
        wrong = _too_packed(size, packed() - start) if packed is not None else None
        if wrong:
            raise ItemError(wrong)

    try:
        file = archive.extractfile(info)
        wanted = _is_small_sidecar(info.name, info.size)
        data, whole = (
            (b"", True) if file is None else _picture_bytes(file, info.size, wanted, check)
        )
    except (*_DAMAGED, OSError) as error:
        raise ItemError(f"cannot be unpacked: {_sentence(error)}") from error
    if whole and len(data) != info.size:
        raise ItemError("the archive ends inside it")
    return data


def _picture_bytes(
    file: IO[bytes], most: int, wanted: bool, check: Callable[[int], None] | None = None
) -> tuple[bytes, bool]:
    """Up to ``most`` bytes, and True; of what is not ``wanted`` and does not begin like a picture
    only the first ones, and False. ``check`` hears how many there are, again and again."""
    head = file.read(min(codecs.HEAD, most))
    if not wanted and len(head) == codecs.HEAD and codecs.sniff(head) not in codecs.READ:
        return head, False
    buffer = BytesIO()
    buffer.write(head)
    while part := file.read(min(1 << 20, most - buffer.tell())):
        buffer.write(part)
        if check is not None:
            check(buffer.tell())
    return buffer.getvalue(), True


def _is_small_sidecar(name: str, size: int) -> bool:
    return is_sidecar(name) and size <= MOST_SIDECAR


def _too_packed(size: int, packed: int) -> str | None:
    if size <= RATIO_FROM_BYTES or size <= MOST_RATIO * packed:
        return None
    return (
        f"unpacks to more than {MOST_RATIO} times the bytes that it takes in the archive, which no "
        f"picture of more than {RATIO_FROM_BYTES >> 20} MiB does; unpack it yourself if it is one"
    )


def too_big(size: int, most_bytes: int) -> str | None:
    if not most_bytes or size <= most_bytes:
        return None
    return f"has {size} bytes, more than the limit of {most_bytes}; --max-file N raises it"


def _join(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
