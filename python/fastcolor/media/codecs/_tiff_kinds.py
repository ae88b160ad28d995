"""Which kinds of TIFF pixels are read, and what palettes and transparency make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcolor.media.codecs._document import Pixels
from fastcolor.media.codecs._errors import DamagedError, UnsupportedError

if TYPE_CHECKING:
    import tifffile

COMPRESSIONS = {
    1: "none",
    2: "ccitt",
    3: "ccitt",
    4: "ccitt",
    5: "lzw",
    7: "jpeg",
    8: "deflate",
    32773: "packbits",
    32946: "deflate",
    34925: "lzma",
    50000: "zstd",
}
WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, _CMYK, YCC = 0, 1, 2, 3, 5, 6
_UNREAD = {_CMYK: "CMYK", 8: "CIE L*a*b*", 32803: "raw sensor", 34892: "raw linear"}


def refuse(page: tifffile.TiffPage, kind: int, bits: int) -> None:
    """What is not read, in words that say what to do."""
    name = "the TIFF holds "
    if kind in _UNREAD:
        raise UnsupportedError(f"{name}{_UNREAD[kind]} pixels; convert it to grey or RGB first")
    if kind not in (WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, YCC):
        raise UnsupportedError(f"{name}pixels of photometric interpretation {kind}")
    form = int(page.sampleformat or 1)
    if form in (3, 6):
        raise UnsupportedError(
            f"{name}floating-point pixels, whose white is not defined; convert it to 16 bits first"
        )
    if form not in (1, 4):
        raise UnsupportedError(f"{name}signed pixels; convert it to unsigned 8 or 16 bits first")
    if not 1 <= bits <= 16:
        raise UnsupportedError(f"{name}{bits} bits per sample; convert it to 8 or 16 first")
    if kind == YCC and int(page.compression) != 7:
        raise UnsupportedError(f"{name}YCbCr pixels outside JPEG; convert it to RGB first")
    if int(page.imagedepth or 1) != 1:
        raise UnsupportedError(f"{name}a volume of {page.imagedepth} layers")
    if int(page.compression) not in COMPRESSIONS:
        what = getattr(page.compression, "name", page.compression)
        raise UnsupportedError(f"{name}pixels compressed by {what}, which is not read")


def read_palette(page: tifffile.TiffPage, bits: int) -> Pixels:
    """256 greys, or (256, 3) colours; some writers put 8-bit values where 16 belong."""
    try:
        entries = np.asarray(page.colormap, np.uint16).reshape(3, -1).T
    except (ValueError, TypeError) as error:
        raise DamagedError("the TIFF's palette is missing or broken") from error
    if bits > 8 or len(entries) == 0:
        raise DamagedError("the TIFF's palette is missing or broken")
    narrow = entries if entries.max() < 256 else entries >> 8
    table = np.zeros((256, 3), np.uint8)
    table[: min(len(narrow), 256)] = narrow[:256]
    return table[:, 0].copy() if (table == table[:, :1]).all() else table


def unassociated(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Colours that were multiplied by their transparency, as they were."""
    most = int(np.iinfo(pixels.dtype).max)
    cover = alpha.astype(np.uint64).reshape(alpha.shape + (1,) * (pixels.ndim - 2))
    restored = (pixels.astype(np.uint64) * most + cover // 2) // np.maximum(cover, 1)
    plain: Pixels = np.minimum(restored, most).astype(pixels.dtype)
    return plain
