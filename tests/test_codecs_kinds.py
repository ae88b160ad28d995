"""Kinds of JPEG and PNG files: what each decodes to, and at which scale."""

from __future__ import annotations

import io
import subprocess

import cv2
import numpy as np
import pytest
import simplejpeg
from media_samples import by_pillow, encode, picture, pixels_of
from PIL import Image

from fastcolor import ops
from fastcolor.media.codecs import Metadata, encode_ycc, open_document

# JPEG


def test_scaled_decoding_is_the_smallest_that_is_large_enough() -> None:
    data = by_pillow(picture(800, 600, 3), "JPEG")
    with open_document(data) as document:
        page = document.page(0)
        for short, height in ((75, 75), (76, 150), (150, 150), (151, 300), (301, 600), (9999, 600)):
            assert page.luma_at(short).shape == (height, height * 4 // 3)
            assert page.pixels_at(short).shape == (height, height * 4 // 3, 3)
        small = page.luma_at(150).astype(float)
        whole = cv2.resize(page.luma(), (200, 150), interpolation=cv2.INTER_AREA)
        assert np.abs(small - whole).mean() < 3


@pytest.mark.parametrize("width", [1, 7, 8, 9, 63, 65])
def test_scaled_decoding_of_odd_sizes(width: int) -> None:
    data = by_pillow(picture(width, 97, 1), "JPEG")
    with open_document(data) as document:
        for short in (1, 2, 5, 8, 60):
            assert min(document.page(0).luma_at(short).shape) >= min(short, width)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"keep_rgb": True}]
)
def test_kinds_of_jpeg(options: dict[str, object]) -> None:
    pixels = picture(160, 120, 3)
    data = by_pillow(pixels, "JPEG", quality=95, **options)
    assert (pixels_of(data) == np.asarray(Image.open(io.BytesIO(data)))).all()
    with open_document(data) as document:
        page = document.page(0)
        assert page.storage.progressive == ("progressive" in options)
        wanted = ops.luma(pixels_of(data))
        assert np.abs(page.luma().astype(int) - wanted).mean() < 1


def test_arithmetic_jpeg() -> None:
    data = by_pillow(picture(160, 120, 1), "JPEG")
    try:
        done = subprocess.run(
            ["jpegtran", "-arithmetic"], input=data, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("jpegtran is not installed")
    assert (pixels_of(done.stdout) == pixels_of(data)).all()


def test_twelve_bit_jpeg() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = (picture(64, 48, 1, np.uint16) >> 4).astype(np.uint16)
    data = imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12)
    assert np.abs(pixels_of(data).astype(int) - pixels * 16.0037).max() < 200


def test_trailing_bytes_do_no_harm() -> None:
    for format in ("jpeg", "png", "tiff"):
        pixels = picture(64, 48, 1)
        data = encode(format, pixels)
        assert (pixels_of(data + b"trailing" * 50) == pixels_of(data)).all()


@pytest.mark.parametrize("step", [(1, 1), (2, 1), (2, 2)])
def test_planes_say_their_subsampling(step: tuple[int, int]) -> None:
    luma = picture(101, 67, 1)
    planes = picture(-(-101 // step[0]), -(-67 // step[1]), 3)
    data = encode_ycc(luma, planes[..., 0], planes[..., 1], quality=95)
    found = simplejpeg.decode_jpeg_header(data)
    assert found[:2] == (67, 101)
    assert found[3] == {(1, 1): "444", (2, 1): "422", (2, 2): "420"}[step]
    with open_document(data) as document:
        assert np.abs(document.page(0).luma().astype(int) - luma).mean() < 2


@pytest.mark.parametrize(("width", "height"), [(101, 67), (97, 65), (64, 65), (65, 64), (1, 1)])
def test_planes_of_odd_sizes_make_the_same_bytes_each_time(width: int, height: int) -> None:
    """TurboJPEG alone reads behind such planes, and so encodes what happens to lie there."""
    luma = picture(width, height, 1)
    cb, cr = np.full((2, (height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    files = set()
    for filler in range(5):
        store = np.full((height + 4, width), filler * 60, np.uint8)  # other bytes behind the plane
        store[:height] = luma
        files.add(
            encode_ycc(store[:height], cb, cr, quality=100, metadata=Metadata(dpi=(300, 300)))
        )
    assert len(files) == 1
    data = files.pop()
    assert np.abs(pixels_of(data).astype(int) - luma[..., None]).max() <= 3
    with open_document(data) as document:
        assert document.page(0).metadata.dpi == (300, 300)


# PNG


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("key", [False, True])
def test_few_bits_in_png(bits: int, key: bool) -> None:
    levels = (picture(37, 21, 1) >> (8 - bits)).astype(np.uint8)
    image = Image.fromarray(levels)
    palette = [round(v * 255 / (2**bits - 1)) for v in range(2**bits) for _ in range(3)]
    image.putpalette(palette)
    options = {"transparency": 1} if key else {}
    data = by_pillow(image, "PNG", bits=bits, **options)
    wanted = np.array(palette[::3], np.uint8)[levels]
    assert (pixels_of(data) == wanted).all()  # a palette of greys is grey
    with open_document(data) as document:
        alpha = document.page(0).alpha()
        assert alpha is None if not key else (alpha == np.where(levels == 1, 0, 255)).all()


def test_png_of_colours_and_keys() -> None:
    pixels = picture(37, 21, 3)
    image = Image.fromarray(pixels).quantize(16)
    data = by_pillow(image, "PNG")
    assert (pixels_of(data) == np.asarray(image.convert("RGB"))).all()
    data = by_pillow(pixels, "PNG", transparency=tuple(int(v) for v in pixels[3, 4]))
    with open_document(data) as document:
        assert ((document.page(0).alpha() == 0) == (pixels == pixels[3, 4]).all(2)).all()
    bilevel = picture(37, 21, 1) > 128
    assert (pixels_of(by_pillow(bilevel, "PNG")) == bilevel * np.uint8(255)).all()
