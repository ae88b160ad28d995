"""TIFF directories (IFDs), which TIFF files and EXIF blocks share, as raw entries."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}  # BigTIFF
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_MOST_ENTRIES = 4096

EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965


class IfdError(ValueError):
    """A directory that cannot be read."""


@dataclass(frozen=True)
class Entry:
    """One field: its value is kept as bytes in the order of the file."""

    type: int
    count: int
    data: bytes


Ifd = dict[int, Entry]
ReadAt = Callable[[int, int], bytes]  # offset, size -> bytes, fewer at the end of the file


def read_header(head: bytes) -> tuple[str, bool, int]:
    """(order of struct, BigTIFF?, offset of the first directory)."""
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise IfdError("no TIFF header")
    magic = struct.unpack(order + "H", head[2:4])[0]
    if magic == 42:
        return order, False, struct.unpack(order + "I", head[4:8])[0]
    if magic != 43 or len(head) < 16:
        raise IfdError("no TIFF header")
    return order, True, struct.unpack(order + "Q", head[8:16])[0]


def read_ifd(read: ReadAt, offset: int, order: str, big: bool, *, most: int) -> tuple[Ifd, int]:
    """The entries at this offset and the offset of the next directory, 0 after the last.

    Entries of unknown type, beyond the end or of more than ``most`` bytes are left out, and those
    that come when all before have more together: crafted ones may all share the same bytes.
    """
    wide = 8 if big else 2
    head = read(offset, wide)
    if offset == 0 or len(head) < wide:
        raise IfdError(f"no directory at byte {offset}")
    count = struct.unpack(order + ("Q" if big else "H"), head)[0]
    if not 0 < count <= _MOST_ENTRIES:
        raise IfdError(f"a directory of {count} entries")
    size = 20 if big else 12
    inline = 8 if big else 4
    table = read(offset + wide, count * size + inline)
    found: Ifd = {}
    total = 0
    for start in range(0, min(len(table) - size + 1, count * size), size):
        tag, kind = struct.unpack_from(order + "HH", table, start)
        (length,) = struct.unpack_from(order + ("Q" if big else "I"), table, start + 4)
        needed = SIZES.get(kind, 0) * length
        data = table[start + size - inline : start + size]
        if needed > inline:
            if total + needed > most:
                continue
            total += needed
            data = read(struct.unpack(order + ("Q" if big else "I"), data)[0], needed)
        if 0 < needed <= len(data):
            found.setdefault(tag, Entry(kind, length, data[:needed]))
    rest = table[count * size :]
    following = struct.unpack(order + ("Q" if big else "I"), rest)[0] if len(rest) == inline else 0
    return found, following


def write_ifd(entries: Ifd, offset: int, order: str, big: bool, following: int = 0) -> bytes:
    """A directory to stand at this (even) offset, its values behind it."""
    wide, size, inline = (8, 20, 8) if big else (2, 12, 4)
    word = "Q" if big else "I"
    table = struct.pack(order + ("Q" if big else "H"), len(entries))
    place = offset + wide + size * len(entries) + inline
    values: list[bytes] = []
    for tag, entry in sorted(entries.items()):
        kind, count, data = entry.type, entry.count, entry.data
        field = data.ljust(inline, b"\0")
        if len(data) > inline:
            field = struct.pack(order + word, place)
            padded = data + b"\0" * (-len(data) % (8 if big else 2))
            values.append(padded)
            place += len(padded)
        table += struct.pack(order + "HH" + word, tag, kind, count) + field
    return b"".join((table, struct.pack(order + word, following), *values))


def integers(entry: Entry | None, order: str) -> tuple[int, ...]:
    """The values of an entry of a whole-number type; () for others and for None."""
    if entry is None or entry.type not in _FORMATS:
        return ()
    return struct.unpack(f"{order}{entry.count}{_FORMATS[entry.type]}", entry.data)


def rational(entry: Entry | None, order: str) -> float | None:
    """The first value of a RATIONAL, FLOAT or whole-number entry."""
    if entry is None:
        return None
    if entry.type == 5 and entry.count:
        above, below = struct.unpack_from(order + "II", entry.data)
        return above / below if below else None
    if entry.type in (11, 12) and entry.count:
        return float(struct.unpack_from(order + ("f" if entry.type == 11 else "d"), entry.data)[0])
    values = integers(entry, order)
    return float(values[0]) if values else None


def swapped(ifd: Ifd, order: str, wanted: str) -> Ifd:
    """The same entries in another byte order."""
    if order == wanted:
        return ifd
    result = {}
    for tag, entry in ifd.items():
        kind, count, data = entry.type, entry.count, entry.data
        unit = 4 if kind in (5, 10) else SIZES[kind]
        if unit > 1:
            parts = [data[at : at + unit][::-1] for at in range(0, len(data), unit)]
            data = b"".join(parts)
        result[tag] = Entry(kind, count, data)
    return result
