"""What inputs are is told by their content, and what is none is named, beside its neighbours."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys

import archives
import numpy as np
import pytest
from archives import colour
from PIL import Image

from fastcolor.archive import Settings
from fastcolor.archive.settings import SettingsError
from fastcolor.media import codecs
from fastcolor.media.metadata._xmp import with_provenance


def test_a_picture_named_like_an_archive_is_a_picture(tmp_path):
    source = archives.fill(tmp_path / "in", 2)
    (source / "scan.zip").write_bytes(archives.jpeg(7))
    code, heard = colour(source, tmp_path / "out")
    assert code == 0
    assert heard.outcomes[str(source / "scan.zip")] == "coloured"


def test_a_zip_behind_a_program_is_a_zip(tmp_path):
    archives.make_archive(tmp_path / "plain.zip", "zip", 3)
    whole = tmp_path / "self-unpacking.zip"
    whole.write_bytes(b"#!/bin/sh\nexit\n" * 20 + (tmp_path / "plain.zip").read_bytes())
    code, heard = colour(whole, tmp_path / "out")
    assert code == 0
    assert len(heard.outcomes) == 3


def test_a_list_with_an_overlong_name_goes_on(tmp_path):
    good = tmp_path / "a.jpg"
    good.write_bytes(archives.jpeg(1))
    line = [sys.executable, "-m", "fastcolor", "colorize", "-", "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [*line, "--size", "32"], input=f"{tmp_path / ('x' * 300)}.jpg\n{good}\n",
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "1 coloured, 1 failed" in done.stdout
    assert "there is no such file" in done.stderr


def test_a_copy_never_goes_under_a_name_of_another_format(tmp_path):
    source = tmp_path / "c.jpg"
    source.write_bytes(archives.colour_jpeg(1))
    code, heard = colour(source, tmp_path / "o.png")
    assert code == 1
    assert "would be copied as JPEG" in heard.failures[str(source)]
    assert not (tmp_path / "o.png").exists()
    assert colour(source, tmp_path / "o.jpg")[0] == 0
    assert (tmp_path / "o.jpg").read_bytes() == source.read_bytes()


def test_the_limit_of_pillow_is_not_ours(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    file = io.BytesIO()
    Image.new("RGB", (400, 300), (90, 80, 70)).save(file, "WEBP")
    with codecs.open_document(file.getvalue()) as document:
        assert document.page(0).pixels().shape == (300, 400, 3)
    assert Image.MAX_IMAGE_PIXELS == 1000
    with pytest.raises(codecs.LimitError, match="max-pixels"):
        codecs.open_document(file.getvalue(), limits=codecs.Limits(max_pixels=1000)).page(0)


def test_settings_that_mean_nothing_are_refused():
    for value in (-0.5, -2.0, 11.0):
        with pytest.raises(SettingsError, match="--saturation must be between 0 and 10"):
            Settings(saturation=value)
    assert Settings(saturation=-1).saturation == -1  # the model's


@pytest.mark.skipif(shutil.which("convert") is None, reason="ImageMagick is not installed")
def test_imagemagick_does_not_complain_of_the_provenance(tmp_path):
    packet = with_provenance(None, model="fast", version="1", software="fastcolor 1")
    Image.new("L", (16, 16), 90).save(tmp_path / "x.jpg", xmp=packet)
    command = ["convert", str(tmp_path / "x.jpg"), str(tmp_path / "x.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_outputs_of_every_size_are_on_disk_before_they_have_their_names(tmp_path, monkeypatch):
    """What os.replace() gives a name was synced after its last byte was written."""
    source = archives.fill(tmp_path / "in", 3)
    rng = np.random.default_rng(3)
    for number in range(3):
        noise = rng.integers(0, 256, (1100, 1100), np.uint8)
        Image.fromarray(noise).save(source / f"large{number}.png")
    synced: dict[int, int] = {}  # by inode: bytes there at the time
    named = []
    real_sync, real_replace = os.fsync, os.replace

    def fsync(handle: int) -> None:
        real_sync(handle)
        synced[os.fstat(handle).st_ino] = os.fstat(handle).st_size

    def replace(old: os.PathLike[str], new: os.PathLike[str]) -> None:
        about = os.stat(old)
        assert synced.get(about.st_ino) == about.st_size, new
        named.append(about.st_size)
        real_replace(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    assert colour(source, tmp_path / "out", Settings(size=32, jobs=3))[0] == 0
    assert sum(size > 1 << 20 for size in named) == 3
    assert len(named) == 6
