"""TIFF as others write it: compressions, layouts, byte orders, bits, palettes, pages."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile
from media_samples import by_pillow, exif_block, picture, pixels_of
from PIL import Image

from fastcolor.media.codecs import (
    CodecError,
    Metadata,
    Storage,
    UnsupportedError,
    open_document,
    open_output,
)


def by_tifffile(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


LAYOUTS = ({}, {"tile": (32, 48)}, {"rowsperstrip": 7}, {"rowsperstrip": 1000})
COMPRESSIONS = (None, "lzw", "zlib", "packbits", "lzma", "zstd")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_layouts(dtype: type, channels: int, compression: str | None) -> None:
    pixels = picture(101, 75, channels, dtype)
    planar = (1, 2) if channels == 3 else (None,)
    for order, layout, plane in itertools.product("<>", LAYOUTS, planar):
        for predictor in (False, True) if compression not in (None, "packbits") else (False,):
            data = by_tifffile(
                np.moveaxis(pixels, 2, 0) if plane == 2 else pixels,
                photometric="rgb" if channels == 3 else "minisblack",
                byteorder=order, compression=compression, predictor=predictor,
                planarconfig=plane, bigtiff=order == ">", **layout,
            )  # fmt: skip
            assert (pixels_of(data) == pixels).all()
            with open_document(data) as document:
                bands = [band for _, band in document.page(0).bands(20)]
                assert (np.concatenate(bands) == pixels).all()


@pytest.mark.parametrize("compression", [None, "group3", "group4", "tiff_ccitt", "packbits"])
def test_bilevel(compression: str | None) -> None:
    bilevel = picture(101, 75, 1) > 128
    data = by_pillow(bilevel, "TIFF", compression=compression)
    assert (pixels_of(data) == bilevel * np.uint8(255)).all()
    if compression and compression.startswith("group"):
        data = by_pillow(bilevel, "TIFF", compression=compression, tiffinfo={278: 16})
        with open_document(data) as document:
            assert document.page(0).storage.rows_per_strip == 16
            assert (document.page(0).pixels() == bilevel * np.uint8(255)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_in_tiff(channels: int) -> None:
    data = by_pillow(picture(101, 75, channels), "TIFF", compression="jpeg", quality=95)
    assert (pixels_of(data) == np.asarray(Image.open(io.BytesIO(data)))).all()
    file = io.BytesIO()
    smooth = np.add.outer(np.arange(75), np.arange(101)).astype(np.uint8)
    pixels = smooth if channels == 1 else np.repeat(smooth[..., None], 3, 2)
    with open_output(file, "tiff", compression="jpeg", quality=95) as writer:
        writer.write(pixels)
    for seen in (np.asarray(Image.open(file)), pixels_of(file.getvalue())):
        assert np.abs(seen.astype(int) - pixels).max() <= 3


def test_white_is_zero_and_palettes() -> None:
    grey = picture(101, 75, 1)
    assert (pixels_of(by_tifffile(grey, photometric="miniswhite")) == 255 - grey).all()
    wide = picture(101, 75, 1, np.uint16)
    assert (pixels_of(by_tifffile(wide, photometric="miniswhite")) == 65535 - wide).all()
    colours = Image.fromarray(picture(101, 75, 3)).quantize(64)
    for options in ({}, {"compression": "tiff_lzw"}):
        data = by_pillow(colours, "TIFF", **options)
        assert (pixels_of(data) == np.asarray(colours.convert("RGB"))).all()
    table = np.tile((np.arange(256) * 257).astype(np.uint16), (3, 1))
    data = by_tifffile(grey, photometric="palette", colormap=table)
    assert (pixels_of(data) == grey).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12])
def test_odd_bits(bits: int) -> None:
    wide = picture(101, 75, 1, np.uint16)
    stored = (wide >> (16 - bits)).astype(np.uint8 if bits < 8 else np.uint16)
    try:
        data = by_tifffile(stored, bitspersample=bits, photometric="minisblack")
    except NotImplementedError:
        pytest.skip("this imagecodecs does not pack bits")
    whole = 255 if bits < 8 else 65535
    wanted = np.rint(stored * (whole / (2**bits - 1)))
    assert (pixels_of(data) == wanted).all()


@pytest.mark.parametrize("associated", [False, True])
def test_transparency(associated: bool) -> None:
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (20, 30, 4), np.uint8)
    if associated:
        stored[..., :3] = np.minimum(stored[..., :3], stored[..., 3:])
    kind = "assocalpha" if associated else "unassalpha"
    data = by_tifffile(stored, photometric="rgb", extrasamples=[kind])
    with open_document(data) as document:
        page = document.page(0)
        assert (page.alpha() == stored[..., 3]).all()
        seen = page.pixels() * (stored[..., 3:] / 255 if associated else 1)
        assert np.abs(seen - stored[..., :3]).max() <= 0.5


@pytest.mark.parametrize(
    ("pixels", "options", "message"),
    [
        (np.zeros((9, 9), np.float32), {}, "floating-point"),
        (np.zeros((9, 9), np.int16), {}, "signed"),
        (np.zeros((9, 9), np.uint32), {}, "32 bits"),
        (np.zeros((9, 9, 4), np.uint8), {"photometric": "separated"}, "CMYK"),
        (np.zeros((9, 9, 3), np.uint8), {"photometric": "cielab"}, "CIE"),
    ],
)
def test_refused_kinds(pixels: np.ndarray, options: dict[str, object], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        open_document(by_tifffile(pixels, **options)).page(0)


def test_pages_of_different_kinds_with_metadata_of_their_own() -> None:
    pages = [picture(30 + i, 20, 1 + 2 * (i % 2), (np.uint8, np.uint16)[i // 2]) for i in range(4)]
    file = io.BytesIO()
    with open_output(file, "tiff", pages=4) as writer:
        for i, page in enumerate(pages):
            exif = exif_block() if i == 2 else None
            writer.write(page, Metadata(exif=exif, dpi=(100.0 + i, 50), comment=f"page {i}"))
    with open_document(file.getvalue()) as document:
        assert document.pages == 4
        for i, page in enumerate(document):
            assert (page.pixels() == pages[i]).all()
            assert page.metadata.dpi == (100 + i, 50)
            assert f"page {i}".encode() in (page.metadata.exif or b"")
            assert page.metadata.orientation == (6 if i == 2 else 1)
    assert len(tifffile.TiffFile(io.BytesIO(file.getvalue())).pages) == 4


def test_thumbnails_and_masks_are_no_pages() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(picture(64, 48, 1), metadata=None)
        writer.write(picture(16, 12, 1), subfiletype=1, metadata=None)
        writer.write(picture(65, 48, 1), metadata=None)
    with open_document(file.getvalue()) as document:
        assert [page.width for page in document] == [64, 65]


def test_a_page_keeps_its_storage() -> None:
    source = by_tifffile(picture(300, 200, 1), compression="lzw", tile=(64, 32), predictor=True)
    with open_document(source) as document:
        page = document.page(0)
        assert page.storage == Storage("lzw", (32, 64), 0, True)
        file = io.BytesIO()
        with open_output(file, "tiff") as writer:
            writer.write(picture(300, 200, 3), storage=page.storage)
    with open_document(file.getvalue()) as document:
        assert document.page(0).storage == page.storage


def test_lossy_and_bilevel_storage_becomes_deflate() -> None:
    for name in ("jpeg", "ccitt", "packbits", ""):
        file = io.BytesIO()
        with open_output(file, "tiff") as writer:
            writer.write(picture(30, 20, 3), storage=Storage(name))
        with open_document(file.getvalue()) as document:
            assert document.page(0).storage.compression == "deflate"


def test_bigtiff_where_it_is_needed() -> None:
    """By the announced size, since what is written cannot be taken back."""
    row = np.zeros((1, 30000, 3), np.uint8)
    heads = {}
    for pages in (1, 1 << 16):
        file = io.BytesIO()
        with open_output(file, "tiff", pages=pages) as writer:
            writer.write(row)
        heads[pages] = file.getvalue()[:4]
        assert pixels_of(file.getvalue()).shape == row.shape
    assert heads == {1: b"II*\0", 1 << 16: b"II+\0"}
    with open_document(file.getvalue()) as document:
        again = io.BytesIO()
        with open_output(again, "tiff") as writer:
            writer.write(row, storage=document.page(0).storage)
    assert again.getvalue()[:4] == b"II+\0"


def test_bands_and_whole_pictures_make_the_same_file() -> None:
    pixels = picture(301, 203, 3)
    files = []
    for height in (203, 1, 50, 64):
        file = io.BytesIO()
        with open_output(file, "tiff", compression="lzw") as writer:
            bands = (pixels[top : top + height] for top in range(0, 203, height))
            writer.write_bands(pixels.shape, bands, storage=Storage("lzw", (64, 32)))
        files.append(file.getvalue())
    assert len(set(files)) == 1
    assert (pixels_of(files[0]) == pixels).all()


def test_paths_and_bytes_read_the_same(tmp_path: Path) -> None:
    data = by_tifffile(picture(101, 75, 3), photometric="rgb", rowsperstrip=9)
    path = tmp_path / "a"
    path.write_bytes(data)
    with open_document(path) as document:
        assert (document.page(0).pixels() == pixels_of(data)).all()
    path.unlink()  # closed: nothing holds it


def test_an_empty_tiff_is_not_written() -> None:
    with pytest.raises(CodecError, match="at least one page"):
        open_output(io.BytesIO(), "tiff").close()
