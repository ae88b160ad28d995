"""TIFF files: where their pages are and what each says about itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import tifffile

from fastcolor.errors import FastcolorError
from fastcolor.media.codecs._document import Document, Reading
from fastcolor.media.codecs._errors import DamagedError, UnsupportedError
from fastcolor.media.codecs._tiff_page import TiffPage
from fastcolor.media.codecs._tiff_source import TiffSource
from fastcolor.media.metadata import Metadata, _exif
from fastcolor.media.metadata._ifd import Ifd, IfdError, integers, read_header, read_ifd

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # problems are told by exceptions

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE = 254, 255
_SUB_IFDS, _LAYERS = 330, 37724
_XMP, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675


class Layout(NamedTuple):
    """How the file is written, and the directories of its full-size pages."""

    order: str
    big: bool
    pages: list[int]
    others: int  # reduced pictures and masks
    problem: str  # why the chain of directories ended early, if it did


def open_tiff(source: bytes | Path, reading: Reading) -> Document:
    """Pages of full size; thumbnails, masks and pyramid levels are left out."""
    file = TiffSource(source)
    try:
        layout = _walk(file, reading)
        reading.limits.check_pages(len(layout.pages))
        if layout.problem and reading.fail_on != "none":
            raise DamagedError(layout.problem)
        file.file.seek(0)
        try:
            parsed = tifffile.TiffFile(file.file, _multifile=False)
        except Exception as error:  # whatever a parser of crafted bytes may raise
            raise DamagedError(f"the TIFF cannot be read: {_words(error)}") from error
    except BaseException:
        file.file.close()
        raise

    def page(index: int) -> TiffPage:
        offset = layout.pages[index]
        try:
            with file.lock:
                file.file.seek(offset)
                found = tifffile.TiffPage(parsed, index)
            made = TiffPage(found, file, reading, index)
        except FastcolorError:
            raise
        except Exception as error:
            raise DamagedError(
                f"page {index + 1} of the TIFF cannot be read: {_words(error)}"
            ) from error
        made.left_out = _left_out(found, layout.others if index == 0 else 0)
        made.metadata_source = lambda: _metadata(file, layout, offset)
        if layout.problem and index == 0:
            made.damage("truncated", layout.problem)
        return made

    return Document("tiff", len(layout.pages), page, file.file.close)


def _words(error: Exception) -> str:
    """What tifffile says of its own accord; Python's words about crafted values help nobody."""
    return str(error) if isinstance(error, tifffile.TiffFileError) else "its fields make no sense"


def _walk(file: TiffSource, reading: Reading) -> Layout:
    try:
        order, big, offset = read_header(file.read(0, 16))
    except IfdError as error:
        raise DamagedError(f"the TIFF cannot be read: {error}") from error
    pages: list[int] = []
    seen: set[int] = set()
    problem = ""
    others = 0
    most = reading.limits.max_pages or 1 << 30
    while offset and len(seen) <= 2 * most:
        if offset in seen:
            problem = "the TIFF's chain of pages runs in a circle"
            break
        seen.add(offset)
        try:
            fields, following = read_ifd(file.read, offset, order, big, most=8)
        except IfdError as error:
            problem = f"the TIFF ends inside its chain of pages: {error}"
            break
        if _is_full(fields, order):
            pages.append(offset)
        else:
            others += 1
        offset = following
    if not pages and problem:
        raise DamagedError(problem)
    if not pages:
        raise UnsupportedError("the TIFF has no page of full size")
    return Layout(order, big, pages, others, problem)


def _is_full(fields: Ifd, order: str) -> bool:
    kind = integers(fields.get(_SUBFILE_TYPE), order)
    if kind:
        return not kind[0] & 5  # 1: reduced, 4: mask
    return (integers(fields.get(_OLD_SUBFILE_TYPE), order) or (1,))[0] != 2


def _left_out(page: tifffile.TiffPage, others: int) -> list[str]:
    """What stays behind of this page, and of others that are none of full size, in words."""
    found = []
    if others:
        found.append(f"not kept: {others} reduced or mask page{'s' * (others > 1)} of the TIFF")
    below = page.tags.get(_SUB_IFDS)
    if below is not None:
        more = "s" * (below.count > 1)
        found.append(f"not kept: {below.count} picture{more} below the page (TIFF SubIFDs)")
    if page.tags.get(_LAYERS) is not None:
        found.append("not kept: Photoshop's layers")
    lost = [
        tag.code for tag in page.tags if not _exif.kept(tag.code, tag.dtype, tag.valuebytecount)
    ]
    if lost:
        codes = ", ".join(map(str, sorted(lost)[:8]))
        found.append(f"not kept: fields of the TIFF that have no place in EXIF ({codes})")
    return found


def _metadata(file: TiffSource, layout: Layout, offset: int) -> Metadata:
    most = 1 << 30
    fields, _ = read_ifd(file.read, offset, layout.order, layout.big, most=most)
    found = _exif.read(file.read, layout.order, layout.big, offset)

    def block(tag: int) -> bytes | None:
        entry = fields.get(tag)
        return entry.data if entry else None

    iptc = block(_IPTC)
    if iptc and iptc[:1] != b"\x1c" and fields[_IPTC].type == 4:  # written as swapped words
        iptc = b"".join(iptc[at : at + 4][::-1] for at in range(0, len(iptc), 4))
    return Metadata(
        exif=_exif.build(found),
        xmp=block(_XMP),
        iptc=iptc,
        icc=block(_ICC),
        photoshop=block(_PHOTOSHOP),
        dpi=_exif.resolution_of(found.main, found.order),
    )
