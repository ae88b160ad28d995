"""What is said about items and outputs: of what, and in which words."""

from __future__ import annotations

import base64
import errno
import io
import os
import re
import subprocess
import sys

import archives
import numpy as np
import pytest
import tifffile
from archives import colour
from PIL import Image

from fastcolor import jpeg
from fastcolor.archive import Settings, task
from fastcolor.archive.errors import JobError
from fastcolor.cli.revert import revert


def test_samples_of_the_report_stand_upright(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    upright = np.full((60, 100), 230, np.uint8)
    upright[:20] = 20  # dark above
    for kind in ("png", "jpg"):
        exif = Image.Exif()
        exif[0x0112] = 8  # turn by 90 degrees counter-clockwise for looking at it
        turned = Image.fromarray(np.ascontiguousarray(np.rot90(upright, -1)))
        turned.save(source / f"turned.{kind}", exif=exif)
    page = tmp_path / "r.html"
    assert colour(source, tmp_path / "out", report=page)[0] == 0
    found = re.findall(r"data:image/jpeg;base64,([^\"]+)", page.read_text())
    assert len(found) == 4
    for text in found:
        with Image.open(io.BytesIO(base64.b64decode(text))) as image:
            assert image.size in ((100, 60), (50, 30))  # a JPEG is not decoded at full size
            light = np.asarray(image.convert("L").resize((100, 60))).astype(int)
        assert light[:15].max() < 80 < 180 < light[25:].min()


def test_the_second_picture_of_an_mpo_is_spoken_of(tmp_path):
    pictures = [Image.fromarray(archives.grey(seed)) for seed in (1, 2)]
    pictures[0].save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=pictures[1:])
    (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    page = tmp_path / "r.html"
    assert colour(tmp_path / "a.jpg", tmp_path / "out", report=page)[0] == 0
    assert "a.jpg<td>its luma was kept; the JPEG holds more pictures (MPO)" in page.read_text()
    strict = Settings(size=32, jobs=2, fail_on="warning")
    code, heard = colour(tmp_path / "a.jpg", tmp_path / "strict", strict)
    assert code == 1
    assert "holds more pictures" in heard.failures[str(tmp_path / "a.jpg")]


def test_a_zstandard_tiff_says_what_to_install(tmp_path):
    pytest.importorskip("imagecodecs")
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", archives.grey(1), compression="zstd")
    tifffile.imwrite(tmp_path / "in" / "b.tif", archives.grey(1))
    script = (
        "import sys; sys.modules['imagecodecs'] = None\nfrom fastcolor.__main__ import main; main()"
    )
    line = ("colorize", tmp_path / "in", "-o", tmp_path / "out", *archives.QUICK)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, line)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    (failure,) = [line for line in done.stderr.splitlines() if "failed" in line]
    assert failure.endswith("needs imagecodecs; install it with pip install imagecodecs")
    assert "zstd" in failure
    assert list(archives.tree(tmp_path / "out")) == ["b.tif"]


def test_errors_name_the_file_not_its_temporary_one(tmp_path, monkeypatch):
    source = archives.fill(tmp_path / "in", 2)
    assert colour(source, tmp_path / "out")[0] == 0

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JobError, match=r"cannot write .*/more/box0/00000\d\.jpg: no space") as told:
        colour(source, tmp_path / "more")
    assert ".part" not in str(told.value)
    with pytest.raises(JobError, match=r"cannot write .*/more\.zip: no space") as told:
        colour(source, tmp_path / "more.zip")
    assert ".part" not in str(told.value)
    options = {"max_file": 0, "force": False, "quiet": True}
    with pytest.raises(JobError, match=r"cannot write .*/back/box0/000000\.jpg: No space") as told:
        revert([str(tmp_path / "out")], tmp_path / "back", **options)
    assert ".part" not in str(told.value)


def test_an_input_that_cannot_be_read_is_no_trouble_of_the_output(tmp_path, monkeypatch):
    """A disk that fails below one picture does not end the job, even while that is written."""
    monkeypatch.setattr(task, "LARGE_BYTES", 1 << 10)  # read piece by piece, from their files
    source = archives.fill(tmp_path / "in", 3)
    colours = np.stack([archives.grey(s, 400, 300) for s in range(3)], axis=2)
    tifffile.imwrite(source / "colour.tif", colours)
    pages = np.stack([archives.grey(s, 400, 300) for s in range(3)])
    tifffile.imwrite(source / "pages.tif", pages, photometric="minisblack")
    real, failed = task.Path.open, []

    class Failing(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if self.tell() > (200_000 if "pages" in str(self.name) else 100):
                failed.append(self.name)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    def opened(path, mode="r", *rest, **more):
        failing = path.suffix == ".tif" and mode == "rb"
        return Failing(path) if failing else real(path, mode, *rest, **more)

    monkeypatch.setattr(task.Path, "open", opened)
    code, heard = colour(source, tmp_path / "out")
    assert code == 1
    assert len(heard.outcomes) == 3
    reasons = {label.rsplit("/", 1)[1]: why for label, why in heard.failures.items()}
    assert reasons.keys() == {"colour.tif", "pages.tif"}
    assert all("cannot be read: Input/output error" in why for why in reasons.values()), reasons
    assert len(failed) >= 2


def test_an_encoders_error_is_of_the_picture(tmp_path, monkeypatch):
    source = archives.fill(tmp_path / "in", 10)
    real = Image.Image.save

    def save(image, *given, **options):
        if image.size == (40, 30) and not save.failed:
            save.failed = True
            raise OSError("encoder error -2 when writing image file")
        return real(image, *given, **options)

    save.failed = False
    monkeypatch.setattr(Image.Image, "save", save)
    code, heard = colour(source, tmp_path / "out", Settings(size=32, jobs=2, format="webp"))
    assert (code, len(heard.outcomes)) == (1, 9)
    assert "encoder error -2" in next(iter(heard.failures.values()))


@pytest.mark.parametrize("command", ["--version", "colorize", "log", "revert"])
def test_a_full_standard_output_is_one_sentence(tmp_path, command):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    source = archives.fill(tmp_path / "in", 2)
    line = [command]
    if command in ("colorize", "log"):
        line = ["colorize", source, "-o", tmp_path / "out", *archives.QUICK, "--quiet"]
        line = line[:-1] if command == "colorize" else [*line, "--json-log"]
    if command == "revert":
        assert colour(source, tmp_path / "c")[0] == 0
        line = ["revert", tmp_path / "c", "-o", tmp_path / "out"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fastcolor", *map(str, line)],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 5
    assert last.startswith("fastcolor: error: ")
    assert "standard output cannot be written: No space left" in last
    assert "Traceback" not in done.stderr
    assert not archives.leftovers(tmp_path)
    if command in ("colorize", "revert"):
        assert len(archives.tree(tmp_path / "out")) == 2


def test_damage_that_can_be_put_up_with_says_how(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    whole = archives.jpeg(1)
    (source / "no end.jpg").write_bytes(whole[:-2])
    code, heard = colour(source, tmp_path / "out")
    (reason,) = heard.failures.values()
    assert code == 1 and "--fail-on none makes what can be made of it" in reason
    lax = Settings(size=32, jobs=2, fail_on="none")
    assert colour(source, tmp_path / "lax", lax)[0] == 0
    assert jpeg.revert((tmp_path / "lax" / "no end.jpg").read_bytes()) == whole[:-2]
