"""JPEG files up to their first scan: the frame, and metadata in marker segments."""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

from fastcolor.media.codecs._errors import CodecError, DamagedError
from fastcolor.media.metadata import Metadata, _exif, _iptc, _xmp

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_ICC = b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MOST = 65533  # bytes of a segment's contents
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x00, 0x01, 0xFF, *range(0xD0, 0xD8)}


class Frame(NamedTuple):
    """What SOFn says, and what stands before the first scan."""

    marker: int
    precision: int
    width: int
    height: int
    components: tuple[tuple[int, int, int], ...]  # identifier, horizontal, vertical sampling
    segments: list[tuple[int, bytes]]  # APPn and COM
    scan: int  # where the first SOS begins

    @property
    def progressive(self) -> bool:
        return self.marker in (0xC2, 0xC6, 0xCA, 0xCE)


def read_frame(data: bytes) -> Frame:
    """Bounds-checked; DamagedError where a file ends before its first scan."""
    at, length = 2, len(data)
    segments: list[tuple[int, bytes]] = []
    frame: tuple[int, bytes] | None = None
    while True:
        if data[at : at + 1] != b"\xff":
            at = data.find(b"\xff", at)
        if at < 0 or at + 4 > length:
            raise DamagedError("the JPEG ends before its first scan")
        marker = data[at + 1]
        if marker == 0xDA:
            break
        if marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            raise DamagedError("the JPEG ends before its first scan")
        size = data[at + 2] << 8 | data[at + 3]
        end = at + 2 + size
        if size < 2 or end > length:
            raise DamagedError("the JPEG ends inside its header")
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            segments.append((marker, data[at + 4 : end]))
        elif marker in _FRAMES and frame is None:
            frame = (marker, data[at + 4 : end])
        at = end
    if frame is None:
        raise DamagedError("the JPEG has no frame header")
    kind, body = frame
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise DamagedError("the JPEG's frame header is too short")
    precision, height, width, count = struct.unpack_from(">BHHB", body)
    parts = tuple((body[i], body[i + 1] >> 4, body[i + 1] & 15) for i in range(6, 6 + 3 * count, 3))
    return Frame(kind, precision, width, height, parts, segments, at)


def read_metadata(segments: list[tuple[int, bytes]]) -> Metadata:
    found: dict[str, bytes] = {}
    profile: dict[int, bytes] = {}
    resources = b""
    extension: dict[tuple[bytes, int], bytes] = {}
    problems: list[str] = []
    dpi = comment = None
    for marker, body in segments:
        if marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 12 and dpi is None:
            unit, x, y = struct.unpack_from(">BHH", body, 7)
            factor = {1: 1.0, 2: 2.54}.get(unit)
            dpi = (x * factor, y * factor) if factor and x and y else None
        elif marker == 0xE1 and body.startswith(_EXIF):
            found.setdefault("exif", body[len(_EXIF) :])
        elif marker == 0xE1 and body.startswith(_XMP):
            found.setdefault("xmp", body[len(_XMP) :])
        elif marker == 0xE1 and body.startswith(_EXTENSION) and len(body) >= len(_EXTENSION) + 40:
            start = len(_EXTENSION)
            guid, offset = body[start : start + 32], body[start + 36 : start + 40]
            extension[guid, int.from_bytes(offset, "big")] = body[start + 40 :]
        elif marker == 0xE2 and body.startswith(_ICC) and len(body) > 14:
            profile.setdefault(body[12], body[14:])
        elif marker == 0xED and body.startswith(_PHOTOSHOP):
            resources += body[len(_PHOTOSHOP) :]
        elif marker == 0xFE and comment is None:
            comment = body.decode("utf-8", "surrogateescape")
    if extension and "xmp" in found:
        guid = next(iter(extension))[0]
        parts = [part for (of, _), part in sorted(extension.items()) if of == guid]
        try:
            found["xmp"] = _xmp.merged(found["xmp"], b"".join(parts))
        except _xmp.XmpError as error:
            problems.append(f"the extended XMP cannot be read and was left out: {error}")
    photoshop, iptc = _iptc.parted(resources)
    return Metadata(
        exif=found.get("exif"),
        xmp=found.get("xmp"),
        icc=b"".join(profile[number] for number in sorted(profile)) or None,
        iptc=iptc,
        photoshop=photoshop,
        dpi=dpi or _exif.resolution(found.get("exif")),
        comment=comment,
        problems=tuple(problems),
    )


