"""Metadata: EXIF, XMP, IPTC and resolution within and across formats."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_samples import exif_block, picture
from metadata_files import FULL, PRINT, TERM, XMP, encode, exiftool, metadata_of
from PIL import Image

from fastcolor.media.codecs import (
    Metadata,
    for_colour,
    lost_in,
    replace_jpeg_metadata,
    with_provenance,
)
from fastcolor.media.metadata import _exif, _iptc


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp"])
def test_everything_survives_in_every_format(format: str) -> None:
    found = metadata_of(encode(format, FULL))
    fields = _exif.parse(found.exif or b"")
    wanted = _exif.parse(FULL.exif or b"")
    assert found.orientation == 6
    assert found.xmp == FULL.xmp
    assert found.icc == FULL.icc
    assert {k: v.data for k, v in _exif.in_order(fields, "<").exif.items()} == {
        k: v.data for k, v in _exif.in_order(wanted, "<").exif.items()
    }
    assert _exif.in_order(fields, "<").gps == _exif.in_order(wanted, "<").gps
    if format != "webp":  # which has no place for these
        assert found.iptc == FULL.iptc
        assert found.dpi == pytest.approx(FULL.dpi, abs=0.01)
        assert "a €" in (found.comment, _text(fields.main.get(270)))


def _text(entry: _exif.Entry | None) -> str:
    return entry.data.rstrip(b"\0").decode() if entry else ""


@pytest.mark.parametrize("first", ["jpeg", "png", "tiff"])
@pytest.mark.parametrize("second", ["jpeg", "png", "tiff", "webp"])
def test_across_formats(first: str, second: str) -> None:
    through = metadata_of(encode(second, metadata_of(encode(first, FULL))))
    fields = _exif.in_order(_exif.parse(through.exif or b""), "<")
    assert through.orientation == 6
    assert through.xmp == XMP
    assert _text(fields.exif[36867]) == "1931:05:02 10:00:00"
    assert _text(fields.main[271]) == "Voigtländer"
    assert _text(fields.gps[1]) == "N"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exiftool_agrees(suffix: str, tmp_path: Path) -> None:
    format = {".jpg": "jpeg", ".tif": "tiff"}.get(suffix, suffix[1:])
    metadata = with_provenance(FULL, model="fast", version="1.2")
    seen = exiftool(encode(format, metadata), suffix, tmp_path)
    assert seen["XMP-iptcExt:DigitalSourceType"] == TERM
    assert seen["XMP-dc:Title"] == "Hafen & Meer"
    event = seen["XMP-xmpMM:History"][0]
    assert event["Parameters"].endswith(f"the digital source type was {PRINT}")
    assert seen["IFD0:Orientation"] == 6
    assert seen["IFD0:Make"] == "Voigtländer"
    assert seen["ExifIFD:DateTimeOriginal"] == "1931:05:02 10:00:00"
    assert seen["GPS:GPSLatitudeRef"] == "N"
    assert seen["ICC_Profile:ProfileDescription"] == "sRGB"
    assert not [seen[key] for key in seen if key.endswith(":Warning")]
    if format != "webp":
        assert seen["IPTC:Caption-Abstract"] == "harbour"


def test_what_a_format_has_no_place_for() -> None:
    assert lost_in("jpeg", FULL) == lost_in("png", FULL) == lost_in("tiff", FULL) == ()
    assert lost_in("webp", FULL) == (
        "IPTC has no place in webp",
        "the comment has no place in webp",
    )


@pytest.mark.parametrize("first", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_what_exiftool_wrote_survives(first: str, tmp_path: Path) -> None:
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    stated = {
        "IFD0:Artist": "Anna Ørsted",
        "IFD0:Copyright": "(c) 1931",
        "ExifIFD:DateTimeOriginal": "1931:05:02 10:00:00",
        "ExifIFD:ExposureTime": 0.008,
        "ExifIFD:FNumber": 5.6,
        "GPS:GPSLatitude": 55.67,
        "XMP-dc:Source": "Anna Ørsted",
        "XMP-photoshop:Headline": "Am Hafen & so",
        "XMP-xmp:Rating": 4,
    }
    if first in ("JPEG", "TIFF"):
        stated |= {"IPTC:City": "København", "IPTC:ObjectName": "Havn"}
    path = tmp_path / f"source.{first.lower()}"
    Image.fromarray(picture(64, 48, 3)).save(path, first)
    options = [f"-{key}={value}" for key, value in stated.items()]
    command = [program, "-q", "-n", "-codedcharacterset=utf8", *options, str(path)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    metadata = metadata_of(path.read_bytes())
    for format, suffix in (("jpeg", ".jpg"), ("png", ".png"), ("tiff", ".tif"), ("webp", ".webp")):
        made = with_provenance(metadata, model="fast", version="1")
        seen = exiftool(encode(format, made), suffix, tmp_path)
        for key, value in stated.items():
            if not (format == "webp" and key.startswith("IPTC")):
                assert seen[key] == (pytest.approx(value) if isinstance(value, float) else value)
        assert "ExifTool:Warning" not in seen


def test_exif_that_imagemagick_wrote_as_text() -> None:
    block = b"Exif\0\0" + (FULL.exif or b"")
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
    data = encode("png", Metadata(texts=(("Raw profile type exif", text), ("Author", "me"))))
    assert metadata_of(data) == Metadata(exif=FULL.exif, texts=(("Author", "me"),))


def test_thumbnails_and_maker_notes_keep_their_bytes() -> None:
    exif = FULL.exif + b"thumbnail and what not"
    for format in ("jpeg", "png", "webp"):
        assert metadata_of(encode(format, Metadata(exif=exif))).exif == exif


def test_replacing_a_jpegs_metadata_keeps_its_scans() -> None:
    before = encode("jpeg", replace_comment("old"))
    after = replace_jpeg_metadata(before, FULL)
    assert metadata_of(after) == metadata_of(encode("jpeg", FULL))
    assert after.endswith(before[before.index(b"\xff\xdb\0") :])


def replace_comment(text: str) -> Metadata:
    return Metadata(comment=text, dpi=(72, 72))


@settings(deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=40))
def test_photoshop_resources_are_parted_and_joined(others: bytes, iptc: bytes) -> None:
    block = struct.pack(">4sHHI", b"8BIM", 0x03ED, 0, len(others)) + others
    block += b"\0" * (len(others) & 1)
    joined = _iptc.joined(block, iptc or None)
    assert _iptc.parted(joined) == (block, iptc or None)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_photoshop_resources_never_get_lost(data: bytes) -> None:
    photoshop, iptc = _iptc.parted(b"8BIM" + data)
    assert len((photoshop or b"") + (iptc or b"")) <= len(data) + 4


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_crafted_exif_is_survived(data: bytes) -> None:
    for block in (b"II*\0\x08\0\0\0" + data, data):
        metadata = Metadata(exif=block, xmp=data, icc=data)
        assert 1 <= metadata.orientation <= 8
        encode("tiff", with_provenance(for_colour(metadata), model="m", version="1"))


def test_exif_that_is_too_large_for_jpeg_is_shortened() -> None:
    """The largest fields go, here thousands that share the same bytes; the others stay."""
    found = _exif.parse(exif_block())
    large = {40000 + i: _exif.Entry(7, 9000, bytes(9000)) for i in range(1000)}
    block = _exif.build(found._replace(main=found.main | large))
    assert block is not None and len(block) > 9_000_000
    seen = metadata_of(encode("jpeg", Metadata(exif=block))).exif
    assert seen is not None and len(seen) < 65534
    assert _exif.parse(seen).exif == found.exif
    assert set(found.main) <= set(_exif.parse(seen).main)
    assert len(lost_in("jpeg", Metadata(exif=block))) == 1
