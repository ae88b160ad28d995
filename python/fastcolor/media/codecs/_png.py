"""PNG: 8 bits by Pillow, 16 bits by imagecodecs where colour needs it; written in 8 and 16."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from fastcolor.media.codecs import _png_chunks as chunks
from fastcolor.media.codecs._document import Document, Page, Pixels, Reading, Storage, single
from fastcolor.media.codecs._errors import DamagedError, missing
from fastcolor.media.codecs._writer import Writer
from fastcolor.media.metadata import Metadata

_LEAST = 1032  # deflate cannot shrink by more than this


class PngPage(Page):
    """Palettes of greys count as grey; 1, 2 and 4 bits become 8."""

    def __init__(self, data: bytes, reading: Reading) -> None:
        self._chunks = found = chunks.read_chunks(data)
        head = found.header
        depth = np.uint16 if head.depth == 16 else np.uint8
        grey = head.colour in (0, 4)
        if head.colour == 3:
            if not found.palette or len(found.palette) % 3:
                raise DamagedError("the PNG's palette is missing or broken")
            entries = np.frombuffer(found.palette, np.uint8).reshape(-1, 3)
            grey = bool((entries == entries[:, :1]).all())
        channels = 1 if grey else 3
        size = np.dtype(depth).itemsize
        reading.limits.check_page(head.width, head.height, channels, size)
        super().__init__((head.width, head.height), channels, depth, reading)
        self.has_alpha = head.colour >= 4 or bool(found.transparency)
        self.storage = Storage("deflate")
        self._cover: Pixels | None = None  # of the pixels() just before, for alpha()
        if found.wrong:
            names = ", ".join(sorted(set(found.wrong)))
            self.damage("error", f"the PNG's checksum of {names} is wrong")
        packed = sum(map(len, found.data))
        if packed * _LEAST < head.raw_bytes():
            self.damage("truncated", f"{packed} bytes cannot hold {head.width} x {head.height}")
        if any(kind == b"acTL" for kind, _ in found.others):
            self.damage("warning", "the PNG is animated: only its main picture is read")
        if not found.complete:
            self.damage("truncated", "the PNG ends before its end chunk")

    def pixels(self) -> Pixels:
        pixels, self._cover = self._decode()
        return pixels

    def alpha(self) -> Pixels | None:
        if not self.has_alpha:
            return None
        held, self._cover = self._cover, None
        return held if held is not None else self._decode()[1]

    def _decode(self) -> tuple[Pixels, Pixels | None]:
        try:
            return self._arrays(None)
        except (OSError, SyntaxError, ValueError, zlib.error):
            pass  # mended below, as far as the caller allows damage
        data, problem = chunks.mended(self._chunks)
        grade = "truncated" if "ends" in problem else "error"
        self.damage(grade, problem or "the PNG's pixels are damaged")
        try:
            return self._arrays(data)
        except (OSError, SyntaxError, ValueError, zlib.error) as error:
            raise DamagedError(f"the PNG cannot be decoded: {error}") from error

    def _arrays(self, data: bytes | None) -> tuple[Pixels, Pixels | None]:
        head, found = self._chunks.header, self._chunks
        file = chunks.assembled(found, data)
        array = _wide(file, head) if head.depth == 16 else _by_pillow(file)
        if head.colour == 3:
            return self._from_palette(array)
        if head.colour >= 4:
            pixels = np.ascontiguousarray(array[..., :-1])
            return (pixels if head.colour == 6 else pixels[..., 0]), array[..., -1].copy()
        return array, self._keyed(array) if found.transparency else None

    def _from_palette(self, indices: Pixels) -> tuple[Pixels, Pixels | None]:
        table = np.zeros((256, 3), np.uint8)
        entries = np.frombuffer(self._chunks.palette[:768], np.uint8).reshape(-1, 3)
        table[: len(entries)] = entries
        pixels = np.take(table[:, 0] if self.channels == 1 else table, indices, axis=0)
        if not self.has_alpha:
            return pixels, None
        cover = np.full(256, 255, np.uint8)
        stated = np.frombuffer(self._chunks.transparency[:256], np.uint8)
        cover[: len(stated)] = stated
        return pixels, np.take(cover, indices)

    def _keyed(self, array: Pixels) -> Pixels:
        """Transparency given as one colour; its samples are not scaled to 8 bits in the file."""
        samples = self._chunks.header.samples
        stated = np.frombuffer(self._chunks.transparency[: 2 * samples], ">u2").astype(np.uint32)
        if len(stated) < samples:
            raise DamagedError("the PNG's transparency is too short")
        depth = self._chunks.header.depth
        most = np.iinfo(array.dtype).max
        key = stated if depth in (8, 16) else stated * 255 // ((1 << depth) - 1)
        same = array == key[0] if samples == 1 else (array == key).all(axis=2)
        return np.where(same, 0, most).astype(array.dtype)

    def _read_metadata(self) -> Metadata:
        return chunks.read_metadata(self._chunks, self._reading.limits)


def _by_pillow(file: bytes) -> Pixels:
    """Samples of 8 bits; indices of palettes. Not Image.open(): its limit is a global setting."""
    with PngImagePlugin.PngImageFile(io.BytesIO(file)) as image:
        image.load()
        if image.mode == "1":
            return np.asarray(image).astype(np.uint8) * np.uint8(255)
        return np.array(image)


def _wide(file: bytes, head: chunks.Header) -> Pixels:
    """Samples of 16 bits."""
    if head.colour == 0:
        with PngImagePlugin.PngImageFile(io.BytesIO(file)) as image:
            return np.array(image, np.uint16)
    try:
        import imagecodecs
    except ImportError as error:
        raise missing("a PNG of 16 bits with colour or transparency") from error
    try:
        return np.asarray(imagecodecs.png_decode(file))
    except imagecodecs.PngError as error:
        raise ValueError(str(error)) from error


class PngWriter(Writer):
    """``level`` is deflate's, 1 (fast) to 9 (small)."""

    format = "png"

    def __init__(self, target: BinaryIO, level: int) -> None:
        super().__init__(target)
        self._level = level

    def _write(
        self, pixels: Pixels, metadata: Metadata, alpha: Pixels | None, storage: Storage
    ) -> None:
        if alpha is not None:
            pixels = np.dstack((pixels, alpha))
        encode = _encode_8_bits if pixels.dtype == np.uint8 else _encode_16_bits
        file = encode(pixels, self._level)
        head = 8 + 12 + 13
        self._target.write(file[:head])
        self._target.write(chunks.metadata_chunks(metadata))
        self._target.write(memoryview(file)[head:])


def _encode_8_bits(pixels: Pixels, level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=level)
    return file.getvalue()


def _encode_16_bits(pixels: Pixels, level: int) -> bytes:
    """Rows filtered by "up", which vectorises; a few per cent larger than choosing per row."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    head = chunks.Header(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[samples], False)
    packed = zlib.compressobj(level, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    parts = []
    above: Any = np.zeros((1, head.row_bytes(width)), np.uint8)
    for top in range(0, height, 64):
        rows = np.ascontiguousarray(pixels[top : top + 64], ">u2").reshape(-1, width * samples)
        rows = rows.view(np.uint8)
        filtered = np.full((len(rows), 1 + rows.shape[1]), 2, np.uint8)
        np.subtract(rows, np.concatenate((above, rows[:-1])), out=filtered[:, 1:])
        above = rows[-1:]
        parts.append(packed.compress(filtered))
    parts.append(packed.flush())
    none = chunks.Chunks(head, b"", b"", [], [], [], True, [])
    return chunks.assembled(none, b"".join(parts))


def open_png(data: bytes, reading: Reading) -> Document:
    return single("png", PngPage(data, reading))
