"""WebP, by Pillow: 8 bits, the first frame of animations."""

from __future__ import annotations

import io
import struct
import threading
from typing import BinaryIO

import numpy as np
from PIL import Image, WebPImagePlugin

from fastcolor.media.codecs._document import Document, Page, Pixels, Reading, Storage, single
from fastcolor.media.codecs._errors import DamagedError, UnsupportedError
from fastcolor.media.codecs._writer import Writer, to_8_bits
from fastcolor.media.metadata import Metadata, _exif

_ALPHA, _ANIMATED = 0x10, 0x02


class WebpPage(Page):
    """Always decoded as colour: WebP has no grey."""

    def __init__(self, data: bytes, reading: Reading) -> None:
        chunks = dict(reversed(_chunks(data)))
        width, height, alpha, animated = _header(chunks)
        reading.limits.check_page(width, height, 4 if alpha else 3, 1)
        super().__init__((width, height), 3, np.uint8, reading)
        self.has_alpha = alpha
        self.storage = Storage("lossless" if b"VP8L" in chunks else "lossy")
        self._data = data
        self._chunks = chunks
        if len(data) < 8 + int.from_bytes(data[4:8], "little"):
            self.damage("truncated", "the WebP file is shorter than its header says")
        if animated:
            self.damage("warning", "the WebP file is animated: only its first frame is read")

    def pixels(self) -> Pixels:
        return np.ascontiguousarray(self._decode()[..., :3])

    def alpha(self) -> Pixels | None:
        return self._decode()[..., 3].copy() if self.has_alpha else None

    def _decode(self) -> Pixels:
        try:
            with _opened(self._data) as image:
                found = np.array(image.convert("RGBA" if self.has_alpha else "RGB"))
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise DamagedError(f"the WebP file cannot be decoded: {error}") from error
        if found.shape[:2] != (self.height, self.width):
            raise DamagedError("the WebP file's headers contradict each other")
        return found

    def _read_metadata(self) -> Metadata:
        exif = self._chunks.get(b"EXIF", b"").removeprefix(b"Exif\0\0") or None
        xmp = self._chunks.get(b"XMP ") or None
        icc = self._chunks.get(b"ICCP") or None
        return Metadata(exif=exif, xmp=xmp, icc=icc, dpi=_exif.resolution(exif))


_opening = threading.Lock()


def _opened(data: bytes) -> WebPImagePlugin.WebPImageFile:
    """Without Pillow's limit of pixels, a setting of the whole process: Limits has been asked."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return WebPImagePlugin.WebPImageFile(io.BytesIO(data))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    at = 12
    while at + 8 <= len(data) and len(found) < 100_000:
        kind, size = struct.unpack_from("<4sI", data, at)
        found.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size + (size & 1)
    return found


def _header(chunks: dict[bytes, bytes]) -> tuple[int, int, bool, bool]:
    """(width, height, has transparency, animated) without decoding."""
    wide = chunks.get(b"VP8X", b"")
    if len(wide) >= 10:
        width = int.from_bytes(wide[4:7], "little") + 1
        height = int.from_bytes(wide[7:10], "little") + 1
        return width, height, bool(wide[0] & _ALPHA), bool(wide[0] & _ANIMATED)
    lossless = chunks.get(b"VP8L", b"")
    if len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1), False
    lossy = chunks.get(b"VP8 ", b"")
    if len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", lossy, 6)
        return width & 0x3FFF, height & 0x3FFF, False, False
    raise DamagedError("the WebP file has no usable header")


def open_webp(data: bytes, reading: Reading) -> Document:
    return single("webp", WebpPage(data, reading))


class WebpWriter(Writer):
    """Lossless where asked for or where the page was; else lossy with ``quality``."""

    format = "webp"

    def __init__(self, target: BinaryIO, quality: int, lossless: bool) -> None:
        super().__init__(target)
        self._quality = quality
        self._lossless = lossless

    def _write(
        self, pixels: Pixels, metadata: Metadata, alpha: Pixels | None, storage: Storage
    ) -> None:
        if max(pixels.shape[:2]) > 16383:
            raise UnsupportedError(
                f"a side of {max(pixels.shape[:2])} pixels does not fit into WebP (16383)"
            )
        pixels = to_8_bits(pixels)
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        if alpha is not None:
            pixels = np.dstack((pixels, to_8_bits(alpha)))
        exif = metadata.exif
        if metadata.dpi and not exif:
            exif = _exif.with_resolution(None, metadata.dpi)
        Image.fromarray(np.ascontiguousarray(pixels)).save(
            self._target,
            "WEBP",
            quality=self._quality,
            lossless=self._lossless or storage.compression == "lossless",
            method=2,
            exact=alpha is not None,
            exif=exif or b"",
            xmp=metadata.xmp or b"",
            icc_profile=metadata.icc or b"",
        )
