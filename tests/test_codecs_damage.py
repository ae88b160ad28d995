"""Damaged files: graded as libvips does, one clear sentence, never a crash or a hang."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_samples import by_pillow, encode, exif_block, grey_profile, picture
from PIL import Image

from fastcolor.errors import FastcolorError
from fastcolor.media.codecs import (
    FAIL_ON,
    DamagedError,
    Limits,
    Metadata,
    for_colour,
    open_document,
    open_output,
    with_provenance,
)


def rich(format: str, pixels: np.ndarray, **options: object) -> bytes:
    metadata = Metadata(exif=exif_block(), icc=grey_profile(1.8), dpi=(300, 300), comment="c")
    file = io.BytesIO()
    with open_output(file, format, **options) as writer:
        writer.write(pixels, with_provenance(metadata, model="m", version="1"))
    return file.getvalue()


def samples() -> list[bytes]:
    grey, colour, wide = picture(83, 61, 1), picture(83, 61, 3), picture(83, 61, 3, np.uint16)
    found = [rich(format, pixels) for format in ("jpeg", "png", "tiff") for pixels in (grey, wide)]
    found += [rich("tiff", colour, compression=name) for name in ("none", "lzw", "zstd", "jpeg")]
    found += [rich("tiff", wide, big=True), rich("webp", colour)]
    found.append(rich("webp", colour, compression="lossless"))
    found.append(by_pillow(colour, "JPEG", progressive=True))
    found += [by_pillow(grey > 128, "TIFF", compression=name) for name in ("group3", "group4")]
    palette = Image.fromarray(colour).quantize(16)
    return found + [by_pillow(palette, "PNG"), by_pillow(palette, "TIFF")]


SAMPLES = samples()
LIMITS = Limits(max_pixels=4_000_000, max_bytes=1 << 26)


def use(data: bytes, fail_on: str) -> None:
    """Everything that a job does with a file."""
    with open_document(data, limits=LIMITS, fail_on=fail_on) as document:
        for page in document:
            pixels = page.pixels()
            assert pixels.shape[:2] == (page.height, page.width)
            assert pixels.dtype == page.dtype
            assert page.luma().shape == (page.height, page.width)
            page.luma_at(20)
            page.alpha()
            metadata = with_provenance(for_colour(page.metadata), model="m", version="1")
            for format in ("jpeg", "tiff"):
                with open_output(io.BytesIO(), format) as writer:
                    writer.write(pixels, metadata, storage=page.storage)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(SAMPLES[draw(st.integers(0, len(SAMPLES) - 1))])
    kind = draw(st.sampled_from(["cut", "bytes", "bytes", "head", "tail", "gap"]))
    if kind == "cut":
        return bytes(data[: draw(st.integers(0, len(data)))])
    if kind == "gap":
        at = draw(st.integers(0, len(data) - 1))
        del data[at : at + draw(st.integers(1, 40))]
        return bytes(data)
    span = {"head": (0, min(400, len(data))), "tail": (max(0, len(data) - 400), len(data))}
    low, high = span.get(kind, (0, len(data)))
    for _ in range(draw(st.integers(1, 6))):
        data[draw(st.integers(low, high - 1))] = draw(
            st.sampled_from([0, 1, 127, 255]) | st.integers(0, 255)
        )
    return bytes(data)


def check(data: bytes, fail_on: str) -> None:
    try:
        use(data, fail_on)
    except FastcolorError as error:
        message = str(error)
        assert message and "\n" not in message.strip() and "Traceback" not in message


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(), st.sampled_from(FAIL_ON))
def test_damage_is_an_error_or_a_picture(data: bytes, fail_on: str) -> None:
    check(data, fail_on)


@pytest.mark.slow
@settings(deadline=None, max_examples=20000, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(), st.sampled_from(FAIL_ON))
def test_much_damage_is_an_error_or_a_picture(data: bytes, fail_on: str) -> None:
    check(data, fail_on)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", *(sample[:12] for sample in SAMPLES)]))
def test_crafted_bytes(tail: bytes, head: bytes) -> None:
    with pytest.raises(FastcolorError):
        use(head + tail, "none")


def test_nothing_at_all() -> None:
    for data in (b"", b"\0", bytes(1000)):
        with pytest.raises(FastcolorError):
            open_document(data)
    with pytest.raises(DamagedError, match="empty"):
        open_document(b"")


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
def test_truncation_is_graded(format: str) -> None:
    """Half a file: a picture whose upper part is right, or an error, as the caller wants it."""
    pixels = np.add.outer(np.arange(200), np.arange(300)).astype(np.uint8)
    options = {"compression": "none"} if format == "tiff" else {}
    data = encode(format, pixels, **options)
    if format == "tiff":  # pixels in front of the directory: put them behind
        data = _directory_first(data)
    half = data[: len(data) * 6 // 10]
    whole = open_document(data, fail_on="warning").page(0).pixels()
    with open_document(half, fail_on="none") as document:
        page = document.page(0)
        assert (page.pixels()[:60] == whole[:60]).all()
        assert {damage.grade for damage in page.warnings} == {"truncated"}
    for fail_on in ("truncated", "error", "warning"):
        with pytest.raises(DamagedError), open_document(half, fail_on=fail_on) as document:
            document.page(0).pixels()


def _directory_first(data: bytes) -> bytes:
    import tifffile

    file = io.BytesIO()
    pixels = tifffile.imread(io.BytesIO(data))
    tifffile.imwrite(file, pixels, metadata=None, rowsperstrip=10)
    return file.getvalue()


def test_wrong_bytes_are_errors_that_can_be_allowed() -> None:
    data = bytearray(by_pillow(picture(300, 200, 1), "JPEG"))
    at = len(data) // 2
    data[at : at + 4] = b"\xff\xd0\xff\xd1"
    with pytest.raises(DamagedError):
        open_document(bytes(data)).page(0).pixels()
    with open_document(bytes(data), fail_on="truncated") as document:
        page = document.page(0)
        page.pixels()
        assert [damage.grade for damage in page.warnings] == ["error"]


def test_wrong_checksums_in_png() -> None:
    data = bytearray(encode("png", picture(300, 200, 1)))
    at = data.index(b"IDAT") + len(data) // 2
    data[at] ^= 0x55
    with pytest.raises(DamagedError):
        open_document(bytes(data)).page(0).pixels()
    with open_document(bytes(data), fail_on="none") as document:
        page = document.page(0)
        assert page.pixels().shape == (200, 300)
        assert page.warnings


def test_a_lost_strip_leaves_the_others() -> None:
    pixels = picture(300, 200, 1)
    file = io.BytesIO()
    with open_output(file, "tiff", compression="deflate") as writer:
        from fastcolor.media.codecs import Storage

        writer.write(pixels, storage=Storage("deflate", None, 20))
    data = bytearray(file.getvalue())
    data[8:20] = bytes(12)
    with pytest.raises(DamagedError, match="piece 1 of"):
        open_document(bytes(data)).page(0).pixels()
    with open_document(bytes(data), fail_on="none") as document:
        page = document.page(0)
        assert (page.pixels()[20:] == pixels[20:]).all()
        assert [damage.grade for damage in page.warnings] == ["error"]


def test_a_broken_chain_of_pages() -> None:
    file = io.BytesIO()
    with open_output(file, "tiff", pages=3) as writer:
        for _ in range(3):
            writer.write(picture(30, 20, 1))
    data = bytearray(file.getvalue())
    first = int.from_bytes(data[4:8], "little")
    link = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[link : link + 4] = data[4:8]
    with pytest.raises(DamagedError, match="circle"):
        open_document(bytes(data))
    with open_document(bytes(data), fail_on="none") as document:
        assert document.pages == 1
        assert document.page(0).warnings
