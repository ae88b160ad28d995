"""Pixels through every format: round trips, scaled decoding, limits, kinds that are refused."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from media_samples import by_pillow, encode, picture, pixels_of
from PIL import Image

from fastcolor import ops
from fastcolor.media.codecs import (
    CodecError,
    LimitError,
    Limits,
    Storage,
    UnsupportedError,
    open_document,
    open_output,
    sniff,
    to_stored,
    to_upright,
)

SUFFIXES = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}


# Round trips


@st.composite
def pictures(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and perhaps transparency, of 8 or 16 bits."""
    width, height = draw(st.integers(1, 70)), draw(st.integers(1, 40))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    most = np.iinfo(dtype).max
    shape = draw(st.sampled_from([(height, width), (height, width, 3)]))
    alpha = rng.integers(0, most, shape[:2], dtype, True) if draw(st.booleans()) else None
    return rng.integers(0, most, shape, dtype, True), alpha


def assert_same(data: bytes, pixels: np.ndarray, alpha: np.ndarray | None) -> None:
    assert (pixels_of(data) == pixels).all()
    with open_document(data) as document:
        page = document.page(0)
        assert page.has_alpha == (alpha is not None)
        found = page.alpha()
        assert found is None if alpha is None else (found == alpha).all()
        assert (page.luma() == (pixels if pixels.ndim == 2 else ops.luma(pixels))).all()


@settings(deadline=None)
@given(pictures())
def test_png_round_trip(sample: tuple[np.ndarray, np.ndarray | None]) -> None:
    assert_same(encode("png", *sample), *sample)


@settings(deadline=None)
@given(
    pictures(),
    st.sampled_from(["none", "lzw", "deflate", "zstd"]),
    st.sampled_from([None, (16, 16), (32, 16), (128, 64)]),
    st.booleans(),
    st.integers(0, 50),
)
def test_tiff_round_trip(
    sample: tuple[np.ndarray, np.ndarray | None],
    compression: str,
    tile: tuple[int, int] | None,
    big: bool,
    rows: int,
) -> None:
    pixels, alpha = sample
    file = io.BytesIO()
    with open_output(file, "tiff", pages=2, big=big) as writer:
        for _ in range(2):
            writer.write(pixels, alpha=alpha, storage=Storage(compression, tile, rows))
    with open_document(file.getvalue()) as document:
        assert document.pages == 2
        for page in document:
            assert (page.pixels() == pixels).all()
            assert page.storage.compression == compression
            assert page.storage.tile == tile
            bands = [band for _, band in page.bands(7)]
            assert (np.concatenate(bands) == pixels).all()
    assert_same(file.getvalue(), pixels, alpha)


@settings(deadline=None)
@given(pictures())
def test_webp_round_trip(sample: tuple[np.ndarray, np.ndarray | None]) -> None:
    pixels, alpha = (None if x is None else (x >> 8 if x.dtype == np.uint16 else x) for x in sample)
    assert pixels is not None
    pixels = pixels.astype(np.uint8)
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    alpha = (
        None if alpha is None or (alpha.astype(np.uint8) == 255).all() else alpha.astype(np.uint8)
    )
    data = encode("webp", pixels, alpha, compression="lossless")
    assert_same(data, colour, alpha)


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.sampled_from([1, 3]))
def test_jpeg_is_what_turbojpeg_reads_and_writes(width: int, height: int, channels: int) -> None:
    pixels = picture(width, height, channels)
    data = encode("jpeg", pixels, quality=95, subsampling="444")
    name = "GRAY" if channels == 1 else "RGB"
    assert (pixels_of(data) == simplejpeg.decode_jpeg(data, name).reshape(pixels.shape)).all()
    with open_document(data) as document:
        assert (document.page(0).luma() == simplejpeg.decode_jpeg(data, "GRAY")[..., 0]).all()


def test_wide_pictures_in_narrow_formats() -> None:
    pixels = picture(64, 48, 1, np.uint16)
    assert pixels_of(encode("jpeg", pixels, quality=100)).dtype == np.uint8
    alpha = np.zeros((48, 64), np.uint16)
    assert (pixels_of(encode("jpeg", pixels, alpha)) == 255).all()  # on white


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "jpeg"])
def test_others_read_what_is_written(format: str) -> None:
    for channels in (1, 3):
        pixels = picture(61, 47, channels)
        data = encode(format, pixels, quality=100, subsampling="444")
        seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        seen = seen[..., ::-1] if seen.ndim == 3 else seen
        wanted = pixels if seen.ndim == pixels.ndim else np.repeat(pixels[..., None], 3, 2)
        apart = np.abs(seen.astype(int) - wanted)
        assert apart.max() == 0 if format in ("png", "tiff") else apart.mean() < 6
        if format in ("png", "tiff"):
            wide = picture(61, 47, channels, np.uint16)
            data = np.frombuffer(encode(format, wide), np.uint8)
            seen = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
            assert ((seen[..., ::-1] if seen.ndim == 3 else seen) == wide).all()


