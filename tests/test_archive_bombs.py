"""Members that unpack to far more than they take: refused before they fill the memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import archives
import pytest

from fastcolor.archive import containers
from fastcolor.archive.errors import ItemError
from fastcolor.archive.unpack import open_member

MIB = 1 << 20
ZIPS = {"zip": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}
PEAK = """
import re, sys
from pathlib import Path
from fastcolor.archive import containers
from fastcolor.archive.errors import ItemError
from fastcolor.archive.unpack import open_member
def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = most()
for item in containers.members(Path(sys.argv[1]), "", 4 << 30):
    try:
        print(item.member, item.problem or len(item.read()))
    except ItemError as error:
        print(item.member, error)
print((most() - before) >> 10)
"""


class Zeros:
    """A file of ``size`` bytes: a start, then zeros."""

    def __init__(self, start: bytes, size: int) -> None:
        self._start, self._left = start, size

    def read(self, most: int = -1) -> bytes:
        part = bytes(self._left if most < 0 else min(most, self._left))
        part = (self._start + part[len(self._start) :])[: len(part)]
        self._start = b""
        self._left -= len(part)
        return part


def pack(path: Path, kind: str, members: dict[str, tuple[bytes, int]]) -> Path:
    """Members by name: how they start, and how long they are."""
    if kind in ZIPS:
        with zipfile.ZipFile(path, "w", ZIPS[kind]) as archive:
            for name, (start, size) in members.items():
                file = Zeros(start, size)
                with archive.open(name, "w") as target:
                    while part := file.read(MIB):
                        target.write(part)
        return path
    makers = {"tar.gz": gzip.GzipFile, "tar.bz2": bz2.BZ2File, "tar.xz": lzma.LZMAFile}
    if kind in makers:
        stream = makers[kind](path, "wb")
    else:
        zstandard = pytest.importorskip("zstandard")
        stream = zstandard.ZstdCompressor().stream_writer(path.open("wb"))
    with stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for name, (start, size) in members.items():
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, Zeros(start, size))
    return path


def peak(path: Path) -> tuple[dict[str, str], int]:
    """What became of each member, and the MiB that reading them took at most."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True
    )
    *lines, grown = done.stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines), int(grown)


@pytest.mark.parametrize(
    ("kind", "size"),
    [("zip", 150), ("tar.gz", 150), ("tar.zst", 150), ("tar.bz2", 30), ("tar.xz", 30)],
)
def test_what_is_no_picture_is_not_unpacked(tmp_path, kind, size):
    # The ratio is within bounds, as far as it can be told.
    small = {
        "z.png": (b"none" + os.urandom(300_000), size * MIB),
        "one.jpg": (archives.jpeg(1), 20_000),
    }
    found, grown = peak(pack(tmp_path / f"in.{kind}", kind, small))
    assert int(found["z.png"]) < 1000
    assert found["one.jpg"] == "20000"
    assert grown < 25 if size < 150 else grown < 40


def test_an_xz_that_asks_for_gigabytes_is_damaged(tmp_path):
    options = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    data = archives.make_archive(tmp_path / "in.tar", "tar", 1).read_bytes()
    packed = bytearray(lzma.compress(data, filters=options))
    packed[12 + 4] = 36  # of the block's header: 1 GiB
    packed[20:24] = zlib.crc32(packed[12:20]).to_bytes(4, "little")
    (tmp_path / "in.tar.xz").write_bytes(packed)
    (item,) = containers.members(tmp_path / "in.tar.xz", "", 0)
    assert "Memory usage limit exceeded" in (item.problem or "")


@pytest.mark.parametrize("kind", ["zip", "tar.zst"])
def test_absurd_ratios(tmp_path, kind):
    start = archives.png(1)
    members = {"bomb.png": (start, 300 * MIB), "blank.png": (start, 60 * MIB)}
    found, grown = peak(pack(tmp_path / f"in.{kind}", kind, members))
    assert "more than 1000 times the bytes" in found["bomb.png"]
    assert "more than 64 MiB" in found["bomb.png"]
    assert found["blank.png"] == str(60 * MIB)
    assert grown < (100 if kind == "zip" else 330)  # a stream tells its ratio late


def test_large_members_are_held_once(tmp_path):
    start = archives.png(1) + os.urandom(MIB)
    path = pack(tmp_path / "in.zip", "zip", {"large.png": (start, 150 * MIB)})
    found, grown = peak(path)
    assert found["large.png"] == str(150 * MIB)
    assert grown < 220


@pytest.mark.parametrize("kind", ["bzip2", "lzma"])
def test_other_packings_of_zips_are_unpacked_in_bounded_pieces(tmp_path, kind):
    members = {"zeros.png": (b"no picture", 40 * MIB), "one.jpg": (archives.jpeg(1), 20_000)}
    path = pack(tmp_path / "in.zip", kind, members)
    found, grown = peak(path)
    assert int(found["zeros.png"]) < 1000
    assert found["one.jpg"] == "20000"
    assert grown < 15
    with zipfile.ZipFile(path) as archive:
        with open_member(archive, archive.getinfo("zeros.png")) as file:
            assert file.read(50 * MIB) == b"no picture".ljust(40 * MIB, b"\0")
        with open_member(archive, archive.getinfo("one.jpg")) as file:
            assert file.read(50 * MIB) == archives.jpeg(1).ljust(20_000, b"\0")


@pytest.mark.parametrize("kind", ["bzip2", "lzma"])
def test_damage_in_other_packings_is_named(tmp_path, kind):
    data = os.urandom(50_000)
    path = pack(tmp_path / "in.zip", kind, {"a.jpg": (archives.jpeg(1) + data, 60_000)})
    whole = path.read_bytes()
    for at in (40, 46, 30_000, 49_000):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
        (item,) = containers.members(path, "", 0)
        with pytest.raises(ItemError, match="cannot be unpacked"):
            item.read()


def test_sparse_members_of_a_tar(tmp_path):
    holes = tmp_path / "holes.png"
    with holes.open("wb") as file:
        file.write(archives.png(1))
        file.truncate(300 * MIB)
    made = subprocess.run(
        ["tar", "--sparse", "-cf", "in.tar", "holes.png"], cwd=tmp_path, capture_output=True
    )
    if made.returncode or (tmp_path / "in.tar").stat().st_size > MIB:
        pytest.skip("this tar makes no sparse members")
    found, grown = peak(tmp_path / "in.tar")
    assert "more than 1000 times the bytes" in found["holes.png"]
    assert grown < 20


def test_large_files_that_are_no_pictures_are_not_read(tmp_path):
    with (tmp_path / "z.png").open("wb") as file:
        file.truncate(4 << 30)
    _, heard = archives.colour(tmp_path / "z.png", tmp_path / "out")
    assert "no format that is known here" in heard.failures[str(tmp_path / "z.png")]
