"""Pixels and metadata from bytes, and back.

    with open_document(data) as document:
        for page in document:
            luma = page.luma()
    with open_output(file, "jpeg") as writer:
        writer.write(pixels, page.metadata)

Formats are told by content. Every problem is a CodecError of one sentence (or a
MissingDependencyError that says what to install); limits hold before anything is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fastcolor.media.codecs._document import Document, Page, Pixels, Reading, Storage
from fastcolor.media.codecs._errors import (
    FAIL_ON,
    CodecError,
    Damage,
    DamagedError,
    LimitError,
    UnsupportedError,
)
from fastcolor.media.codecs._jp2 import open_jp2
from fastcolor.media.codecs._jpeg import JpegWriter, encode_ycc, open_jpeg
from fastcolor.media.codecs._jpeg_segments import replaced as replace_jpeg_metadata
from fastcolor.media.codecs._limits import Limits
from fastcolor.media.codecs._orientation import to_stored, to_upright
from fastcolor.media.codecs._png import PngWriter, open_png
from fastcolor.media.codecs._sniff import HEAD, READ, sniff
from fastcolor.media.codecs._tiff_file import open_tiff
from fastcolor.media.codecs._tiff_writer import TiffWriter
from fastcolor.media.codecs._webp import WebpWriter, open_webp
from fastcolor.media.codecs._writer import Writer, lost_in
from fastcolor.media.metadata import Metadata, for_colour, source_type, with_provenance

__all__ = [
    "FAIL_ON",
    "FORMATS",
    "HEAD",
    "READ",
    "CodecError",
    "Damage",
    "DamagedError",
    "Document",
    "LimitError",
    "Limits",
    "Metadata",
    "Page",
    "Pixels",
    "Storage",
    "TiffWriter",
    "UnsupportedError",
    "Writer",
    "encode_ycc",
    "for_colour",
    "lost_in",
    "open_document",
    "open_output",
    "replace_jpeg_metadata",
    "sniff",
    "source_type",
    "to_stored",
    "to_upright",
    "with_provenance",
]

#: What open_output() writes, with the suffix of each.
FORMATS = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}

_LIMITS = Limits()
_READERS: dict[str, Callable[[bytes, Reading], Document]] = {
    "jpeg": open_jpeg,
    "png": open_png,
    "webp": open_webp,
    "jp2": open_jp2,
}


def open_document(
    source: bytes | Path, *, limits: Limits | None = None, fail_on: str = "error"
) -> Document:
    """The pages of a file, given as its bytes or its path.

    ``fail_on`` is the least damage that fails, as libvips grades it: "none", "truncated", "error"
    (also truncated) or "warning" (everything). Damage below that is listed in Page.warnings.
    """
    if fail_on not in FAIL_ON:
        raise ValueError(f"fail_on must be one of {', '.join(FAIL_ON)}, got {fail_on!r}")
    reading = Reading(limits or _LIMITS, fail_on)
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = bytes(source)
        head = source[:HEAD]
    else:
        source = Path(source)
        with source.open("rb") as file:
            head = file.read(HEAD)
    if not head:
        raise DamagedError("the file is empty")
    found = sniff(head)
    if found is None:
        raise UnsupportedError("the file is in no format that is known here")
    if found not in READ:
        raise UnsupportedError(f"{found.upper()} files are not read as pictures")
    if found == "tiff":
        return open_tiff(source, reading)
    data = source if isinstance(source, bytes) else source.read_bytes()
    return _READERS[found](data, reading)


def open_output(
    target: BinaryIO,
    format: str,
    *,
    pages: int = 1,
    quality: int = 90,
    subsampling: str = "420",
    compression: str | int | None = None,
    big: bool | None = None,
) -> Writer:
    """A writer of "jpeg", "png", "tiff" or "webp" into an open binary file.

    ``pages`` announces how many a TIFF gets at most; the others hold one. ``quality`` (1 to 100)
    and ``subsampling`` ("444", "422", "420") are for JPEG, in TIFF too, and lossy WebP. JPEG and
    WebP take 16-bit pictures down to 8; JPEG lays transparent ones on white.
    ``compression``: deflate's level for PNG (1 by default); "none", "lzw", "deflate", "zstd" or
    "jpeg" for TIFF (as the page's storage where that is lossless by default); "lossless" for WebP
    (by default as the page was, if that was WebP).
    ``big`` makes a BigTIFF or forbids it; by default it is one when
    the first page came from one, or when that page's size times ``pages`` asks for it.
    """
    format = {"jpg": "jpeg", "tif": "tiff"}.get(format, format)
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise ValueError(f"quality must be a whole number from 1 to 100, got {quality!r}")
    if subsampling not in ("444", "422", "420"):
        raise ValueError(f"subsampling must be '444', '422' or '420', got {subsampling!r}")
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if format == "tiff":
        named = None if compression is None else str(compression)
        return TiffWriter(target, pages, named, quality, subsampling, big)
    if format == "webp" and compression in (None, "lossless"):
        return WebpWriter(target, quality, compression is not None)
    if format == "jpeg" and compression is None:
        return JpegWriter(target, quality, subsampling)
    level = 1 if compression is None else compression
    if format != "png" or isinstance(level, str) or not 1 <= level <= 9:
        raise ValueError(f"compression must not be {compression!r} for {format}")
    return PngWriter(target, level)
