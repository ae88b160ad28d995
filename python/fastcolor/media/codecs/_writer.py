"""What every writer does."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from fastcolor.media.codecs._document import Pixels, Storage
from fastcolor.media.codecs._errors import CodecError
from fastcolor.media.metadata import Metadata


class Writer:
    """Pages into one file, in order; a context manager. close() finishes the file.

    ``target`` stays open and belongs to the caller. After an exception the file is unusable.
    """

    format = ""
    most_pages = 1

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._written = 0

    def write(
        self,
        pixels: Pixels,
        metadata: Metadata | None = None,
        *,
        alpha: Pixels | None = None,
        storage: Storage | None = None,
    ) -> None:
        """One page: uint8 or uint16, (H, W) or (H, W, 3); ``alpha`` (H, W) of the same type.

        ``storage`` is that of the page that this one was made from: TIFF takes over what it can.
        """
        if self._written == self.most_pages:
            raise CodecError(f"{self.format} holds one page; write several as TIFF")
        pixels = np.asarray(pixels)
        if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
            raise ValueError(f"pixels must be (H, W) or (H, W, 3), got {pixels.shape}")
        if pixels.dtype not in (np.uint8, np.uint16):
            raise TypeError(f"pixels must be uint8 or uint16, got {pixels.dtype}")
        if min(pixels.shape) == 0:
            raise ValueError(f"pixels must not be empty, got {pixels.shape}")
        if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype != pixels.dtype):
            raise ValueError("alpha must have the size and the type of pixels")
        self._write(pixels, metadata or Metadata(), alpha, storage or Storage())
        self._written += 1

    def _write(
        self, pixels: Pixels, metadata: Metadata, alpha: Pixels | None, storage: Storage
    ) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Finishes the file; pages that were announced and did not come are no error."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is None:
            self.close()


def to_8_bits(pixels: Pixels) -> Pixels:
    """uint16 to nearest; uint8 as it is."""
    if pixels.dtype == np.uint8:
        return pixels
    result = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), 256):  # bands keep the wide intermediate small
        band = pixels[top : top + 256].astype(np.uint32)
        result[top : top + 256] = (band * 255 + 32767) // 65535
    return result


def on_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    """uint8 pictures without their transparency, for formats that have none."""
    cover = alpha.astype(np.uint32).reshape(alpha.shape + (1,) * (pixels.ndim - 2))
    laid = pixels * cover + 255 * (255 - cover)
    return ((laid + 127) // 255).astype(np.uint8)


def lost_in(format: str, metadata: Metadata) -> tuple[str, ...]:
    """What of this metadata a format has no place for, in words for a report."""
    large = format == "jpeg" and len(metadata.exif or b"") > 65527
    parts = {
        "part of the EXIF (its thumbnail, its largest fields)": large,
        "IPTC": metadata.iptc if format == "webp" else None,
        "Photoshop's resources": metadata.photoshop if format == "webp" else None,
        "the comment": metadata.comment if format == "webp" else None,
        "PNG's text": metadata.texts if format != "png" else None,
    }
    return tuple(f"{what} has no place in {format}" for what, held in parts.items() if held)
