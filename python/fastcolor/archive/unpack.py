"""What is packed with bzip2 or LZMA, members of zip files and files, a bounded piece at a time.

zipfile and tarfile unpack whatever one read of the file gives, which may be a gigabyte from 4 KiB.
"""

from __future__ import annotations

import bz2
import copy
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

_PIECE = 64 << 10  # read from the archive, and the least that is unpacked at a time
_MOST_DICTIONARY = 256 << 20  # of LZMA: that much memory is taken for it


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """What archive.open() gives, for reading from start to end."""
    if info.compress_type not in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return archive.open(info)
    packed = copy.copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # it is that of the unpacked bytes
    return cast(IO[bytes], _Unpacked(archive.open(packed), info))


class _Unpacked:
    def __init__(self, packed: IO[bytes], info: zipfile.ZipInfo) -> None:
        self._packed, self._info = packed, info
        self._crc = 0
        self._decoder: Any = None

    def __enter__(self) -> _Unpacked:
        return self

    def __exit__(self, *error: object) -> None:
        self._packed.close()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""
        if self._decoder is None:
            self._decoder = self._begin()
        parts = []
        while size > 0 and not self._decoder.eof:
            more = self._packed.read(_PIECE) if self._decoder.needs_input else b""
            if self._decoder.needs_input and not more:
                break  # LZMA need not mark its end
            try:
                part = self._decoder.decompress(more, size)
            except (OSError, lzma.LZMAError) as error:
                raise zipfile.BadZipFile(f"its packed data is damaged: {error}") from error
            self._crc = zlib.crc32(part, self._crc)
            parts.append(part)
            size -= len(part)
        if size > 0 and self._crc != self._info.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self._info.filename!r}")
        return b"".join(parts)

    def _begin(self) -> Any:
        if self._info.compress_type == zipfile.ZIP_BZIP2:
            return bz2.BZ2Decompressor()
        head = self._packed.read(4)
        length = struct.unpack("<H", head[2:])[0] if len(head) == 4 else 0
        properties = self._packed.read(length)
        if len(properties) != 5 or properties[0] >= 9 * 5 * 5:
            raise zipfile.BadZipFile("its LZMA properties are damaged")
        # more than all that is unpacked is never looked back at
        needed = min(int.from_bytes(properties[1:], "little"), max(self._info.file_size, 4096))
        if needed > _MOST_DICTIONARY:
            raise zipfile.BadZipFile(f"its LZMA dictionary takes {needed} bytes")
        rest, lc = divmod(properties[0], 9)
        pb, lp = divmod(rest, 5)
        options = {"id": lzma.FILTER_LZMA1, "dict_size": needed, "lc": lc, "lp": lp, "pb": pb}
        try:
            return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options])
        except lzma.LZMAError as error:
            raise zipfile.BadZipFile("its LZMA properties are damaged") from error


class Streams:
    """A .bz2 or .xz file, whose streams stand one behind the other; ``make`` gives a decoder for
    each. Damage is OSError, EOFError or LZMAError."""

    def __init__(self, packed: IO[bytes], make: Callable[[], Any]) -> None:
        self._packed, self._make = packed, make
        self._decoder = make()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""
        parts = []
        while size > 0:
            more = b""
            if self._decoder.eof:
                more = self._decoder.unused_data.lstrip(b"\0") or self._packed.read(_PIECE)
                if not more:
                    break
                self._decoder = self._make()
            elif self._decoder.needs_input:
                more = self._packed.read(_PIECE)
                if not more:
                    raise EOFError
            part = self._decoder.decompress(more, size)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
