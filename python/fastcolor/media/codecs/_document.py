"""What every reader gives: a Document of Pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor import ops
from fastcolor.media.codecs._errors import Damage, DamagedError
from fastcolor.media.codecs._limits import Limits
from fastcolor.media.metadata import Metadata, tone_curve

Pixels = NDArray[Any]  # uint8 or uint16


@dataclass(frozen=True)
class Reading:
    """How files are read: what they may hold, and which damage is too much."""

    limits: Limits = field(default_factory=Limits)
    fail_on: str = "error"


@dataclass(frozen=True)
class Storage:
    """How a page lies in its file; a writer of the same format takes over what it can."""

    compression: str = ""  #: "none", "lzw", "deflate", "zstd", "jpeg", "ccitt"...
    tile: tuple[int, int] | None = None  #: width, height
    rows_per_strip: int = 0
    predictor: bool = False
    big: bool = False  #: a BigTIFF
    progressive: bool = False
    subsampling: str = ""  #: "420", "422", "444"... of a JPEG


class Page:
    """One picture. Pixels are as stored: not turned, in the codes of the file's own profile.

    ``luma`` is what colourising starts from: sRGB-encoded grey, as the picture's profile means it.
    ``metadata.orientation`` says how the picture wants to be turned for looking at it;
    to_upright() and to_stored() turn small pictures for the network and its chroma back.
    Each call decodes anew; take pixels() once and luma_of() for what both need.
    """

    def __init__(
        self,
        size: tuple[int, int],
        channels: int,
        dtype: type[np.uint8] | type[np.uint16],
        reading: Reading,
        index: int = 0,
    ) -> None:
        self.width, self.height = size
        self.channels = channels  #: 1 (grey) or 3 (colour): transparency is apart, in alpha()
        self.dtype = np.dtype(dtype)
        self.index = index
        self.has_alpha = False
        self.storage = Storage()
        self.warnings: list[Damage] = []  #: grows while the page is decoded
        self.left_out: list[str] = []  #: what its file holds beside it and nothing here reads
        self._reading = reading
        self._metadata: Metadata | None = None

    @property
    def metadata(self) -> Metadata:
        if self._metadata is None:
            self._metadata = self._read_metadata()
        return self._metadata

    def pixels(self) -> Pixels:
        """(H, W) or (H, W, 3), uint8 or uint16."""
        raise NotImplementedError

    def alpha(self) -> Pixels | None:
        """(H, W) of the same type, where the picture has transparency."""
        return None

    def pixels_at(self, short_side: int) -> Pixels:
        """pixels(), or a smaller version with a short side of at least this, where that is cheap.

        JPEGs are decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 that is large enough.
        """
        return self.pixels()

    def luma(self) -> Pixels:
        """(H, W): sRGB-encoded grey of the whole picture."""
        return self.luma_of(self.pixels())

    def luma_at(self, short_side: int) -> Pixels:
        """luma(), or a smaller version, by the rule of pixels_at()."""
        return self.luma_of(self.pixels_at(short_side))

    def stored_luma(self) -> Pixels:
        """(H, W): Y' in the file's own codes, that is luma() without the profile's curve."""
        return plain_luma(self.pixels())

    def luma_of(self, pixels: Pixels) -> Pixels:
        """sRGB-encoded grey of pixels, or bands of pixels, that this page gave."""
        return self.toned(plain_luma(pixels))

    def toned(self, luma: Pixels) -> Pixels:
        """Stored luma through the curve of the picture's profile, if it has one that matters."""
        curve = tone_curve(self.metadata.icc, luma.dtype)
        return luma if curve is None else np.take(curve, luma)

    def bands(self, rows: int = 1024) -> Iterator[tuple[int, Pixels]]:
        """(first row, pixels) of bands from the top, whose heights are about ``rows``.

        Large TIFFs are read piece by piece; others are decoded whole and handed out in slices.
        """
        pixels = self.pixels()
        for top in range(0, self.height, rows):
            yield top, pixels[top : top + rows]

    def _read_metadata(self) -> Metadata:
        return Metadata()

    def damage(self, grade: str, message: str) -> None:
        """Notes damage, or raises DamagedError when ``fail_on`` says so."""
        found = Damage(grade, message)
        if found not in self.warnings:
            self.warnings.append(found)
        if found.fails(self._reading.fail_on):
            error = DamagedError(message)
            error.tolerable = True
            raise error


class Document:
    """A file of one or more pages; a context manager. ``format`` is as sniff() names it."""

    def __init__(
        self, format: str, pages: int, page: Callable[[int], Page], close: Callable[[], None]
    ) -> None:
        self.format = format
        self.pages = pages
        self._page = page
        self._close = close

    def __iter__(self) -> Iterator[Page]:
        return (self.page(index) for index in range(self.pages))

    def page(self, index: int) -> Page:
        if not 0 <= index < self.pages:
            raise IndexError(f"page {index} of {self.pages}")
        return self._page(index)

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def single(format: str, page: Page) -> Document:
    """A document of one page that holds nothing open."""
    return Document(format, 1, lambda _: page, lambda: None)


def plain_luma(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    luma: Pixels = ops.luma(pixels)
    return luma
