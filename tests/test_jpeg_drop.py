"""Taking the luma of colour JPEG files over, coefficient by coefficient."""

from __future__ import annotations

import io

import jpeg_files as files
import pytest
from jpeg_files import APP0, decoded, joined, scans_of
from PIL import Image

from fastcolor import jpeg
from fastcolor.jpeg import JpegError


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"optimize": True}])
def test_drop_chroma_keeps_luma(subsampling, progressive, options):
    for size in ((1, 1), (8, 8), (17, 9), (33, 50), (100, 75)):
        file = files.colour(*size, subsampling=subsampling, progressive=progressive, **options)
        dropped = jpeg.drop_chroma(file)
        info = jpeg.probe(dropped)
        assert (info.colour, info.progressive) == ("grey", progressive)
        assert jpeg.probe(file).drop_chroma_problem == info.join_problem == ""
        assert (decoded(dropped) == decoded(file, "L")).all()
        assert len(dropped) < len(file) + 300
        joined(dropped)


def test_drop_chroma_of_a_joined_file_gives_its_luma():
    for progressive in (False, True):
        file = files.grey(50, 40, progressive=progressive)
        dropped = jpeg.drop_chroma(joined(file))
        assert (decoded(dropped) == decoded(file)).all()
        assert scans_of(dropped) == scans_of(file)
        assert not jpeg.is_joined(dropped)


def test_drop_chroma_keeps_metadata_and_what_follows():
    exif = files.exif_with_thumbnail(files.grey(16, 12))
    file = files.inserted(files.colour(comment=b"note"), exif, before=(APP0,)) + b"after"
    dropped = jpeg.drop_chroma(file)
    assert bytes(exif) in dropped and b"note" in dropped and dropped.endswith(b"\xff\xd9after")


def test_a_joined_file_tells_that_it_holds_only_the_luma_of_another():
    exif = files.exif_with_thumbnail(files.grey(16, 12))
    for file in (files.colour(30, 20), files.inserted(files.colour(30, 20), exif, before=(APP0,))):
        dropped = jpeg.drop_chroma(file)
        made = joined(dropped, luma_only=True, xmp=b"<x/>")
        assert jpeg.is_luma_only(made)
        assert (decoded(made, "L") == decoded(file, "L")).all()
        assert not jpeg.is_luma_only(joined(dropped, xmp=b"<x/>"))
        for other in (file, dropped, made[:40], made[:300], b"", b"\xff\xd8"):
            assert not jpeg.is_luma_only(other)


def test_drop_chroma_says_why_it_cannot():
    coarse = files.edited_frame(files.colour(subsampling=0), 10, 0x22)
    out = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(out, "JPEG")
    cmyk = out.getvalue()
    arithmetic = files.colour().replace(b"\xff\xc0", b"\xff\xc9")
    whole = files.colour(64, 64)
    for problem, file in (
        ("no chroma", files.grey()),
        ("rgb, so it has no luma", files.colour(keep_rgb=True)),
        ("sampled coarser", coarse),
        ("cmyk", cmyk),
        ("arithmetic", arithmetic),
        ("12 bits", files.edited_frame(files.colour(), 0, 12)),
        ("ends too early", whole[:-100]),
    ):
        with pytest.raises(JpegError, match=problem):
            jpeg.drop_chroma(file)
        if "early" not in problem:
            assert problem in jpeg.probe(file).drop_chroma_problem


def test_dimensions_that_the_data_cannot_fill_cost_nothing():
    for file in (files.colour(subsampling=2), files.colour(subsampling=2, progressive=True)):
        huge = file
        for offset in (1, 2, 3, 4):
            huge = files.edited_frame(huge, offset, 0xFF)
        with pytest.raises(JpegError, match="ends too early"):
            jpeg.drop_chroma(huge)
