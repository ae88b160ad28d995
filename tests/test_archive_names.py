"""Outputs whose names meet: who has the name follows from the order of the items alone."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from pathlib import Path

import archives
import numpy as np
import pytest
from archives import colour
from PIL import Image

from fastcolor.archive import Settings
from fastcolor.cli.revert import revert


def run_twice(source: Path, out: Path, settings: Settings):
    """What the first run wrote and said; the second one changes nothing about it."""
    _, heard = colour(source, out, settings)
    first = archives.tree(out) if out.is_dir() else {"": out.read_bytes().hex()}
    _, again = colour(source, out, settings)
    assert again.outcomes == {}
    assert again.failures == heard.failures
    assert first == (archives.tree(out) if out.is_dir() else {"": out.read_bytes().hex()})
    return first, heard.failures, heard.outcomes


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_names_that_copied_pictures_give_back(tmp_path, output):
    """x.jpg holds x.png only until it turns out to be in colour."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "x.jpg").write_bytes(archives.colour_jpeg(1))
    for number in range(12):
        (source / f"x.k{number:02}.jpg").write_bytes(archives.jpeg(number, 16, 16))
    (source / "x.png").write_bytes(archives.png(3))
    (source / "y.jpg").write_bytes(archives.jpeg(4))
    (source / "y.png").write_bytes(archives.png(5))
    results = [
        run_twice(source, tmp_path / str(jobs) / output, Settings(size=32, jobs=jobs, format="png"))
        for jobs in (0, 1, 3, 64)
    ]
    assert all(result == results[0] for result in results)
    _, failures, outcomes = results[0]
    assert list(failures) == [str(source / "y.png")]
    assert "y.png is already that of" in failures[str(source / "y.png")]
    assert outcomes[str(source / "x.jpg")] == "copied"
    assert outcomes[str(source / "x.png")] == "coloured"


def test_jpeg_2000_in_colour_beside_a_tiff(tmp_path):
    codecs = pytest.importorskip("imagecodecs")
    source = tmp_path / "in"
    source.mkdir()
    rgb = np.stack([archives.grey(1), archives.grey(2), archives.grey(3)], axis=2)
    (source / "a.jp2").write_bytes(codecs.jpeg2k_encode(rgb, level=0))
    Image.fromarray(archives.grey(4)).save(source / "a.tif")
    for jobs in (1, 8):
        found, failures, _ = run_twice(source, tmp_path / str(jobs), Settings(size=32, jobs=jobs))
        assert failures == {}
        assert set(found) == {"a.jp2", "a.tif"}


def test_the_same_name_twice_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("x.jpg", archives.colour_jpeg(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.jpg", archives.jpeg(2))
        archive.writestr("x.png", archives.png(3))
    results = [
        run_twice(
            tmp_path / "in.zip", tmp_path / str(jobs), Settings(size=32, jobs=jobs, format="png")
        )
        for jobs in (1, 8)
    ]
    assert results[0] == results[1]
    assert set(results[0][0]) == {"x.jpg", "x.png"}
    assert ["x.jpg is already that of" in text for text in results[0][1].values()] == [True]


def test_copied_pictures_that_change_or_move(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    settings = Settings(size=32, jobs=2, format="png")
    (source / "x.jpg").write_bytes(archives.colour_jpeg(1))
    (source / "x.png").write_bytes(archives.png(3))
    (source / "z.jpg").write_bytes(archives.colour_jpeg(2))
    assert colour(source, out, settings)[0] == 0
    source = source.rename(tmp_path / "moved")
    assert colour(source, out, settings)[1].outcomes == {}
    changed = archives.colour_jpeg(9)
    (source / "z.jpg").write_bytes(changed)
    code, heard = colour(source, out, settings)
    assert (code, heard.outcomes) == (0, {str(source / "z.jpg"): "copied"})
    assert (out / "z.jpg").read_bytes() == changed
    before = archives.tree(out)
    (source / "x.jpg").write_bytes(archives.jpeg(7))
    _, heard = colour(source, out, settings)
    assert "x.png is already that of" in heard.failures[str(source / "x.jpg")]
    assert archives.tree(out) == before


@pytest.mark.parametrize("source", ["in", "in.zip", "in.tar"])
@pytest.mark.parametrize("format", ["same", "jpg", "tiff"])
def test_of_pictures_that_want_one_name_each_is_named(tmp_path, source, format):
    jp2 = io.BytesIO()
    Image.fromarray(archives.grey(1)).save(jp2, "JPEG2000")
    files = {
        "g.jp2": jp2.getvalue(),
        "g.j2k": jp2.getvalue(),
        "g.tif": archives.png(2),
        "a.jpg": archives.jpeg(3),
        "a.jpeg": archives.jpeg(4),
        "a.png": archives.png(5),
    }
    if source == "in":
        (tmp_path / "in").mkdir()
        for name, data in files.items():
            (tmp_path / "in" / name).write_bytes(data)
    elif source == "in.zip":
        with zipfile.ZipFile(tmp_path / source, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(tmp_path / source, "w") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    results = []
    for jobs in (0, 3, 3):  # the last one again
        settings = Settings(size=32, jobs=jobs, format=format)
        code, heard = colour(tmp_path / source, tmp_path / f"out{jobs}", settings)
        results.append((archives.tree(tmp_path / f"out{jobs}"), heard.failures))
    assert results[0] == results[1] == results[2]
    outputs, failures = results[0]
    assert code == 1
    assert len(outputs) == {"same": 4, "jpg": 3, "tiff": 2}[format]
    assert len(outputs) + len(failures) == len(files)
    for reason in failures.values():
        other = re.fullmatch(
            r"its output (\S+) is already that of (\S+|\S+: \S+); rename one of them", reason
        )
        assert other, reason
        assert other[1] in outputs
        assert other[2] not in failures
        assert other[2].startswith(str(tmp_path / source))


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_outputs_whose_names_would_be_too_long_stop_nobody(tmp_path, output):
    source = archives.fill(tmp_path / "in", 3)
    (source / ("x" * 251 + ".jpg")).write_bytes(archives.jpeg(1))
    (source / ("y" * 255)).write_bytes(archives.jpeg(2))
    code, heard = colour(source, tmp_path / output, Settings(size=32, jobs=2, format="webp"))
    assert (code, len(heard.outcomes)) == (1, 3)
    assert sorted(heard.failures.values()) == [
        f"its output's name has a part of {n} bytes, more than 255" for n in (256, 260)
    ]


def test_paths_that_would_be_too_long_stop_nobody(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("/".join(["d" * 200] * 25) + "/a.jpg", archives.jpeg(1))
        archive.writestr("b.jpg", archives.jpeg(2))
    code, heard = colour(tmp_path / "in.zip", tmp_path / "out")
    assert (code, len(heard.outcomes)) == (1, 1)
    assert ["longer than is possible" in why for why in heard.failures.values()] == [True]
    assert colour(tmp_path / "in.zip", tmp_path / "out.zip")[0] == 0
    options = {"max_file": 0, "force": False, "quiet": True}
    assert revert([str(tmp_path / "out.zip")], tmp_path / "back", **options) == 1
    assert (tmp_path / "back" / "b.jpg").read_bytes() == archives.jpeg(2)
