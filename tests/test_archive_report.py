"""The report of colorize: what it counts, names and leaves beside it."""

from __future__ import annotations

import csv
import io
import re

import archives
import jpeg_files as files
import numpy as np
import pytest
import tifffile
from archives import colour
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fastcolor.archive import Settings, report, run
from fastcolor.archive.errors import JobError


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 12)


def tiles(page: str) -> dict[str, str]:
    return {name: value for value, name in re.findall(r"<b>([^<]*)</b><span>([^<]*)<", page)}


def test_report(source, tmp_path):
    (source / "<script>.jpg").write_text("no")
    target = tmp_path / "report.html"
    colour(source, tmp_path / "out", report=target)
    page = target.read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count('class="pair"') >= 3
    assert "&lt;script&gt;.jpg" in page
    assert "<script>.jpg" not in page
    assert "<svg" in page
    assert "<td>size<td>32" in page


def test_it_says_what_became_of_the_luma_of_each_jpeg(tmp_path):
    source = archives.fill(tmp_path / "in", 12)  # 11 grey JPEGs and a PNG
    neutral = np.stack([archives.grey(3)] * 3, axis=2)
    (source / "neutral.jpg").write_bytes(files.encode(neutral))
    (source / "rgb.jpg").write_bytes(files.encode(neutral, keep_rgb=True))
    (source / "colour.jpg").write_bytes(archives.colour_jpeg(1))
    (source / "wrong.png").write_bytes(archives.jpeg(1))
    target = tmp_path / "report.html"
    assert colour(source, tmp_path / "out", report=target)[0] == 0
    page = target.read_text()
    found = tiles(page)
    assert found["JPEGs whose luma was kept"] == "12"
    assert found["colour JPEGs whose luma was taken over"] == "1"
    assert found["JPEGs encoded anew"] == "1"
    assert "<td>encoded anew, so revert cannot give the original back: its components" in page
    assert "<td>its luma was taken over from a colour JPEG: revert gives that luma, not" in page
    assert page.count("<tr><td>" + str(source)) == 3  # what went as it should is no remark
    never = Settings(size=32, jobs=2, lossless_luma="never")
    assert colour(source, tmp_path / "anew", never, report=target)[0] == 0
    page = target.read_text()
    assert tiles(page)["JPEGs whose luma was kept"] == "0"
    assert tiles(page)["JPEGs encoded anew"] == "14"
    assert "revert cannot" not in page
    png = Settings(size=32, jobs=2, format="png")
    assert colour(source / "box0", tmp_path / "png", png, report=target)[0] == 0
    assert "luma was" not in target.read_text()


def test_failures_beyond_the_table_are_all_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_ROWS", 3)
    source = archives.fill(tmp_path / "in", 2)
    for number in range(3):
        (source / f'{number}, "bad".jpg').write_text("no")
    target, beside = tmp_path / "a#b.html", tmp_path / "a#b.failures.csv"
    assert colour(source, tmp_path / "out", report=target)[0] == 1
    assert not beside.exists() and ".csv" not in target.read_text()
    (source / "3.jpg").write_text("no")
    assert colour(source, tmp_path / "out", report=target)[0] == 1
    page = target.read_text()
    assert '<a href="a%23b.failures.csv">a#b.failures.csv</a> has all 4' in page
    rows = list(csv.reader(io.StringIO(beside.read_text())))
    names = ['0, "bad".jpg', '1, "bad".jpg', '2, "bad".jpg', "3.jpg"]
    assert [row[0] for row in rows[1:]] == [str(source / name) for name in names]
    assert rows[0] == ["path", "member", "reason"]
    assert all("not a picture" in row[2] for row in rows[1:])


def test_a_report_that_cannot_be_written_leaves_nothing(source, tmp_path):
    page = tmp_path / "page.html"
    in_the_way = archives.Meddling(1, page.mkdir)
    with pytest.raises(JobError, match="cannot write"):
        run([source], tmp_path / "out", archives.SETTINGS, report=page, progress=in_the_way)
    assert not archives.leftovers(tmp_path)


def test_it_says_what_of_a_picture_is_not_kept(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    grey = archives.grey(1, 64, 48)
    with tifffile.TiffWriter(source / "below.tif") as writer:
        writer.write(grey, subifds=2)
        writer.write(grey[::2, ::2], subfiletype=1)
        writer.write(grey[::4, ::4], subfiletype=1)
        writer.write(grey[::2, ::2], subfiletype=1)
        writer.write(grey)
    layers = [(37724, 7, 8, b"8BIMLayr", True), (65000, 4, 1, 7, True)]
    tifffile.imwrite(source / "layers.tif", grey, extratags=layers)
    tifffile.imwrite(
        source / "private.tif", grey, bigtiff=True, extratags=[(65001, 16, 1, 9, True)]
    )
    tifffile.imwrite(source / "plain.tif", grey)
    texts = PngInfo()
    texts.add_text("Title", "harbour")
    Image.fromarray(grey).save(source / "text.png", pnginfo=texts)
    page = tmp_path / "report.html"
    assert colour(source, tmp_path / "out", report=page)[0] == 0
    cells = r"/(\w+\.\w+)<td>(.*?)(?=<tr>|</table>)"
    below = "not kept: 1 reduced or mask page of the TIFF"
    assert dict(re.findall(cells, page.read_text())) == {
        "below.tif": f"{below}; not kept: 2 pictures below the page (TIFF SubIFDs)",
        "layers.tif": "not kept: Photoshop&#x27;s layers",
        "private.tif": "not kept: fields of the TIFF that have no place in EXIF (65001)",
    }
    tiff = Settings(size=32, jobs=2, format="tiff")
    assert colour(source / "text.png", tmp_path / "tiff", tiff, report=page)[0] == 0
    assert "<td>PNG&#x27;s text has no place in tiff" in page.read_text()
