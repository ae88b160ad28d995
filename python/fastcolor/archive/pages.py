"""Everything else: page by page, through pixels; of several, one is encoded while the next is
coloured, where a worker is idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from fastcolor import ops
from fastcolor.archive.errors import ItemError
from fastcolor.archive.task import OUTPUT, Data, Result, write_data
from fastcolor.archive.workshop import Workshop
from fastcolor.errors import FastcolorError
from fastcolor.media import codecs
from fastcolor.media.codecs import Document, Metadata, Page

Encode: TypeAlias = Callable[[codecs.Writer], None]

MOST_JPEG_SIDE = 65535
BAND_BYTES = 1 << 28  # of colours in work at a time, of a large picture for a TIFF


def colour_pages(shop: Workshop, result: Result, data: Data, kind: str, note: str) -> None:
    settings = shop.settings
    format = OUTPUT[kind] if settings.format == "same" else settings.format
    with ExitStack() as stack:
        document = stack.enter_context(
            codecs.open_document(data, limits=shop.limits, fail_on=settings.fail_on)
        )
        size = max(_decoded_bytes(page) for page in document)
        stack.enter_context(shop.room(size))
        if document.pages > 1 and format != "tiff":
            raise ItemError(
                f"has {document.pages} pages, which {format} cannot hold; use --format tiff"
            )
        first = document.page(0)
        with result.timed("decode"), _named(first, document):
            pixels: Any = first.pixels()
        if shop.is_colour(first, pixels) and _others_in_colour(shop, result, document):
            return shop.copy(result, data, document)
        if format == "jpg" and pixels.dtype == np.uint8 and not first.has_alpha:
            made = _reencoded(shop, result, first, pixels)
            return shop.finish(result, lambda file: write_data(file, made), document, note)

        def write(file: BinaryIO) -> None:
            nonlocal pixels
            with codecs.open_output(
                file, format, pages=document.pages, quality=settings.quality,
                subsampling=settings.subsampling,
            ) as writer:  # fmt: skip
                decoded, pixels = pixels, None
                banded = isinstance(writer, codecs.TiffWriter)
                encode = _page(shop, result, first, decoded, banded)
                del decoded
                for index in range(1, document.pages):
                    with shop.ahead(size, partial(coloured, index)) as following:
                        encode(writer)
                        del encode
                        encode = following()
                encode(writer)

        def coloured(index: int) -> Encode:
            page = document.page(index)
            with result.timed("decode"), _named(page, document):
                decoded = page.pixels()
            return _page(shop, result, page, decoded, banded=True)

        shop.finish(result, write, document, note)


@contextmanager
def _named(page: Page, document: Document) -> Iterator[None]:
    """Errors say which of several pages it was."""
    try:
        yield
    except FastcolorError as error:
        if document.pages == 1:
            raise
        raise ItemError(f"page {page.index + 1}: {error}") from error


def _reencoded(shop: Workshop, result: Result, page: Page, pixels: Any) -> bytes:
    """A JPEG of the luma and chroma planes, without a detour through RGB."""
    settings = shop.settings
    with result.timed("merge"):
        luma = _luma(shop, page, pixels)
    with result.timed("infer"):
        ab = shop.inference.ab(luma, page.metadata.orientation)
    with result.timed("merge"):
        cb, cr = ops.merge_ycc(
            luma, ab, settings.subsampling,
            chroma=settings.chroma, saturation=shop.inference.saturation,
        )  # fmt: skip
    shop.sample(result, luma, ab, page.metadata.orientation)
    result.remark(page, "jpeg")
    with result.timed("encode"):
        if max(luma.shape) > MOST_JPEG_SIDE:
            raise ItemError(
                f"a side of {max(luma.shape)} pixels does not fit into a JPEG; "
                "use --format tiff or png"
            )
        metadata = shop.metadata(page.metadata, "srgb")
        return codecs.encode_ycc(luma, cb, cr, quality=settings.quality, metadata=metadata)


def _luma(shop: Workshop, page: Page, pixels: Any) -> Any:
    luma = np.ascontiguousarray(page.luma_of(pixels))
    return ops.clahe(luma) if shop.settings.contrast == "clahe" else luma


def _others_in_colour(shop: Workshop, result: Result, document: Document) -> bool:
    for index in range(1, document.pages):
        page = document.page(index)
        with result.timed("decode"):
            if not shop.is_colour(page, page.pixels_at(512)):
                return False
    return True


def _page(shop: Workshop, result: Result, page: Page, pixels: Any, banded: bool) -> Encode:
    """Everything but encoding, which is given back. Of large pages most is left to that, where the
    writer takes bands."""
    alpha = page.alpha()
    if shop.is_colour(page, pixels):  # among grey ones: as it is
        return partial(_encode, result, page, pixels, alpha, page.metadata)
    with result.timed("merge"):
        luma = _luma(shop, page, pixels)
    with result.timed("infer"):
        ab = shop.inference.ab(luma, page.metadata.orientation)
    if page.index == 0:
        shop.sample(result, luma, ab, page.metadata.orientation)
    metadata = shop.metadata(page.metadata, "srgb")
    merge = partial(ops.merge_rgb, luma, ab, shop.settings.chroma, shop.inference.saturation)
    reused = pixels if pixels.ndim == 3 and pixels.flags.carray else None
    if banded and 3 * luma.nbytes > BAND_BYTES and reused is None and alpha is None:
        return partial(_encode_bands, result, page, merge, luma.shape, luma.itemsize, metadata)
    with result.timed("merge"):
        rgb = merge(out=reused)
    return partial(_encode, result, page, rgb, alpha, metadata)


def _encode(
    result: Result, page: Page, pixels: Any, alpha: Any, metadata: Metadata, writer: codecs.Writer
) -> None:
    with result.timed("encode"):
        writer.write(pixels, metadata, alpha=alpha, storage=page.storage)
    result.remark(page, writer.format)


def _encode_bands(
    result: Result, page: Page, merge: Callable[..., Any], shape: tuple[int, int], itemsize: int,
    metadata: Metadata, writer: codecs.Writer,
) -> None:  # fmt: skip
    height, width = shape
    bands = _bands(merge, height, width, itemsize)
    with result.timed("encode"):
        assert isinstance(writer, codecs.TiffWriter)
        writer.write_bands((height, width, 3), bands, metadata, storage=page.storage)
    result.remark(page, writer.format)


def _bands(merge: Callable[..., Any], height: int, width: int, itemsize: int) -> Iterator[Any]:
    """The colours of a large picture, so many rows at a time."""
    rows = max(1, BAND_BYTES // (3 * width * itemsize))
    for first in range(0, height, rows):
        yield merge(rows=(first, min(height, first + rows)))


def _decoded_bytes(page: Page) -> int:
    """What a page takes in work: its pixels, its luma and its colours."""
    colour = 3 * page.dtype.itemsize
    own = 0 if page.channels == 3 else colour  # colours replace colour pixels in place
    return page.width * page.height * (page.channels * page.dtype.itemsize * 2 + own)
