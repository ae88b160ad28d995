"""JPEG, by TurboJPEG: whatever it reads (arithmetic, progressive, lossless), grey and colour."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import simplejpeg

from fastcolor.media.codecs import _jpeg_segments as segments
from fastcolor.media.codecs._document import (
    Document,
    Page,
    Pixels,
    Reading,
    Storage,
    plain_luma,
    single,
)
from fastcolor.media.codecs._errors import DamagedError, UnsupportedError, missing
from fastcolor.media.codecs._writer import Writer, on_white, to_8_bits
from fastcolor.media.metadata import Metadata

_FACTORS = (8, 4, 2)
_SAMPLINGS = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
# libjpeg goes on after these; everything else that it reports cost some of the picture
_HARMLESS = ("extraneous bytes", "unknown adobe", "invalid sos parameters", "crop", "unknown jfif")


class JpegPage(Page):
    """A JPEG of one grey or three colour components; colours are decoded only when asked for."""

    def __init__(self, data: bytes, reading: Reading) -> None:
        frame = segments.read_frame(data)
        count = len(frame.components)
        if count == 4:
            raise UnsupportedError(
                "a CMYK (or YCCK) JPEG is made for printing; convert it to RGB or grey first"
            )
        if count not in (1, 3):
            raise UnsupportedError(f"a JPEG of {count} components is neither grey nor colour")
        if frame.precision not in (8, 12):
            raise UnsupportedError(f"a JPEG of {frame.precision} bits per sample is not read")
        if frame.height == 0:
            raise UnsupportedError("a JPEG that gives its height after the picture is not read")
        depth = np.uint8 if frame.precision == 8 else np.uint16
        limits = reading.limits
        # decoders of progressive files hold two bytes of coefficients for each sample
        held = 3 if frame.progressive else np.dtype(depth).itemsize
        limits.check_page(frame.width, frame.height, count, held)
        if frame.progressive:  # entropy-coded data cannot hold this marker
            limits.check_scans(data.count(b"\xff\xda", frame.scan))
        super().__init__((frame.width, frame.height), count, depth, reading)
        self.data = data
        self.frame = frame
        if any(marker == 0xE2 and body[:4] == b"MPF\0" for marker, body in frame.segments):
            self.damage("warning", "the JPEG holds more pictures (MPO): only the first is coloured")
        sampling = ""
        if count == 3:
            sampling = _SAMPLINGS.get(frame.components[0][1:], "other")
        self.storage = Storage("jpeg", progressive=frame.progressive, subsampling=sampling)

    def pixels(self) -> Pixels:
        return self._decode("GRAY" if self.channels == 1 else "RGB", 1)

    def pixels_at(self, short_side: int) -> Pixels:
        return self._decode("GRAY" if self.channels == 1 else "RGB", self._factor(short_side))

    def stored_luma(self) -> Pixels:
        return self._decode("GRAY", 1)

    def luma(self) -> Pixels:
        return self.toned(self._decode("GRAY", 1))

    def luma_at(self, short_side: int) -> Pixels:
        return self.toned(self._decode("GRAY", self._factor(short_side)))

    def _factor(self, short_side: int) -> int:
        """The largest reduction that leaves a short side of at least this."""
        if self.dtype != np.uint8 or self.frame.marker == 0xC3:
            return 1
        shorter = min(self.width, self.height)
        return next((factor for factor in _FACTORS if -(-shorter // factor) >= short_side), 1)

    def _decode(self, colorspace: str, factor: int) -> Pixels:
        if self.dtype != np.uint8:
            return self._decode_12_bits(colorspace)
        options = {
            "min_width": -(-self.width // factor),
            "min_height": -(-self.height // factor),
            "min_factor": factor,
        }
        ended = self.data.endswith(b"\xff\xd9")
        if not ended and self.data.rfind(b"\xff\xd9", self.frame.scan) < 0:
            self.damage("truncated", "the JPEG ends before its end marker")
        try:
            try:
                found = simplejpeg.decode_jpeg(self.data, colorspace, **options)
            except ValueError as error:
                message = str(error)
                if "subsampling" in message:  # which the standard allows and TurboJPEG has not
                    return self._decode_any_sampling(colorspace)
                self.damage(_grade(message), f"the JPEG is damaged: {message}")
                found = simplejpeg.decode_jpeg(self.data, colorspace, strict=False, **options)
        except ValueError as error:
            raise DamagedError(f"the JPEG cannot be decoded: {error}") from error
        if found.shape[:2] != (options["min_height"], options["min_width"]):
            raise DamagedError("the JPEG's headers contradict each other")
        plane: Pixels = found[..., 0]
        return plane if colorspace == "GRAY" else np.asarray(found)

    def _decode_any_sampling(self, colorspace: str) -> Pixels:
        to = "GRAYSCALE" if colorspace == "GRAY" else "RGB"
        return self._by_libjpeg("a JPEG of unusual sampling", to)

    def _decode_12_bits(self, colorspace: str) -> Pixels:
        found = self._by_libjpeg("a JPEG of 12 bits per sample")
        wide: Pixels = (found << 4) | (found >> 8)
        return plain_luma(wide) if colorspace == "GRAY" else wide

    def _by_libjpeg(self, what: str, colorspace: str | None = None) -> Pixels:
        """By libjpeg's own interface, which reads more than TurboJPEG's."""
        try:
            import imagecodecs
        except ImportError as error:
            raise missing(what) from error
        try:
            found: Pixels = imagecodecs.jpeg8_decode(self.data, outcolorspace=colorspace)
        except (imagecodecs.Jpeg8Error, ValueError) as error:
            raise DamagedError(f"the JPEG cannot be decoded: {error}") from error
        return found

    def _read_metadata(self) -> Metadata:
        return segments.read_metadata(self.frame.segments)


def _grade(message: str) -> str:
    text = message.lower()
    if "premature end of jpeg" in text:
        return "truncated"
    return "warning" if any(part in text for part in _HARMLESS) else "error"


def open_jpeg(data: bytes, reading: Reading) -> Document:
    return single("jpeg", JpegPage(data, reading))


def encode_jpeg(pixels: Pixels, quality: int, subsampling: str) -> bytes:
    """uint8 (H, W) or (H, W, 3), without metadata."""
    side = max(pixels.shape[:2])
    if side > 65535:
        raise UnsupportedError(f"a side of {side} pixels does not fit into a JPEG (65535)")
    if pixels.ndim == 2:
        found = simplejpeg.encode_jpeg(pixels[..., None], quality, "GRAY", "GRAY")
    else:
        found = simplejpeg.encode_jpeg(pixels, quality, "RGB", subsampling)
    return bytes(found)


def encode_ycc(
    luma: Pixels, cb: Pixels, cr: Pixels, *, quality: int = 90, metadata: Metadata | None = None
) -> bytes:
    """A JPEG of these planes as merge_ycc takes and gives them: uint8, the subsampling by shape."""
    file = simplejpeg.encode_jpeg_yuv_planes(
        _even(luma), np.ascontiguousarray(cb), np.ascontiguousarray(cr), quality
    )
    return bytes(file) if metadata is None else b"".join(segments.with_metadata(file, metadata))


def _even(luma: Pixels) -> Pixels:
    """The same plane with something behind it: TurboJPEG reads planes of odd sides one further."""
    height, width = luma.shape
    if not (height | width) & 1:
        return np.ascontiguousarray(luma)
    return np.pad(luma, ((0, height & 1), (0, width & 1)), "edge")[:height, :width]


class JpegWriter(Writer):
    """One picture of 8 bits, encoded by TurboJPEG."""

    format = "jpeg"

    def __init__(self, target: BinaryIO, quality: int, subsampling: str) -> None:
        super().__init__(target)
        self._quality = quality
        self._subsampling = subsampling

    def _write(
        self, pixels: Pixels, metadata: Metadata, alpha: Pixels | None, storage: Storage
    ) -> None:
        pixels = to_8_bits(pixels)
        if alpha is not None:
            pixels = on_white(pixels, to_8_bits(alpha))
        file = encode_jpeg(np.ascontiguousarray(pixels), self._quality, self._subsampling)
        for part in segments.with_metadata(file, metadata):
            self._target.write(part)
