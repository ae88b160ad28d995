"""How a .zip and a .tar are laid out: what stands around members, and finding it again."""

from __future__ import annotations

import struct
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

Date = tuple[int, int, int, int, int, int]
_LATE = 1 << 33  # seconds since 1970: in the 23rd century, behind what a zip can say
_ZIP_HEADER = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True)
class Member:
    """One that lies in a container from ``start`` on. ``date`` is that of a zip's directory."""

    name: str
    start: int
    size: int
    crc: int
    date: Date = (1980, 1, 1, 0, 0, 0)


class Layout(Protocol):
    def header(self, name: str, mtime_ns: int, size: int, crc: int) -> bytes:
        """What stands before a member's bytes."""
        ...

    def padding(self, size: int) -> bytes:
        """What stands after them."""
        ...

    def header_at(self, file: IO[bytes], start: int) -> tuple[bytes, Date]:
        """The header that was written there; ValueError where none stands."""
        ...

    def end(self, file: IO[bytes], members: Iterable[Member]) -> None:
        """Writes what closes the container, whose members lie in this order."""
        ...


def layout_of(path: Path) -> Layout:
    return Tar() if path.suffix.lower() == ".tar" else Zip()


class Zip:
    def header(self, name: str, mtime_ns: int, size: int, crc: int) -> bytes:
        return _info(Member(name, 0, size, crc, zip_date(mtime_ns))).FileHeader()

    def padding(self, size: int) -> bytes:
        return b""

    def header_at(self, file: IO[bytes], start: int) -> tuple[bytes, Date]:
        file.seek(start)
        fixed = file.read(_ZIP_HEADER.size)
        if len(fixed) < _ZIP_HEADER.size or fixed[:4] != b"PK\x03\x04":
            raise ValueError("no member begins there")
        _, _, _, _, time, day, _, _, _, name, extra = _ZIP_HEADER.unpack(fixed)
        date = (
            1980 + (day >> 9),
            day >> 5 & 15,
            day & 31,
            time >> 11,
            time >> 5 & 63,
            time % 32 * 2,
        )
        return fixed + file.read(name + extra), date

    def end(self, file: IO[bytes], members: Iterable[Member]) -> None:
        with zipfile.ZipFile(file, "w") as archive:  # closing it writes the directory at the end
            for member in members:
                info = _info(member)
                info.header_offset = member.start
                archive.filelist.append(info)


class Tar:
    def header(self, name: str, mtime_ns: int, size: int, crc: int) -> bytes:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, mtime_ns // 10**9, 0o644
        return info.tobuf(tarfile.PAX_FORMAT)

    def padding(self, size: int) -> bytes:
        return b"\0" * (-size % tarfile.BLOCKSIZE)

    def header_at(self, file: IO[bytes], start: int) -> tuple[bytes, Date]:
        file.seek(start)
        try:
            first: Any = tarfile.TarFile(fileobj=file).next()
        except tarfile.TarError as error:
            raise ValueError(str(error)) from error
        if first is None:
            raise ValueError("no member begins there")
        file.seek(start)
        return file.read(first.offset_data - start), Member.date

    def end(self, file: IO[bytes], members: Iterable[Member]) -> None:
        file.write(b"\0" * (2 * tarfile.BLOCKSIZE))


def zip_date(mtime_ns: int) -> Date:
    """Local time within what a zip can say."""
    when = datetime.fromtimestamp(min(max(mtime_ns, 0) // 10**9, _LATE))
    date = (when.year, when.month, when.day, when.hour, when.minute, when.second)
    return min(max(date, (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58))


def _info(member: Member) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member.name, member.date)
    info.external_attr = 0o644 << 16
    info.file_size = info.compress_size = member.size
    info.CRC = member.crc
    return info