def with_metadata(data: bytes, metadata: Metadata) -> tuple[bytes, memoryview]:
    """A freshly encoded JPEG with this metadata in place of its JFIF header: two parts."""
    head = 2 + 2 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2
    return b"".join((b"\xff\xd8", *segments_of(metadata))), memoryview(data)[head:]


def segments_of(metadata: Metadata) -> list[bytes]:
    """Whole marker segments, JFIF first, in the order in which readers expect them.

    CodecError when a part cannot be kept: EXIF has to fit one segment.
    """
    x, y = (min(max(round(side), 1), 65535) for side in metadata.dpi or (1, 1))
    jfif = struct.pack(">5s2sBHHBB", b"JFIF\0", b"\1\1", int(metadata.dpi is not None), x, y, 0, 0)
    found = [_segment(0xE0, jfif)]
    if metadata.exif:
        block = _EXIF + metadata.exif
        if len(block) > _MOST:
            block = _EXIF + (_exif.shortened(metadata.exif, _MOST - len(_EXIF)) or b"")
        found.append(_segment(0xE1, block))
    if metadata.xmp:
        found += _xmp_segments(metadata.xmp)
    resources = _iptc.joined(metadata.photoshop, metadata.iptc)
    step = _MOST - len(_PHOTOSHOP)
    for at in range(0, len(resources), step):
        found.append(_segment(0xED, _PHOTOSHOP + resources[at : at + step]))
    if metadata.icc:
        step = _MOST - 14
        pieces = [metadata.icc[at : at + step] for at in range(0, len(metadata.icc), step)]
        if len(pieces) > 255:
            raise CodecError("the ICC profile is larger than a JPEG can hold")
        for number, piece in enumerate(pieces, 1):
            found.append(_segment(0xE2, _ICC + bytes((number, len(pieces))) + piece))
    if metadata.comment:
        found.append(_segment(0xFE, metadata.comment.encode("utf-8", "surrogateescape")[:_MOST]))
    return found


def _xmp_segments(packet: bytes) -> list[bytes]:
    most = _MOST - len(_XMP)
    if len(packet) <= most:
        return [_segment(0xE1, _XMP + packet)]

    def guid(block: bytes) -> str:
        return hashlib.md5(block, usedforsecurity=False).hexdigest().upper()

    try:
        main, extension = _xmp.split(packet, most, guid)
    except _xmp.XmpError as error:
        raise CodecError(f"the XMP does not fit into a JPEG: {error}") from error
    name, step = guid(extension).encode(), 65000
    found = [_segment(0xE1, _XMP + main)]
    for at in range(0, len(extension), step):
        place = struct.pack(">II", len(extension), at)
        found.append(_segment(0xE1, _EXTENSION + name + place + extension[at : at + step]))
    return found


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def replaced(data: bytes, metadata: Metadata) -> bytes:
    """A JPEG whose header says this instead of what it said; scans and other segments stay."""
    frame = read_frame(data)
    known = (_EXIF, _XMP, _EXTENSION, _ICC, _PHOTOSHOP, b"JFIF\0")
    kept = []
    for marker, body in frame.segments:
        drop = body.startswith(known) or (marker == 0xFE and metadata.comment is not None)
        if not drop:
            kept.append(_segment(marker, body))
    rest, at = [], 2
    for marker, body in frame.segments:  # cut every APPn and COM out, keep tables and the frame
        start = data.index(_segment(marker, body), at)
        rest.append(data[at:start])
        at = start + 4 + len(body)
    rest.append(data[at:])
    return b"".join((b"\xff\xd8", *segments_of(metadata), *kept, *rest))
