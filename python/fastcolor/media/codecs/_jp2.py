"""JPEG 2000, boxed or not, by OpenJPEG through imagecodecs; read only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor.media.codecs._document import Document, Page, Pixels, Reading, Storage, single
from fastcolor.media.codecs._errors import DamagedError, UnsupportedError, missing
from fastcolor.media.metadata import Metadata, _exif

_SIZ = b"\xff\x4f\xff\x51"
_UUID_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_UUID_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_UUID_EXIF = b"JpgTiffExif->JP2"
_PARENTS = (b"jp2h", b"res ")


class Jp2Page(Page):
    """1, 2 (grey and alpha), 3 or 4 components of up to 16 bits, unsigned."""

    def __init__(self, data: bytes, reading: Reading) -> None:
        self._boxes = [] if data.startswith(_SIZ) else list(_walk(data, 0, len(data)))
        start = data.find(_SIZ)
        if start < 0 or start + 42 > len(data):
            raise DamagedError("the JPEG 2000 file has no image header")
        x1, y1, x0, y0 = struct.unpack_from(">4I", data, start + 8)
        count = int.from_bytes(data[start + 40 : start + 42], "big")
        parts = data[start + 42 : start + 42 + 3 * count]
        if len(parts) != 3 * count or count == 0:
            raise DamagedError("the JPEG 2000 file ends inside its header")
        bits = {value & 0x7F for value in parts[::3]}
        signed = any(value & 0x80 for value in parts[::3])
        self._bits = max(bits) + 1
        if count > 4 or self._bits > 16 or signed or len(bits) > 1:
            raise UnsupportedError(
                f"a JPEG 2000 file of {count} components of {self._bits} bits is not read; "
                "convert it to grey or RGB of up to 16 bits first"
            )
        if any(kind == b"pclr" for kind, _ in self._boxes):
            raise UnsupportedError("a JPEG 2000 file with a palette is not read")
        depth = np.uint8 if self._bits <= 8 else np.uint16
        reading.limits.check_page(x1 - x0, y1 - y0, count, np.dtype(depth).itemsize)
        super().__init__((x1 - x0, y1 - y0), 1 if count < 3 else 3, depth, reading)
        self.has_alpha = count in (2, 4)
        self.storage = Storage("jpeg2000")
        self._data = data
        if not data.rstrip(b"\0").endswith(b"\xff\xd9") and data.rfind(b"\xff\xd9") < 0:
            self.damage("truncated", "the JPEG 2000 file ends before its end marker")

    def pixels(self) -> Pixels:
        found = self._decode()
        return np.ascontiguousarray(found[..., 0] if self.channels == 1 else found[..., :3])

    def alpha(self) -> Pixels | None:
        return self._decode()[..., -1].copy() if self.has_alpha else None

    def _decode(self) -> Pixels:
        try:
            import imagecodecs
        except ImportError as error:
            raise missing("JPEG 2000") from error
        try:
            found: NDArray[Any] = imagecodecs.jpeg2k_decode(self._data)
        except (imagecodecs.Jpeg2kError, ValueError, RuntimeError) as error:
            raise DamagedError(f"the JPEG 2000 file cannot be decoded: {error}") from error
        found = found.reshape(*found.shape[:2], -1)
        if found.shape[:2] != (self.height, self.width) or found.shape[2] < self.channels:
            raise DamagedError("the JPEG 2000 file's headers contradict its picture")
        if self._bits in (8, 16):
            return found.astype(self.dtype, copy=False)
        most, whole = (1 << self._bits) - 1, 256**self.dtype.itemsize - 1
        table = (np.arange(most + 1) * whole + most // 2) // most
        wide: Pixels = np.take(table.astype(self.dtype), np.minimum(found, most))
        return wide

    def _read_metadata(self) -> Metadata:
        found: dict[str, bytes] = {}
        dpi = None
        for kind, body in self._boxes:
            if kind == b"uuid":
                names = {_UUID_XMP: "xmp", _UUID_IPTC: "iptc", _UUID_EXIF: "exif"}
                if body[:16] in names:
                    found.setdefault(names[body[:16]], body[16:])
            elif kind == b"colr" and body[:1] in (b"\2", b"\3"):
                found.setdefault("icc", body[3:])
            elif kind in (b"resc", b"resd") and len(body) >= 10 and dpi is None:
                yn, yd, xn, xd, ye, xe = struct.unpack_from(">4H2b", body)
                if yn and yd and xn and xd and abs(xe) < 12 and abs(ye) < 12:
                    dpi = (xn / xd * 10.0**xe * 0.0254, yn / yd * 10.0**ye * 0.0254)
        exif = found.get("exif", b"").removeprefix(b"Exif\0\0") or None
        return Metadata(
            exif=exif,
            xmp=found.get("xmp"),
            iptc=found.get("iptc"),
            icc=found.get("icc"),
            dpi=dpi or _exif.resolution(exif),
        )


def _walk(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Boxes with their contents; the codestream only by name."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= end:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else min(at + size, end)
        if stop < at + head:
            return
        if kind in _PARENTS:
            yield from _walk(data, at + head, stop)
        else:
            yield kind, b"" if kind == b"jp2c" else data[at + head : stop]
        at = stop


def open_jp2(data: bytes, reading: Reading) -> Document:
    return single("jp2", Jp2Page(data, reading))
