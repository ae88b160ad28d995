"""EXIF blocks: what this package needs to know of them, and making them from TIFF fields."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import NamedTuple

from fastcolor.media.metadata._ifd import (
    EXIF_IFD,
    GPS_IFD,
    INTEROP_IFD,
    Entry,
    Ifd,
    IfdError,
    ReadAt,
    integers,
    rational,
    read_header,
    read_ifd,
    swapped,
    write_ifd,
)

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296
_CLASSIC = 12  # the last type of fields that EXIF has; those above are BigTIFF's and offsets
_MOST = 16 << 20  # bytes of the fields of one directory

# Fields that describe how pixels are stored, or whose contents travel elsewhere: XMP, IPTC, ICC,
# Photoshop's blocks and layers, directories. Everything else describes the picture and is kept.
_STRUCTURE = (
    set(range(254, 267))
    | {273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297, 300, 301}
    | set(range(317, 348))
    | set(range(512, 533))
    | {559, 700, 32781, 32995, 32996, 33421, 33422, 33723, 34377, 34675, 37724, 50688}
    | {EXIF_IFD, GPS_IFD, INTEROP_IFD}
)


class Exif(NamedTuple):
    """The directories of an EXIF block, without that of the thumbnail."""

    order: str
    main: Ifd
    exif: Ifd
    gps: Ifd
    interop: Ifd


def parse(block: bytes) -> Exif:
    """The fields of an EXIF block (without the "Exif" that JPEG puts before it), or IfdError."""
    order, big, first = read_header(block)
    return read(lambda offset, size: block[offset : offset + size], order, big, first)


def read(source: ReadAt, order: str, big: bool, first: int) -> Exif:
    """What describes the picture in the directory at ``first``, and in those that it points to."""
    everything, _ = read_ifd(source, first, order, big, most=_MOST)

    def below(parent: Ifd, tag: int) -> Ifd:
        offsets = integers(parent.get(tag), order)
        try:
            return read_ifd(source, offsets[0], order, big, most=_MOST)[0] if offsets else {}
        except IfdError:
            return {}

    exif = below(everything, EXIF_IFD)
    gps = below(everything, GPS_IFD)
    interop = below(exif, INTEROP_IFD)
    exif.pop(INTEROP_IFD, None)
    main = {tag: entry for tag, entry in everything.items() if tag not in _STRUCTURE}
    classic = [
        {t: e for t, e in ifd.items() if e.type <= _CLASSIC} for ifd in (main, exif, gps, interop)
    ]
    return Exif(order, *classic)


def kept(tag: int, type: int, size: int) -> bool:
    """Whether read() takes over a field of a page, or something else that reads it does."""
    return tag in _STRUCTURE or (type <= _CLASSIC and size <= _MOST)


def build(found: Exif) -> bytes | None:
    """An EXIF block of these fields; None when there are none."""
    if not any((found.main, found.exif, found.gps, found.interop)):
        return None
    block = (b"II*\0" if found.order == "<" else b"MM\0*") + struct.pack(found.order + "I", 8)
    pointers = [tag for tag, ifd in ((EXIF_IFD, found.exif), (GPS_IFD, found.gps)) if ifd]
    if found.interop and not found.exif:
        pointers.append(EXIF_IFD)
    nowhere = Entry(4, 1, b"\0\0\0\0")
    main = found.main | dict.fromkeys(pointers, nowhere)
    place = 8 + len(write_ifd(main, 8, found.order, False))
    tail, offsets = sub_directories(found, place, big=False)
    for tag, offset in offsets.items():
        main[tag] = Entry(4, 1, struct.pack(found.order + "I", offset))
    return block + write_ifd(main, 8, found.order, False) + tail


def sub_directories(found: Exif, place: int, *, big: bool) -> tuple[bytes, dict[int, int]]:
    """The EXIF and GPS directories as bytes to stand at this offset, and where each lies."""
    tail, offsets = b"", {}
    exif = dict(found.exif)
    if found.interop:
        exif[INTEROP_IFD] = _pointer(found.order, place, big)
        tail += write_ifd(found.interop, place, found.order, big)
    for tag, ifd in ((EXIF_IFD, exif), (GPS_IFD, found.gps)):
        if ifd:
            offsets[tag] = place + len(tail)
            tail += write_ifd(ifd, place + len(tail), found.order, big)
    return tail, offsets


def _pointer(order: str, value: int, big: bool) -> Entry:
    return (
        Entry(18, 1, struct.pack(order + "Q", value))
        if big
        else Entry(4, 1, struct.pack(order + "I", value))
    )


def in_order(found: Exif, order: str) -> Exif:
    """The same fields in another byte order."""
    ifds = (swapped(ifd, found.order, order) for ifd in found[1:])
    return Exif(order, *ifds)


def orientation(block: bytes | None) -> int:
    """1 to 8; 1 where nothing, or nonsense, is said."""
    found = _fields(block)
    values = integers(found.main.get(ORIENTATION), found.order) if found else ()
    return values[0] if values and 1 <= values[0] <= 8 else 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Dots per inch, horizontally and vertically."""
    found = _fields(block)
    return resolution_of(found.main, found.order) if found else None


def resolution_of(main: Ifd, order: str) -> tuple[float, float] | None:
    unit = (integers(main.get(RESOLUTION_UNIT), order) or (2,))[0]
    values = [rational(main.get(tag), order) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    if unit not in (2, 3) or None in values or not all(values):
        return None
    factor = 2.54 if unit == 3 else 1.0
    return (values[0] or 0) * factor, (values[1] or 0) * factor


def resolution_entries(dpi: tuple[float, float], order: str) -> Ifd:
    """The three fields that say so many dots per inch."""
    fields = {}
    for tag, value in zip((X_RESOLUTION, Y_RESOLUTION), dpi):
        ratio = Fraction(value).limit_denominator(10000)
        pair = struct.pack(order + "II", min(ratio.numerator, 0xFFFFFFFF), ratio.denominator)
        fields[tag] = Entry(5, 1, pair)
    fields[RESOLUTION_UNIT] = Entry(3, 1, struct.pack(order + "H", 2))
    return fields


def with_resolution(block: bytes | None, dpi: tuple[float, float]) -> bytes | None:
    """A block that says it, for formats that have no place of their own; a thumbnail is kept."""
    if block is None:
        return build(Exif("<", resolution_entries(dpi, "<"), {}, {}, {}))
    return block


def _fields(block: bytes | None) -> Exif | None:
    try:
        return parse(block) if block else None
    except IfdError:
        return None


def shortened(block: bytes, most: int) -> bytes | None:
    """A block of at most ``most`` bytes: without its thumbnail, then without its largest fields."""
    try:
        found = parse(block)
    except IfdError:
        return None
    ifds = [dict(ifd) for ifd in found[1:]]
    entries = [(len(e.data), i, tag) for i, ifd in enumerate(ifds) for tag, e in ifd.items()]
    total = sum(size + 14 for size, _, _ in entries) + 64  # directories, at most
    for size, which, tag in sorted(entries, reverse=True):
        if total <= most:
            break
        del ifds[which][tag]
        total -= size + 14
    return build(Exif(found.order, *ifds))
