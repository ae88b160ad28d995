"""TIFF files, written strip by strip and page by page; BigTIFF where 4 GiB may not do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np

from fastcolor.media.codecs._document import Pixels, Storage
from fastcolor.media.codecs._errors import CodecError, missing
from fastcolor.media.codecs._jpeg import encode_jpeg
from fastcolor.media.codecs._writer import Writer
from fastcolor.media.metadata import Metadata, _exif
from fastcolor.media.metadata._ifd import Entry, Ifd, IfdError, write_ifd

COMPRESSIONS = {"none": 1, "lzw": 5, "jpeg": 7, "deflate": 8, "zstd": 50000}
_PREDICTED = ("lzw", "deflate", "zstd")
_STRIP = 1 << 19  # bytes of a strip, about
_SAFE = (1 << 32) - (1 << 26)  # raw bytes that a classic TIFF holds even if nothing shrinks
_ORDER = "<"


class TiffWriter(Writer):
    """Pages of 8 or 16 bits, grey or RGB, with transparency. ``target`` must be seekable.

    ``compression`` None takes over that of each page's storage where it is lossless and usual
    (none, LZW, deflate, Zstandard, with its tiles or strips); deflate otherwise.
    """

    format = "tiff"

    def __init__(
        self,
        target: BinaryIO,
        pages: int,
        compression: str | None,
        quality: int,
        subsampling: str,
        big: bool | None,
    ) -> None:
        super().__init__(target)
        if compression is not None and compression not in COMPRESSIONS:
            names = ", ".join(COMPRESSIONS)
            raise ValueError(f"compression must be one of {names} for TIFF, got {compression!r}")
        self.most_pages = max(pages, 1)
        self._compression = compression
        self._quality = quality
        self._subsampling = subsampling
        self._big = big
        self._link = 0  # where the offset of the next directory is to be written
        self._start = target.tell()
        self._at = 0

    def _write(
        self, pixels: Pixels, metadata: Metadata, alpha: Pixels | None, storage: Storage
    ) -> None:
        samples = (1 if pixels.ndim == 2 else 3) + (alpha is not None)
        blocks = _Blocks(pixels, alpha)
        self._page(pixels.shape[:2], samples, pixels.dtype, blocks.rows, metadata, storage)

    def write_bands(
        self,
        shape: tuple[int, ...],
        bands: Iterable[Pixels],
        metadata: Metadata | None = None,
        *,
        storage: Storage | None = None,
    ) -> None:
        """One page of shape (H, W) or (H, W, 3) whose rows come in bands from the top."""
        if self._written == self.most_pages:
            raise CodecError(f"{self.most_pages} pages were announced")
        rows = _Rows(bands)
        samples = 1 if len(shape) == 2 else 3
        size = (shape[0], shape[1])
        self._page(size, samples, rows.dtype, rows.take, metadata or Metadata(), storage)
        self._written += 1

    def _page(
        self,
        size: tuple[int, ...],
        samples: int,
        dtype: np.dtype[np.generic],
        rows: Callable[[int, int], Pixels],
        metadata: Metadata,
        storage: Storage | None,
    ) -> None:
        height, width = size
        storage = storage or Storage()
        row = width * samples * dtype.itemsize
        if self._big is None:
            self._big = storage.big or row * height * self.most_pages > _SAFE
        if self._written == 0:
            self._put(b"II" + struct.pack("<HHHQ", 43, 8, 0, 0) if self._big else b"II*\0\0\0\0\0")
            self._link = 8 if self._big else 4
        name = self._compression or (
            storage.compression if storage.compression in ("none", *_PREDICTED) else "deflate"
        )
        if name == "jpeg" and (dtype != np.uint8 or samples not in (1, 3)):
            raise CodecError("JPEG in TIFF holds 8 bits without transparency; use deflate")
        tile = storage.tile if name != "jpeg" else None
        strip = tile[1] if tile else _strip_rows(storage.rows_per_strip, height, row, name)
        encode = self._encoder(name)
        offsets, counts = [], []
        for top in range(0, height, strip):
            block = rows(top, min(strip, height - top))
            for piece in _tiles(block, tile) if tile else (block,):
                data = encode(piece)
                offsets.append(self._at)
                counts.append(len(data))
                self._put(data)
        fields = {
            256: _longs(width),
            257: _longs(height),
            258: _shorts(*[dtype.itemsize * 8] * samples),
            259: _shorts(COMPRESSIONS[name]),
            262: _shorts(1 if samples < 3 else 6 if name == "jpeg" else 2),
            277: _shorts(samples),
            284: _shorts(1),
        }
        if tile:
            fields |= {322: _longs(tile[0]), 323: _longs(tile[1])}
        else:
            fields[278] = _longs(strip)
        fields[324 if tile else 273] = self._offsets(offsets)
        fields[325 if tile else 279] = self._offsets(counts)
        if name in _PREDICTED:
            fields[317] = _shorts(2)
        if samples in (2, 4):
            fields[338] = _shorts(2)
        if name == "jpeg" and samples == 3:
            fields[530] = _shorts(*{"444": (1, 1), "422": (2, 1), "420": (2, 2)}[self._subsampling])
            white = struct.pack("<12I", *(0, 1, 255, 1), *(128, 1, 255, 1) * 2)
            fields[532] = Entry(5, 6, white)
        if self.most_pages > 1:
            fields[254] = _longs(2)
            if self.most_pages < 65536:
                fields[297] = _shorts(self._written, self.most_pages)
        self._finish(fields, metadata)

    def _finish(self, fields: Ifd, metadata: Metadata) -> None:
        """The page's directory behind its pixels, linked from the one before."""
        self._put(b"\0" * (-self._at % 8))
        described, tail, pointers = _described(metadata, self._at, bool(self._big))
        self._put(tail)
        self._put(b"\0" * (-self._at % 8))
        fields = described | fields
        for tag, offset in pointers.items():
            fields[tag] = self._offsets([offset])
        offset = self._at
        table = write_ifd(fields, offset, _ORDER, bool(self._big))
        wide, size = (8, 20) if self._big else (2, 12)
        self._put(table)
        self._target.seek(self._start + self._link)
        self._target.write(struct.pack("<Q" if self._big else "<I", offset))
        self._target.seek(self._start + self._at)
        self._link = offset + wide + size * len(fields)

    def _put(self, data: bytes) -> None:
        if not self._big and self._at + len(data) > 0xFFFFFFFF:
            raise CodecError("the TIFF grows over 4 GiB; open the output with big=True")
        self._target.write(data)
        self._at += len(data)

    def _offsets(self, values: list[int]) -> Entry:
        if self._big:
            return Entry(16, len(values), struct.pack(f"<{len(values)}Q", *values))
        return _longs(*values)

    def _encoder(self, name: str) -> Callable[[Pixels], bytes]:
        if name == "none":
            return lambda block: np.ascontiguousarray(
                block, block.dtype.newbyteorder("<")
            ).tobytes()
        if name == "jpeg":
            return lambda block: encode_jpeg(_plain(block), self._quality, self._subsampling)
        pack = _packer(name)
        return lambda block: pack(_predicted(block))

    def close(self) -> None:
        if self._written == 0:
            raise CodecError("a TIFF needs at least one page")