def test_lossless_webp_stays_so() -> None:
    pixels = picture(64, 48, 3)
    with open_document(encode("webp", pixels, compression="lossless")) as document:
        file = io.BytesIO()
        with open_output(file, "webp") as writer:
            writer.write(pixels, storage=document.page(0).storage)
    assert (pixels_of(file.getvalue()) == pixels).all()


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = orientation
    pixels = picture(30, 20, 3)
    data = by_pillow(pixels, "PNG", exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        wanted = np.asarray(ImageOps.exif_transpose(image))
    with open_document(data) as document:
        page = document.page(0)
        assert page.metadata.orientation == orientation
        assert (page.pixels() == pixels).all()  # stored as it was
        upright = to_upright(pixels, orientation)
        assert (upright == wanted).all()
        assert (to_stored(upright, orientation) == pixels).all()
    planes = np.moveaxis(wanted, 2, 0)
    assert (to_stored(planes, orientation, planar=True) == np.moveaxis(pixels, 2, 0)).all()
    assert (to_upright(np.moveaxis(pixels, 2, 0), orientation, planar=True) == planes).all()


# Limits and refusals


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize(
    ("limits", "option"),
    [
        (Limits(max_pixels=63 * 48), "--max-pixels"),
        (Limits(max_bytes=64 * 48 - 1), "--max-bytes"),
    ],
)
def test_limits_name_their_option(format: str, limits: Limits, option: str) -> None:
    data = encode(format, picture(64, 48, 1))
    with pytest.raises(LimitError, match=f"64 x 48 pixels.*{option} N raises it"):
        open_document(data, limits=limits).page(0)
    assert (pixels_of(data).shape[:2]) == (48, 64)


def test_bombs_are_refused_from_their_headers() -> None:
    """None of these allocates what it announces."""
    huge = (60000, 60000)
    jpeg = bytearray(encode("jpeg", picture(64, 48, 1)))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = huge[0].to_bytes(2, "big") * 2
    png = bytearray(encode("png", picture(64, 48, 1)))
    png[16:24] = huge[0].to_bytes(4, "big") * 2
    tiff = encode("tiff", picture(64, 48, 1))
    for tag, side in ((256, 64), (257, 48)):
        field = struct.pack("<HHI", tag, 4, 1)
        assert field + side.to_bytes(4, "little") in tiff
        tiff = tiff.replace(
            field + side.to_bytes(4, "little"), field + huge[0].to_bytes(4, "little")
        )
    for data in (jpeg, png, tiff):
        with pytest.raises(LimitError, match="60000 x 60000"):
            open_document(bytes(data)).page(0)


def test_page_and_scan_limits() -> None:
    file = io.BytesIO()
    with open_output(file, "tiff", pages=5) as writer:
        for _ in range(5):
            writer.write(picture(8, 8, 1))
    with pytest.raises(LimitError, match="--max-pages"):
        open_document(file.getvalue(), limits=Limits(max_pages=4))
    data = by_pillow(picture(64, 48, 3), "JPEG", progressive=True)
    with pytest.raises(LimitError, match="--max-scans N raises it"):
        open_document(data, limits=Limits(max_scans=3))


def test_cmyk_is_refused_clearly() -> None:
    image = Image.fromarray(picture(16, 16, 3)).convert("CMYK")
    for format in ("JPEG", "TIFF"):
        with pytest.raises(UnsupportedError, match=r"CMYK.*convert it"):
            open_document(by_pillow(image, format)).page(0)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"GIF89a" + bytes(60), "gif"),
        (b"%PDF-1.7" + bytes(60), "pdf"),
        (b"PK\x03\x04" + bytes(60), "zip"),
        (b"\0\0\0\x20ftypheic" + bytes(60), "heif"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_sniff(head: bytes, name: str | None) -> None:
    assert sniff(head) == name
    if name != "jpeg":
        with pytest.raises(CodecError):
            open_document(head)


def test_documents_from_paths(tmp_path: Path) -> None:
    for format, suffix in SUFFIXES.items():
        path = tmp_path / f"wrong-suffix-of-{suffix[1:]}.txt"
        path.write_bytes(encode(format, picture(64, 48, 3)))
        with open_document(path) as document:
            assert document.format == format
            assert document.page(0).pixels().shape == (48, 64, 3)
    with pytest.raises(FileNotFoundError):
        open_document(tmp_path / "none")


def test_writers_say_what_is_wrong() -> None:
    for options in (
        {"quality": 0},
        {"subsampling": "410"},
        {"compression": "rar"},
        {"quality": 1.5},
    ):
        with pytest.raises(ValueError, match="must"):
            open_output(io.BytesIO(), "tiff", **options)
    with pytest.raises(ValueError, match="format must be one of"):
        open_output(io.BytesIO(), "gif")
    with open_output(io.BytesIO(), "png") as writer:
        writer.write(picture(3, 3, 1))
        with pytest.raises(CodecError, match="one page"):
            writer.write(picture(3, 3, 1))
        with pytest.raises(TypeError, match="uint8 or uint16"):
            open_output(io.BytesIO(), "png").write(np.zeros((3, 3)))
    with pytest.raises(CodecError, match="65535"):
        encode("jpeg", np.zeros((1, 65536), np.uint8))


def test_the_face_needs_no_imagecodecs() -> None:
    """JPEG, PNG of 8 bits and plain TIFF work without the extra; the rest names it."""
    script = """
import io, sys
sys.modules["imagecodecs"] = None
import numpy as np
from PIL import Image
from fastcolor.errors import MissingDependencyError
from fastcolor.media.codecs import open_document, open_output
grey = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)
for format in ("jpeg", "png", "tiff", "webp"):
    file = io.BytesIO()
    with open_output(file, format) as writer:
        writer.write(grey)
    assert open_document(file.getvalue()).page(0).luma().shape == (48, 64)
file = io.BytesIO()
Image.fromarray(grey > 128).save(file, "TIFF", compression="group4")
assert (open_document(file.getvalue()).page(0).luma() == (grey > 128) * 255).all()
try:
    with open_output(io.BytesIO(), "tiff", compression="lzw") as writer:
        writer.write(grey)
except MissingDependencyError as error:
    print(error)
data = bytes.fromhex("ff4fff51002f0000000000080000000800000000000000000000000800000008")
data += bytes.fromhex("00000000000000000001070101") + b"\\xff\\xd9"
try:
    open_document(data).page(0).pixels()
except MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("pip install imagecodecs" in line for line in lines)
