"""Pages of TIFF files: read strip by strip or row of tiles by row of tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastcolor.errors import FastcolorError
from fastcolor.media.codecs._ccitt import decode_ccitt, has_ccitt
from fastcolor.media.codecs._document import Page, Pixels, Reading, Storage, plain_luma
from fastcolor.media.codecs._errors import DamagedError, UnsupportedError, missing
from fastcolor.media.codecs._jpeg_segments import read_frame
from fastcolor.media.codecs._tiff_kinds import (
    BLACK_IS_0,
    COMPRESSIONS,
    PALETTE,
    RGB,
    WHITE_IS_0,
    YCC,
    read_palette,
    refuse,
    unassociated,
)
from fastcolor.media.codecs._tiff_source import TiffSource
from fastcolor.media.metadata import Metadata

if TYPE_CHECKING:
    import tifffile

_ROWS = 256  # of the pieces in which luma is made


class TiffPage(Page):
    """Grey, RGB, YCbCr in JPEG, palettes; 1 to 16 bits; chunky or planar; strips or tiles."""

    metadata_source: Callable[[], Metadata]

    def __init__(
        self,
        page: tifffile.TiffPage,
        source: TiffSource,
        reading: Reading,
        index: int,
    ) -> None:
        kind = int(page.photometric if page.photometric is not None else BLACK_IS_0)
        bits = int(page.bitspersample)
        refuse(page, kind, bits)
        self._page = page
        self._source = source
        self._kind = kind
        self._bits = bits
        self._fax_options = int(page.tags.valueof(292, 0) or 0)
        self._fill_order = int(page.fillorder or 1)
        self._samples = int(page.samplesperpixel)
        self._colours = 3 if kind in (RGB, YCC) else 1
        if self._samples < self._colours:
            raise DamagedError(f"the TIFF has {self._samples} samples for each pixel")
        self._table = read_palette(page, bits) if kind == PALETTE else None
        depth = np.uint16 if bits > 8 and self._table is None else np.uint8
        channels = self._colours if self._table is None else 3
        if self._table is not None and self._table.ndim == 1:
            channels = 1
        size = np.dtype(depth).itemsize
        width, height = int(page.imagewidth), int(page.imagelength)
        reading.limits.check_page(width, height, max(self._samples, channels), size)
        super().__init__((width, height), channels, depth, reading, index)
        extra = [int(value) for value in page.extrasamples or ()]
        self.has_alpha = extra[:1] in ([1], [2]) and self._samples > self._colours
        self._associated = extra[:1] == [1]
        name = COMPRESSIONS[int(page.compression)]
        tile = (int(page.tilewidth), int(page.tilelength)) if page.is_tiled else None
        strip = int(page.rowsperstrip) if not page.is_tiled else 0
        predictor = int(page.predictor or 1) == 2
        big = bool(page.parent.is_bigtiff)
        self.storage = Storage(name, tile, min(strip, height), predictor, big)
        rows = tile[1] if tile else min(max(strip, 1), height)
        self._group_rows = rows
        self._groups = -(-height // rows)
        self._columns = -(-width // tile[0]) if tile else 1
        self._planes = self._samples if int(page.planarconfig) == 2 and self._samples > 1 else 1
        if tile:  # decoded whole, however little of it lies in the picture
            reading.limits.check_page(*tile, self._samples, size)
        places = zip(page.dataoffsets, page.databytecounts)
        self._places = [(int(offset), int(held)) for offset, held in places]
        needed = self._groups * self._columns * self._planes
        if len(self._places) < needed:
            self.damage("error", f"{needed} pieces are needed, {len(self._places)} are listed")

    def pixels(self) -> Pixels:
        return self._whole(self.bands(_ROWS), self.channels)

    def alpha(self) -> Pixels | None:
        if not self.has_alpha:
            return None
        at = self._colours
        covers = ((top, self._scaled(raw[..., at])) for top, raw in self._raw_bands(_ROWS))
        return self._whole(covers, 1)

    def luma(self) -> Pixels:
        return self._whole(((top, self.luma_of(band)) for top, band in self.bands(_ROWS)), 1)

    def stored_luma(self) -> Pixels:
        return self._whole(((top, plain_luma(band)) for top, band in self.bands(_ROWS)), 1)

    def bands(self, rows: int = 1024) -> Iterator[tuple[int, Pixels]]:
        return ((top, self._codes(raw)) for top, raw in self._raw_bands(rows))

    def _whole(self, bands: Iterator[tuple[int, Pixels]], channels: int) -> Pixels:
        shape = (self.height, self.width) if channels == 1 else (self.height, self.width, 3)
        result: Pixels | None = None
        for top, band in bands:
            if band.shape == shape:
                return band if band.flags.writeable else band.copy()
            if result is None:
                result = np.empty(shape, self.dtype)
            result[top : top + len(band)] = band
        assert result is not None
        return result

    def _codes(self, raw: NDArray[Any]) -> Pixels:
        """Samples as stored, (h, w, samples), to what pixels() gives."""
        if self._table is not None:
            return np.take(self._table, raw[..., 0], axis=0)
        found = self._scaled(raw[..., 0] if self._colours == 1 else raw[..., : self._colours])
        if self._kind == WHITE_IS_0:
            found = np.invert(found)
        if self.has_alpha and self._associated:
            found = unassociated(found, self._scaled(raw[..., self._colours]))
        return np.ascontiguousarray(found)

    def _scaled(self, samples: NDArray[Any]) -> Pixels:
        """1 to 7 bits to 8, 9 to 15 to 16."""
        if self._bits in (8, 16):
            return samples
        most = (1 << self._bits) - 1
        whole = 255 if self._bits < 8 else 65535
        table = (np.arange(most + 1) * whole + most // 2) // most
        return np.take(table.astype(self.dtype), samples, mode="clip")

    def _raw_bands(self, rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Groups of rows, joined while they are small and cut while they are large."""
        waiting: list[NDArray[Any]] = []
        top = held = 0
        for group in range(self._groups):
            for part in self._group(group, rows):
                waiting.append(part)
                held += len(part)
                if held >= rows:
                    yield top, waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
                    top, held, waiting = top + held, 0, []
        if waiting:
            yield top, waiting[0] if len(waiting) == 1 else np.concatenate(waiting)

    def _group(self, group: int, rows: int) -> Iterator[NDArray[Any]]:
        """One strip or row of tiles, all planes, cut to the picture."""
        height = min(self._group_rows, self.height - group * self._group_rows)
        plain = self._columns == self._planes == 1 and self.storage.tile is None
        direct = self.storage.compression == "none" and self._fill_order == 1
        if plain and direct and self._bits in (8, 16):
            yield from self._rows_of_strip(group, height, rows)
            return
        if plain:
            found = self._segment(group)
            if found is not None and found.shape == (height, self.width, self._samples):
                yield found
                return
        buffer = np.zeros(
            (height, self.width, self._samples), np.uint16 if self._bits > 8 else np.uint8
        )
        wide = self.storage.tile[0] if self.storage.tile else self.width
        for plane in range(self._planes):
            for column in range(self._columns):
                number = (plane * self._groups + group) * self._columns + column
                piece = self._segment(number)
                if piece is None:
                    continue
                left = column * wide
                target = buffer[:, left : left + wide]
                target = target if self._planes == 1 else target[..., plane : plane + 1]
                piece = piece[: target.shape[0], : target.shape[1]]
                if piece.shape[2] == target.shape[2]:
                    target[: piece.shape[0], : piece.shape[1]] = piece
        yield buffer

    def _rows_of_strip(self, group: int, height: int, rows: int) -> Iterator[NDArray[Any]]:
        """Rows of an uncompressed strip straight from the file."""
        order = self._page.parent.byteorder
        kind = np.dtype(np.uint8 if self._bits == 8 else f"{order}u2")
        row = self.width * self._samples * kind.itemsize
        offset, held = self._places[group] if group < len(self._places) else (0, 0)
        for first in range(0, height, rows):
            wanted = min(rows, height - first) * row
            data = b""
            if offset:
                data = self._source.read(offset + first * row, min(wanted, held - first * row))
            if len(data) < wanted:
                self._lost(group)
                data = data.ljust(wanted, b"\0")
            found = np.frombuffer(data, kind).reshape(-1, self.width, self._samples)
            yield found.astype(self.dtype, copy=False)

    def _segment(self, number: int) -> NDArray[Any] | None:
        """A decoded strip or tile (h, w, samples); None, with damage noted, where it is lost."""
        page = self._page
        if number >= len(self._places):
            return None
        offset, size = self._places[number]
        data = self._source.read(offset, size) if offset else b""
        if len(data) < size or not data:
            self._lost(number)
            if not data:
                return None
        options = {}
        try:
            if self.storage.compression == "jpeg":
                options = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
                self._check_jpeg(data)
            if self.storage.compression == "ccitt" and not has_ccitt():
                return self._fax(data, number)
            found, _, _ = page.decode(data, number, _fullsize=page.is_tiled, **options)
        except FastcolorError:
            raise
        except MemoryError:
            raise
        except Exception as error:  # each codec has errors of its own
            lacks = "imagecodecs" in str(error) and "require" in str(error)
            if lacks or isinstance(error, ImportError):
                raise missing(f"a TIFF with {self.storage.compression} compression") from error
            if isinstance(error, NotImplementedError):
                raise UnsupportedError(
                    f"the TIFF is of a kind that is not read: {error}"
                ) from error
            message = str(error) or type(error).__name__
            self.damage("error", f"piece {number + 1} of the TIFF's pixels is damaged: {message}")
            return None
        if found is None:
            return None
        plain: NDArray[Any] = found.reshape(found.shape[-3:])
        if plain.dtype == np.bool_:
            plain = plain.view(np.uint8)
        if plain.dtype != (np.uint16 if self._bits > 8 else np.uint8):
            self.damage("error", f"piece {number + 1} of the TIFF's pixels is of another kind")
            return None
        return plain

    def _fax(self, data: bytes, number: int) -> NDArray[Any]:
        page, tile = self._page, self.storage.tile
        rows = min(self._group_rows, self.height - number * self._group_rows)
        wide, rows = tile or (self.width, rows)
        if self._bits != 1 or self._samples != 1:
            raise ValueError("fax compression of more than one bit")
        return decode_ccitt(
            data, wide, rows, compression=int(page.compression),
            fill_order=self._fill_order, options=self._fax_options,
        )  # fmt: skip

    def _lost(self, number: int) -> None:
        self.damage("truncated", f"piece {number + 1} of the TIFF's pixels is missing or cut off")

    def _check_jpeg(self, data: bytes) -> None:
        """A piece says its own size, which nothing else bounds."""
        frame = read_frame(data)
        wide = self.storage.tile[0] if self.storage.tile else self.width
        if frame.width > wide + 64 or frame.height > self._group_rows + 64:
            raise ValueError(f"a piece of {frame.width} x {frame.height} pixels")

    def _read_metadata(self) -> Metadata:
        return self.metadata_source()
