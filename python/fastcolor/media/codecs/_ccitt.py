"""CCITT (fax) compression in TIFF where imagecodecs is missing or too old for it.

The libtiff inside Pillow decodes it everywhere, but tells of damage on standard error only.
"""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from fastcolor.media.metadata._ifd import Entry, write_ifd


@functools.cache
def has_ccitt() -> bool:
    """Whether tifffile and imagecodecs are here in versions that decode it themselves."""
    import tifffile

    try:
        return all(callable(tifffile.TIFF.DECOMPRESSORS[kind]) for kind in (2, 3, 4))
    except (KeyError, AttributeError, ImportError):
        return False


def decode_ccitt(
    data: bytes, width: int, rows: int, *, compression: int, fill_order: int, options: int
) -> NDArray[np.uint8]:
    """One strip or tile (rows, width, 1) of samples 0 and 1, as they are stored."""
    values = {
        256: width,
        257: rows,
        258: 1,
        259: compression,
        262: 1,  # samples are handed through
        266: fill_order,
        277: 1,
        278: rows,
        279: len(data),
        292: options,
    }
    fields = {tag: Entry(4, 1, struct.pack("<I", value)) for tag, value in values.items()}
    fields[273] = Entry(4, 1, b"\0\0\0\0")
    head = 8 + len(write_ifd(fields, 8, "<", False))
    fields[273] = Entry(4, 1, struct.pack("<I", head))
    file = b"II*\0" + struct.pack("<I", 8) + write_ifd(fields, 8, "<", False) + data
    with TiffImagePlugin.TiffImageFile(io.BytesIO(file)) as image:
        image.load()
        return np.asarray(image).astype(np.uint8)[..., np.newaxis]
