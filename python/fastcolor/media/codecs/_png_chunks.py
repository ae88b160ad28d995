"""PNG chunks: reading them with limits, metadata, and mending broken pixel data."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from fastcolor.media.codecs._errors import DamagedError, LimitError
from fastcolor.media.codecs._limits import Limits
from fastcolor.media.metadata import Metadata, _exif, _iptc

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RAW_EXIF = ("Raw profile type exif", "Raw profile type APP1")
_RAW_IPTC = "Raw profile type iptc"
XMP_KEY = "XML:com.adobe.xmp"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PASSES = (  # of Adam7: first column, first row, steps
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8)),
    *((2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


class Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int  # 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
    interlaced: bool

    @property
    def samples(self) -> int:
        return _SAMPLES[self.colour]

    def row_bytes(self, width: int) -> int:
        return (width * self.samples * self.depth + 7) // 8

    def raw_bytes(self) -> int:
        """What the compressed data must come to: rows, each behind its filter's byte."""
        if not self.interlaced:
            return self.height * (1 + self.row_bytes(self.width))
        total = 0
        for x, y, dx, dy in _PASSES:
            columns, rows = -(-(self.width - x) // dx), -(-(self.height - y) // dy)
            total += rows * (1 + self.row_bytes(columns)) if columns > 0 and rows > 0 else 0
        return total


class Chunks(NamedTuple):
    header: Header
    palette: bytes
    transparency: bytes
    others: list[tuple[bytes, bytes]]
    data: list[memoryview]  # of the IDAT chunks
    stored: list[memoryview]  # the same chunks whole
    complete: bool  # IEND was reached
    wrong: list[str]  # chunks whose checksum does not fit


def read_chunks(file: bytes) -> Chunks:
    """All chunks; DamagedError when there is no usable header."""
    view = memoryview(file)
    head = None
    palette = transparency = b""
    others: list[tuple[bytes, bytes]] = []
    data: list[memoryview] = []
    stored: list[memoryview] = []
    wrong: list[str] = []
    at, complete = 8, False
    while at + 8 <= len(view) and not complete:
        size, kind = struct.unpack_from(">I4s", view, at)
        body = view[at + 8 : at + 8 + size]
        stated = view[at + 8 + size : at + 12 + size]
        if (
            len(stated) == 4
            and zlib.crc32(view[at + 4 : at + 8 + size]).to_bytes(4, "big") != stated
        ):
            wrong.append(kind.decode("latin-1"))
        if kind == b"IHDR" and head is None:
            head = _header(bytes(body))
        elif kind == b"PLTE":
            palette = bytes(body)
        elif kind == b"tRNS":
            transparency = bytes(body)
        elif kind == b"IDAT":
            data.append(body)
            stored.append(view[at : at + 12 + size])
        elif kind == b"IEND":
            complete = True
        elif len(body) == size:
            others.append((kind, bytes(body)))
        at += 12 + size
    if head is None:
        raise DamagedError("the PNG has no header")
    return Chunks(head, palette, transparency, others, data, stored, complete, wrong)


def _header(body: bytes) -> Header:
    if len(body) < 13:
        raise DamagedError("the PNG ends inside its header")
    width, height, depth, colour, method, filters, interlace = struct.unpack_from(">IIBBBBB", body)
    if depth not in _DEPTHS.get(colour, ()) or method or filters or interlace > 1:
        raise DamagedError(f"the PNG's header says colour type {colour} of {depth} bits")
    return Header(width, height, depth, colour, interlace == 1)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def assembled(found: Chunks, data: bytes | None = None) -> bytes:
    """The picture alone, for decoders that need not see anything else.

    ``data`` takes the place of the compressed pixels.
    """
    head = found.header
    body = struct.pack(
        ">IIBBBBB", head.width, head.height, head.depth, head.colour, 0, 0, head.interlaced
    )
    parts = [SIGNATURE, chunk(b"IHDR", body)]
    if found.palette:
        parts.append(chunk(b"PLTE", found.palette))
    if data is None:
        return b"".join((*parts, *found.stored, chunk(b"IEND", b"")))
    for at in range(0, max(len(data), 1), 1 << 30):
        parts.append(chunk(b"IDAT", data[at : at + (1 << 30)]))
    return b"".join((*parts, chunk(b"IEND", b"")))


def mended(found: Chunks) -> tuple[bytes, str]:
    """(pixel data, zeros where it is missing, compressed anew; what was wrong)."""
    wanted = found.header.raw_bytes()
    raw = bytearray()
    stream = zlib.decompressobj()
    problem = ""
    for part in found.data:
        try:
            raw += stream.decompress(part, max(wanted - len(raw), 1))
        except zlib.error as error:
            problem = f"the PNG's pixels are damaged: {error}"
            break
        if len(raw) >= wanted:
            break
    if not problem and len(raw) < wanted:
        problem = "the PNG ends before its last row"
    rest = bytes(wanted - len(raw)) if len(raw) < wanted else b""
    packed = zlib.compressobj(1)
    return packed.compress(raw[:wanted]) + packed.compress(rest) + packed.flush(), problem


def read_metadata(found: Chunks, limits: Limits) -> Metadata:
    exif = xmp = icc = comment = dpi = photoshop = iptc = None
    texts: list[tuple[str, str]] = []
    problems = []
    for kind, body in found.others:
        try:
            if kind == b"eXIf":
                exif = body.removeprefix(b"Exif\0\0")
            elif kind == b"iCCP":
                icc = _inflated(body.partition(b"\0")[2][1:], limits)
            elif kind == b"pHYs" and len(body) >= 9:
                x, y, unit = struct.unpack_from(">IIB", body)
                dpi = (round(x * 0.0254, 2), round(y * 0.0254, 2)) if unit == 1 and x and y else dpi
            elif kind in (b"tEXt", b"zTXt", b"iTXt"):
                key, value = _text(kind, body, limits)
                if key == XMP_KEY:
                    xmp = value.encode()
                elif key == "Comment" and comment is None:
                    comment = value
                elif key == _RAW_IPTC:
                    raw = _raw_profile(value)
                    photoshop, iptc = (None, raw) if raw[:1] == b"\x1c" else _iptc.parted(raw)
                elif key in _RAW_EXIF and exif is None:
                    exif = _raw_profile(value).removeprefix(b"Exif\0\0")
                else:
                    texts.append((key, value))
        except (zlib.error, ValueError, LimitError) as error:
            problems.append(f"the PNG's {kind.decode()} cannot be read: {error}")
    return Metadata(
        exif=exif, xmp=xmp, icc=icc, dpi=dpi or _exif.resolution(exif), comment=comment,
        iptc=iptc, photoshop=photoshop, texts=tuple(texts), problems=tuple(problems),
    )  # fmt: skip


def _raw_profile(text: str) -> bytes:
    """What ImageMagick puts into texts: hexadecimal behind a line of a name and one of a length."""
    lines = text.lstrip("\n").split("\n", 2)
    return bytes.fromhex(lines[2] if len(lines) == 3 else "")


def _inflated(body: bytes, limits: Limits) -> bytes:
    stream = zlib.decompressobj()
    found = stream.decompress(body, (limits.max_metadata or 1 << 40) + 1)
    limits.check_metadata(len(found), "PNG metadata")
    return found


def _text(kind: bytes, body: bytes, limits: Limits) -> tuple[str, str]:
    key, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        return key.decode("latin-1"), rest.decode("latin-1")
    if kind == b"zTXt":
        return key.decode("latin-1"), _inflated(rest[1:], limits).decode("latin-1")
    packed, tail = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
    if len(tail) != 3:
        raise ValueError("too short")
    value = _inflated(tail[2], limits) if packed else tail[2]
    return key.decode("latin-1"), value.decode("utf-8")


def metadata_chunks(metadata: Metadata) -> bytes:
    """Everything that a PNG can say, to stand behind IHDR."""
    parts = []
    if metadata.icc:
        parts.append(chunk(b"iCCP", b"icc\0\0" + zlib.compress(metadata.icc, 6)))
    if metadata.dpi:
        x, y = (min(round(side / 0.0254), 0x7FFFFFFF) for side in metadata.dpi)
        parts.append(chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if metadata.exif:
        parts.append(chunk(b"eXIf", metadata.exif))
    texts = list(metadata.texts)
    if metadata.comment is not None:
        texts.append(("Comment", metadata.comment))
    resources = _iptc.joined(metadata.photoshop, metadata.iptc)
    if resources:  # the convention that ImageMagick, ExifTool and Exiv2 share
        digits = resources.hex()
        lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
        texts.append((_RAW_IPTC, f"\niptc\n{len(resources):8}\n{lines}\n"))
    if metadata.xmp:
        head = XMP_KEY.encode() + b"\0\0\0\0\0"
        parts.append(chunk(b"iTXt", head + metadata.xmp))
    for key, value in texts:
        try:
            parts.append(chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode("latin-1")))
        except UnicodeEncodeError:
            body = key.encode("latin-1", "replace") + b"\0\0\0\0\0"
            parts.append(chunk(b"iTXt", body + value.encode("utf-8", "replace")))
    return b"".join(parts)
