"""How large a picture may be; checked from headers, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from fastcolor.media.codecs._errors import DamagedError, LimitError

_OPTIONS = {  # of the command line
    "max_pixels": "--max-pixels N",
    "max_bytes": "--max-bytes N",
    "max_pages": "--max-pages N",
    "max_scans": "--max-scans N",
}


@dataclass(frozen=True)
class Limits:
    """What a file may hold. A limit of 0 is no limit."""

    max_pixels: int = 1_000_000_000  #: of one page
    max_bytes: int = 4 << 30  #: of one page's decoded pixels
    max_pages: int = 10_000  #: of one file
    max_scans: int = 200  #: of one progressive JPEG: each costs a pass over the picture
    max_metadata: int = 256 << 20  #: bytes of one block of metadata

    def check_page(self, width: int, height: int, channels: int, itemsize: int) -> None:
        if width <= 0 or height <= 0:
            raise DamagedError(f"the header says {width} x {height} pixels")
        area = width * height
        needed = area * channels * itemsize
        size = f"the picture has {width} x {height} pixels"
        _hold(size, area, self.max_pixels, "max_pixels", "pixels")
        _hold(f"{size}, {needed} bytes", needed, self.max_bytes, "max_bytes", "bytes")

    def check_pages(self, pages: int) -> None:
        _hold(f"the file has {pages} pages", pages, self.max_pages, "max_pages", "pages")

    def check_scans(self, scans: int) -> None:
        _hold(f"the JPEG has {scans} scans", scans, self.max_scans, "max_scans", "scans")

    def check_metadata(self, size: int, what: str) -> None:
        found = f"the {what} has {size} bytes"
        _hold(found, size, self.max_metadata, "max_metadata", "bytes of metadata")


def _hold(found: str, value: int, limit: int, name: str, unit: str) -> None:
    if limit and value > limit:
        option = _OPTIONS.get(name, f"Limits({name}=N) in Python")
        raise LimitError(
            f"{found}, more than the limit of {limit} {unit}; {option} raises it, 0 lifts it"
        )
