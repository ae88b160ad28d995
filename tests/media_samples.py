"""Pictures, files, profiles and blocks that the tests of codecs and metadata share."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from fastcolor.media.codecs import open_document, open_output

#: x, y of red, green and blue, adapted to D50
SRGB_PRIMARIES = np.array([[0.6484, 0.3309], [0.3212, 0.5979], [0.1559, 0.0660]])


def picture(width: int, height: int, channels: int, dtype: type = np.uint8) -> np.ndarray:
    """Smooth, with every code somewhere."""
    y, x = np.mgrid[0:height, 0:width]
    grey = (x * 3 + y * 2) % 256
    if channels == 3:
        grey = np.stack((grey, grey[::-1], grey[:, ::-1]), 2)
    return (grey * (257 if dtype == np.uint16 else 1)).astype(dtype)


def exif_block() -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    exif[271] = "Voigtländer".encode()
    exif[306] = "2020:01:02 03:04:05"
    exif.get_ifd(34665)[36867] = "1931:05:02 10:00:00"
    exif.get_ifd(34853)[1] = "N"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def grey_profile(gamma: float, *, lab: bool = False) -> bytes:
    """A version 2 profile of grey: Y (or L* / 100 where ``lab``) is the code to this power."""
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(78) + bytes(1)
    blocks = ((b"desc", text), (b"wtpt", white), (b"kTRC", curve))
    at = 128 + 4 + 12 * len(blocks)
    table, body = struct.pack(">I", len(blocks)), b""
    for name, block in blocks:
        block += b"\0" * (-len(block) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(block))
        body += block
    space = b"Lab " if lab else b"XYZ "
    head = struct.pack(
        ">I4s4s4s4s4s", at + len(body), b"\0" * 4, b"\2\x10\0\0", b"mntr", b"GRAY", space
    )
    head = head[:24] + struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + white[8:]
    return head.ljust(128, b"\0") + table + body


def encode(
    format: str, pixels: np.ndarray, alpha: np.ndarray | None = None, **options: object
) -> bytes:
    file = io.BytesIO()
    with open_output(file, format, **options) as writer:
        writer.write(pixels, alpha=alpha)
    return file.getvalue()


def by_pillow(pixels: np.ndarray | Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, format, **options)
    return file.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    with open_document(data, fail_on="warning") as document:
        page = document.page(0)
        pixels = page.pixels()
        assert pixels.shape[:2] == (page.height, page.width)
        assert pixels.dtype == page.dtype
        assert (1 if pixels.ndim == 2 else 3) == page.channels
        return pixels
