"""Joined files among programs that change JPEG files; each skips where it is not installed.

On Debian: libimage-exiftool-perl libjpeg-turbo-progs.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import jpeg_corpus
import jpeg_files as files
import numpy as np
import pytest
from PIL import Image

from fastcolor import jpeg
from fastcolor.jpeg import JpegError
from fastcolor.media import codecs

PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
)


def run(name: str, *arguments: object, data: bytes = b"") -> bytes:
    tool = shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [tool, *map(str, arguments)],
        input=data,
        capture_output=True,
        timeout=60,
        env=files.plain_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def joined(grey: bytes, width: int, height: int) -> bytes:
    pair = jpeg.encode_chroma(*files.planes_for(width, height))
    return jpeg.join(grey, pair, xmp=PACKET)


@pytest.mark.parametrize(
    "edit",
    [
        ["-XMP:Title=a caption", "-IPTC:Caption-Abstract=another"],
        ["-Orientation=Rotate 90 CW", "-Artist=somebody"],
        ["-XMP:all=", "-comment=new"],
    ],
    ids=lambda edit: edit[0],
)
def test_exiftool(edit, tmp_path: Path):
    exif = files.exif_with_thumbnail(b"")
    grey = files.inserted(
        files.grey(400, 300, quality=95),
        exif,
        files.icc(files.grey_profile()),
        before=(files.APP0,),
    )
    path = tmp_path / "picture.jpg"
    path.write_bytes(joined(grey, 400, 300))
    run("exiftool", "-overwrite_original", *edit, path)
    assert path.read_bytes() != joined(grey, 400, 300)
    assert jpeg.revert(path.read_bytes()) == grey


def test_jpegtran_leaves_nothing_to_go_back_to(tmp_path: Path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(joined(files.grey(), 40, 30))
    rewritten = run("jpegtran", "-copy", "all", path)
    with pytest.raises(JpegError, match="changed after fastcolor wrote it"):
        jpeg.revert(rewritten)
    assert jpeg.probe(jpeg.drop_chroma(rewritten)).colour == "grey"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_coefficients_are_those_that_jpegtran_keeps(progressive, subsampling, tmp_path: Path):
    """Recoded alike, both grey files are the same bytes."""
    for options in ({}, {"restart_marker_blocks": 3}):
        colour = files.colour(203, 101, subsampling=subsampling, progressive=progressive, **options)
        (tmp_path / "colour.jpg").write_bytes(colour)
        (tmp_path / "grey.jpg").write_bytes(jpeg.drop_chroma(colour))
        plain = ("-optimize", "-copy", "none")
        expected = run("jpegtran", "-grayscale", *plain, tmp_path / "colour.jpg")
        assert run("jpegtran", *plain, tmp_path / "grey.jpg") == expected


@pytest.mark.parametrize(
    "options",
    [
        ["-restart", "2"],
        ["-progressive", "-restart", "1B"],
        ["-quality", "1", "-optimize"],
        ["-quality", "2", "-progressive"],
        [],
    ],
    ids=" ".join,
)
def test_cjpeg(options):
    pgm = b"P5 97 61 255\n" + files.picture(97, 61).tobytes()
    grey = run("cjpeg", *options, data=pgm)
    assert jpeg.revert(joined(grey, 97, 61)) == grey


def test_djpeg_warns_of_nothing():
    for name, grey in jpeg_corpus.odd_structures():
        made = files.joined(grey)
        for file in (made, jpeg.drop_chroma(made)):
            assert run("djpeg", "-strict", data=file).startswith(b"P"), name


@pytest.mark.parametrize("options", [["-arithmetic"], ["-arithmetic", "-progressive"]])
def test_arithmetic_coding_is_refused(options):
    grey = run("cjpeg", *options, data=b"P5 8 8 255\n" + bytes(64))
    with pytest.raises(JpegError, match="arithmetic"):
        joined(grey, 8, 8)
    assert "arithmetic" in jpeg.probe(grey).join_problem


@pytest.mark.parametrize("sampling", ["1x3", "3x1", "4x2", "2x1,1x2,1x1"])
def test_unusual_samplings_are_read(sampling):
    pytest.importorskip("imagecodecs")
    rgb = np.asarray(Image.open(io.BytesIO(files.colour())).convert("RGB"))
    ppm = b"P6 %d %d 255\n" % (rgb.shape[1], rgb.shape[0]) + rgb.tobytes()
    data = run("cjpeg", "-sample", sampling, "-quality", "95", data=ppm)
    with codecs.open_document(data) as document:
        page = document.page(0)
        found, luma = page.pixels(), page.stored_luma()
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
        image.draft("YCbCr", image.size)
        y = np.asarray(image.convert("YCbCr"))[..., 0]
    assert np.array_equal(found, expected)
    assert np.abs(luma.astype(int) - y).max() <= 2
