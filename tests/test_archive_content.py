"""What inputs are is told by their content, and what is none is named, beside its neighbours."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import sys
import zipfile

import archives
import numpy as np
import pytest
from archives import colour
from PIL import Image

from fastcolor.archive import Settings
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


def test_archives_in_a_folder_are_told_by_content(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    kinds = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst")
    for number, kind in enumerate(kinds):
        archives.make_archive(tmp_path / f"a.{kind}", kind, 2).rename(source / f"box {number}")
        archives.make_archive(source / f"named{number}.{kind}", kind, 1)
    old = bytearray((source / "box 1").read_bytes())  # before POSIX there was no "ustar"
    for at in (at for at in range(0, len(old), 512) if old[at + 257 : at + 262] == b"ustar"):
        old[at + 148 : at + 156] = b" " * 8
        old[at + 257 : at + 265] = bytes(8)
        old[at + 148 : at + 155] = b"%06o\0" % sum(old[at : at + 512])
    (source / "box 1").write_bytes(old)
    code, heard = colour(source, tmp_path / "out")
    assert (code, heard.failures) == (0, {})
    assert sorted(archives.tree(tmp_path / "out")) == sorted(
        [f"box {n}/{m}.jpg" for n in range(6) for m in range(2)]
        + [f"named{n}/0.jpg" for n in range(6)]
    )


def test_documents_are_no_archives_unless_they_are_named(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name, first in (("letter.docx", "[Content_Types].xml"), ("book", "mimetype")):
        with zipfile.ZipFile(source / name, "w") as archive:
            archive.writestr(first, "...")
            archive.writestr("media/1.jpg", archives.jpeg(1))
    code, heard = colour(source, tmp_path / "out")
    assert (code, set(heard.outcomes.values())) == (0, {"skipped"})
    assert colour(source / "letter.docx", tmp_path / "named")[0] == 0
    assert list(archives.tree(tmp_path / "named")) == ["media/1.jpg"]


def test_archives_of_many_packers_at_once(tmp_path):
    """What pbzip2, pigz and xz --threads write, and what was padded for a tape."""
    data = archives.make_archive(tmp_path / "in.tar", "tar", 3).read_bytes()
    half = len(data) // 2 + 7
    for kind, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        path = tmp_path / f"in.tar.{kind}"
        path.write_bytes(pack(data[:half]) + pack(data[half:]) + bytes(4096))
        code, heard = colour(path, tmp_path / kind)
        assert (code, heard.failures, len(heard.outcomes)) == (0, {}, 3), kind


@pytest.mark.parametrize("where", ["folder", "zip"])
def test_what_is_packed_otherwise_is_named(tmp_path, where):
    files = {
        "scans.dat": b"Rar!\x1a\x07\0" + bytes(300),
        "more": b"7z\xbc\xaf\x27\x1c" + bytes(300),
        "scan.tif.gz": gzip.compress(archives.png(1)),
        "scan.png.bz2": bz2.compress(archives.png(1)),
        "list.txt.gz": gzip.compress(b"no picture"),
        "note.txt": b"no picture",
    }
    if where == "zip":
        files["inner"] = archives.make_archive(tmp_path / "x.zip", "zip", 1).read_bytes()
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        code, heard = colour(tmp_path / "in.zip", tmp_path / "out")
    else:
        (tmp_path / "in").mkdir()
        for name, data in files.items():
            (tmp_path / "in" / name).write_bytes(data)
        code, heard = colour(tmp_path / "in", tmp_path / "out")
    reasons = {label.split("/in")[1][1:].strip(": "): why for label, why in heard.failures.items()}
    reasons = {name.removeprefix("zip: "): why for name, why in reasons.items()}
    assert code == 1
    assert "is a RAR archive, which is not opened" in reasons.pop("scans.dat")
    assert "is a 7z archive" in reasons.pop("more")
    assert "is packed with gzip" in reasons.pop("scan.tif.gz")
    assert "is packed with bzip2" in reasons.pop("scan.png.bz2")
    if where == "zip":
        assert "is an archive inside an archive" in reasons.pop("inner")
    assert not reasons
    assert list(heard.outcomes.values()) == ["skipped"] * 2


def test_links_to_pictures_and_archives_are_named_whatever_they_are_called(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "p").write_bytes(archives.jpeg(1))
    archives.make_archive(tmp_path / "a", "zip", 1)
    (tmp_path / "t").write_bytes(b"no picture")
    for name in "pat":
        (tmp_path / "in" / name).symlink_to(tmp_path / name)
    code, heard = colour(tmp_path / "in", tmp_path / "out")
    assert code == 1
    assert [label[-1] for label in heard.failures] == ["a", "p"]


@pytest.mark.parametrize("kind", ["tar", "tar.xz"])
@pytest.mark.parametrize("at", ["header", "end", "another"])
def test_members_behind_damage_in_a_tar_are_missed_aloud(tmp_path, kind, at):
    data = bytearray(archives.make_archive(tmp_path / "in.tar", "tar", 4).read_bytes())
    heads = [i for i in range(0, len(data), 512) if data[i + 257 : i + 262] == b"ustar"]
    if at == "header":
        data[heads[2] + 150] ^= 0x55
    elif at == "end":
        del data[heads[2] :]
    else:
        two = archives.make_archive(tmp_path / "two.tar", "tar", 2).read_bytes()
        data = two.rstrip(b"\0") + bytes(-len(two.rstrip(b"\0")) % 512 + 1024) + data
    path = tmp_path / f"in.{kind}"
    path.write_bytes(lzma.compress(data) if kind == "tar.xz" else data)
    code, heard = colour(path, tmp_path / "out")
    assert (code, len(heard.outcomes)) == (1, 2)
    (reason,) = heard.failures.values()
    words = {"header": "members may be missing", "end": "perhaps cut off", "another": "tar follows"}
    assert words[at] in reason


def test_a_list_with_an_overlong_name_goes_on(tmp_path):
    good = tmp_path / "a.jpg"
    good.write_bytes(archives.jpeg(1))
    line = [sys.executable, "-m", "fastcolor", "colorize", "-", "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [*line, "--size", "32"], input=f"\ufeff{tmp_path / ('x' * 300)}.jpg\n{good}\n",
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
