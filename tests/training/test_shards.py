"""Damaged tars: what is whole is read, what is lost is named once."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import make_tar
from training.data.shards import tar_members
from training.evaluation.sets import pictures

COUNT = 6
NAMES = [f"{number:04d}.png" for number in range(COUNT)]


def read(path: Path) -> tuple[list[str], list[str]]:
    """Names of the pictures, and what was said."""
    said: list[str] = []
    return [name for name, _ in tar_members(path, lambda _: True, said.append)], said


def headers(path: Path) -> list[int]:
    """Where the headers are, and last the end mark."""
    with tarfile.open(path) as archive:
        return [info.offset for info in archive] + [archive.offset]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_whole_tar_is_read_in_silence(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    shard = make_tar(tmp_path / "a.tar", COUNT)
    shard.write_bytes(pack(shard.read_bytes()))
    assert read(shard) == (NAMES, [])


@pytest.mark.parametrize(
    ("header", "behind", "kept"),
    [(0, 0, 0), (0, 200, 0), (3, -700, 2), (3, 0, 3), (3, 200, 3), (3, 512, 3), (3, 700, 3)],
)
def test_what_comes_before_a_cut_is_kept(
    tmp_path: Path, header: int, behind: int, kept: int
) -> None:
    shard = make_tar(tmp_path / "a.tar", COUNT)
    shard.write_bytes(shard.read_bytes()[: headers(shard)[header] + behind])
    names, said = read(shard)
    assert names == NAMES[:kept]
    assert len(said) == 1 and str(shard) in said[0]
    assert (NAMES[kept - 1] if kept else "its start") in said[0]


@pytest.mark.parametrize("lost", [0, 2, COUNT - 1])
@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_reading_goes_on_behind_a_damaged_header(tmp_path: Path, lost: int, fill: bytes) -> None:
    shard = make_tar(tmp_path / "a.tar", COUNT)
    at = headers(shard)
    content = bytearray(shard.read_bytes())
    content[at[lost] : at[lost] + 512] = fill * 512
    shard.write_bytes(content)
    names, said = read(shard)
    assert names == NAMES[:lost] + NAMES[lost + 1 :]
    assert len(said) == 1 and f"(byte {at[lost]})" in said[0]
    if lost < COUNT - 1:
        assert f"{at[lost + 1] - at[lost]} bytes are lost" in said[0]


def test_zeros_up_to_the_end_are_no_end_mark(tmp_path: Path) -> None:
    shard = make_tar(tmp_path / "a.tar", COUNT)
    whole, end = shard.read_bytes(), headers(shard)[3]
    shard.write_bytes(whole[:end] + bytes(2 << 20))
    names, said = read(shard)
    assert names == NAMES[:3] and len(said) == 1


@pytest.mark.parametrize("kind", ["cut", "flipped"])
def test_damage_of_a_packed_tar_is_named(tmp_path: Path, kind: str) -> None:
    shard = make_tar(tmp_path / "a.tar", COUNT)
    packed = bytearray(gzip.compress(shard.read_bytes()))
    middle = len(packed) // 2
    if kind == "cut":
        del packed[middle:]
    else:
        packed[middle : middle + 64] = b"\xff" * 64
    shard.write_bytes(packed)
    names, said = read(shard)
    assert names == NAMES[: len(names)] and len(names) < COUNT
    assert len(said) == 1 and str(shard) in said[0]


def test_a_damaged_evaluation_set_is_an_error(tmp_path: Path) -> None:
    shard = make_tar(tmp_path / "a.tar", COUNT)
    assert len(list(pictures(shard))) == COUNT
    shard.write_bytes(shard.read_bytes()[: headers(shard)[3]])
    with pytest.raises(ValueError, match=r"cut off after 0002\.png"):
        next(pictures(shard))