class _Blocks:
    """Rows of whole pictures, transparency joined."""

    def __init__(self, pixels: Pixels, alpha: Pixels | None) -> None:
        self._pixels = pixels
        self._alpha = alpha

    def rows(self, top: int, count: int) -> Pixels:
        block = self._pixels[top : top + count]
        if self._alpha is None:
            return block if block.ndim == 3 else block[..., None]
        return np.dstack((block, self._alpha[top : top + count]))


class _Rows:
    """Rows of bands, cut anew."""

    def __init__(self, bands: Iterable[Pixels]) -> None:
        self._bands = iter(bands)
        self._rest = next(self._bands)
        self.dtype = self._rest.dtype

    def take(self, top: int, count: int) -> Pixels:
        parts, held = [self._rest[:count]], min(count, len(self._rest))
        self._rest = self._rest[count:]
        while held < count:
            band = next(self._bands, None)
            if band is None:
                raise ValueError(f"the bands end after {top + held} rows")
            parts.append(band[: count - held])
            self._rest = band[count - held :]
            held += len(parts[-1])
        block = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return block if block.ndim == 3 else block[..., None]


def _strip_rows(wanted: int, height: int, row: int, name: str) -> int:
    """Those of the input where they are sensible."""
    rows = wanted if 1 << 12 <= wanted * row <= 8 * _STRIP else max(1, _STRIP // row)
    rows = min(rows, height)
    return -(-rows // 16) * 16 if name == "jpeg" else rows


def _tiles(block: Pixels, tile: tuple[int, int]) -> Iterator[Pixels]:
    """Tiles of one row of them; edges are repeated into what sticks out."""
    width, height = tile
    down = height - block.shape[0]
    for left in range(0, block.shape[1], width):
        piece = block[:, left : left + width]
        across = width - piece.shape[1]
        yield np.pad(piece, ((0, down), (0, across), (0, 0)), "edge") if down or across else piece


def _predicted(block: Pixels) -> bytes:
    """Differences along rows (predictor 2), little endian."""
    result = np.empty(block.shape, block.dtype.newbyteorder("<"))
    result[:, :1] = block[:, :1]
    np.subtract(block[:, 1:], block[:, :-1], out=result[:, 1:])
    return result.tobytes()


def _packer(name: str) -> Callable[[bytes], bytes]:
    try:
        import imagecodecs
    except ImportError as error:
        if name == "deflate":
            return lambda data: zlib.compress(data, 1)
        raise missing(f"a TIFF with {name} compression") from error
    if name == "deflate":
        return lambda data: bytes(imagecodecs.deflate_encode(data, 1))
    if name == "lzw":
        return lambda data: bytes(imagecodecs.lzw_encode(data))
    return lambda data: bytes(imagecodecs.zstd_encode(data, 3))


def _plain(block: Pixels) -> Pixels:
    return np.ascontiguousarray(block[..., 0] if block.shape[2] == 1 else block)


def _described(metadata: Metadata, at: int, big: bool) -> tuple[Ifd, bytes, dict[int, int]]:
    """(fields of the page, EXIF and GPS directories to stand at ``at``, where each lies)."""
    fields: Ifd = {}
    tail, pointers = b"", {}  # type: ignore[var-annotated]
    if metadata.exif:
        try:
            found = _exif.in_order(_exif.parse(metadata.exif), _ORDER)
            fields |= found.main
            tail, pointers = _exif.sub_directories(found, at, big=big)
        except IfdError:
            pass  # a block that nobody could read says nothing
    if metadata.dpi and _exif.X_RESOLUTION not in fields:
        fields |= _exif.resolution_entries(metadata.dpi, _ORDER)
    if metadata.comment and 270 not in fields:
        text = metadata.comment.encode("utf-8", "surrogateescape") + b"\0"
        fields[270] = Entry(2, len(text), text)
    for tag, kind, block in (
        (700, 1, metadata.xmp),
        (33723, 7, metadata.iptc),
        (34377, 1, metadata.photoshop),
        (34675, 7, metadata.icc),
    ):
        if block:
            fields[tag] = Entry(kind, len(block), block)
    return fields, tail, pointers


def _longs(*values: int) -> Entry:
    return Entry(4, len(values), struct.pack(f"<{len(values)}I", *values))


def _shorts(*values: int) -> Entry:
    return Entry(3, len(values), struct.pack(f"<{len(values)}H", *values))
