"""Sources, cache and batches."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from generated import damaged_avifs, encoded, folder, make_tar, make_zip, picture
from PIL import Image
from training.data import batches as batches_module
from training.data.batches import CropBatches, fits_on_device, free_memory
from training.data.cache import EmptyDataError, open_cache
from training.data.sources import decode, find, members


def test_folder_tar_and_zip_give_the_same_pictures(tmp_path: Path) -> None:
    sources = [
        folder(tmp_path, 4) / "pictures",
        make_tar(tmp_path / "a.tar", 4),
        make_zip(tmp_path / "a.zip", 4),
        make_zip(tmp_path / "b.zip", 4, zipfile.ZIP_DEFLATED),
    ]
    said: list[str] = []
    listings = [list(members(source, said.append)) for source in sources]
    assert all(listing == listings[0] for listing in listings)
    assert not said


@pytest.mark.parametrize(
    ("method", "place", "change", "behind_name"),
    [
        pytest.param(zipfile.ZIP_STORED, 40, b"\xff" * 8, True, id="checksum"),
        pytest.param(zipfile.ZIP_DEFLATED, 0, b"\xff" * 8, True, id="deflate"),
        pytest.param(zipfile.ZIP_STORED, 8, b"\x01", False, id="password"),
        pytest.param(zipfile.ZIP_STORED, 10, b"\x62", False, id="method"),
    ],
)
def test_a_damaged_member_of_a_zip_is_named_and_skipped(
    tmp_path: Path, method: int, place: int, change: bytes, behind_name: bool
) -> None:
    path = make_zip(tmp_path / "a.zip", 4, method)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        name = archive.infolist()[2].filename
    # Its content follows its name; its entry in the list at the end begins with PK\1\2.
    entry = content.find(name.encode()) + len(name)
    if not behind_name:
        entry = content.rfind(b"PK\1\2", 0, content.rfind(name.encode()))
    content[entry + place : entry + place + len(change)] = change
    path.write_bytes(content)
    said: list[str] = []
    names = [member for member, _ in members(path, said.append)]
    assert names == ["0000.png", "0001.png", "0003.png"]
    assert len(said) == 1 and f"{path}: {name}: " in said[0]


def test_a_damaged_zip_is_named_and_skipped(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", 4)
    content = path.read_bytes()
    entry = content.find(b"PK\1\2")
    unread = bytearray(content)
    unread[entry + 6] = 99  # the version needed
    for damaged in (bytes(unread), content[:entry], content[:-30]):
        path.write_bytes(damaged)
        said: list[str] = []
        assert list(members(path, said.append)) == []
        assert len(said) == 1 and str(path) in said[0]


def test_a_picture_validates_in_every_cache_or_in_none(tmp_path: Path) -> None:
    one, other = make_tar(tmp_path / "a.tar", 40), make_tar(tmp_path / "b.tar", 40)

    def validating(sources: list[Path], short_side: int) -> set[int]:
        cache = open_cache(sources, short_side, tmp_path / "cache", print)
        trained, held = (set(numbers.tolist()) for numbers in cache.split(8))
        assert trained | held == set(range(len(cache))) and not trained & held
        assert 1 <= len(held) <= len(cache) // 3
        return {int(draw) for draw in cache.draw[sorted(held)]}

    alone = validating([other], 64)
    assert alone == validating([one, other], 72) - validating([one], 72)


def test_too_few_pictures_train_and_validate(tmp_path: Path) -> None:
    cache = open_cache([make_tar(tmp_path / "a.tar", 4)], 64, tmp_path / "cache", print)
    assert all(numbers.tolist() == [0, 1, 2, 3] for numbers in cache.split(8))


def test_damage_is_named_and_skipped(tmp_path: Path) -> None:
    root = folder(tmp_path, 3)
    (root / "pictures" / "0001.png").write_bytes(b"no picture")
    (root / "b.tar").write_bytes(b"no archive" * 100)
    said: list[str] = []
    sources = find(root, ["pictures", "b.tar", "missing-*.tar"], said.append)
    cache = open_cache(sources, 64, tmp_path / "cache", said.append)
    assert len(cache) == 2
    for name in ("0001.png", "b.tar", "missing-*.tar"):
        assert any(name in line for line in said), name


def test_what_decoders_raise_is_named_and_skipped(tmp_path: Path) -> None:
    damaged = damaged_avifs(tmp_path / "damaged")
    (damaged / "whole.png").write_bytes(encoded(0))
    said: list[str] = []
    cache = open_cache([damaged], 64, tmp_path / "cache", said.append)
    assert len(cache) + len(said) == len(list(damaged.iterdir()))
    assert len(cache) > 0 and any("200-cut.avif" in line for line in said)


def test_no_pictures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(EmptyDataError, match="no usable picture"):
        open_cache([tmp_path / "pictures"], 64, tmp_path / "cache", print)
    with pytest.raises(EmptyDataError):
        open_cache([], 64, tmp_path / "cache", print)


def test_cache_holds_the_decoded_bytes_and_is_reused(tmp_path: Path) -> None:
    source = folder(tmp_path, 300) / "pictures"
    cache = open_cache([source], 64, tmp_path / "cache", print)
    again = open_cache([source], 64, tmp_path / "cache", print)
    assert len(cache) == len(again) == 300
    assert len(list((tmp_path / "cache").iterdir())) == 2
    for number in (0, 255, 256, 299):
        np.testing.assert_array_equal(cache.picture(number), decode(encoded(number), 64))
    assert min(cache.picture(0).shape[:2]) == 64


def test_a_folder_that_changed_below_is_decoded_again(tmp_path: Path) -> None:
    source = folder(tmp_path / "set" / "below", 2).parent

    def numbers() -> list[int]:
        cache = open_cache([source], 64, tmp_path / "cache", print)
        return [next(n for n in range(9) if np.array_equal(decode(encoded(n), 64), picture))
                for picture in map(cache.picture, range(len(cache)))]  # fmt: skip

    assert numbers() == [0, 1]
    (source / "below" / "pictures" / "0001.png").write_bytes(encoded(7))
    assert numbers() == [0, 7]
    (source / "below" / "pictures" / "0000.png").rename(source / "below" / "pictures" / "2.png")
    assert numbers() == [7, 0]
    kept = len(list((tmp_path / "cache").iterdir()))
    (source / "below" / "notes.txt").write_text("no picture")
    assert numbers() == [7, 0] and len(list((tmp_path / "cache").iterdir())) == kept


def test_pictures_of_no_use_are_left_out_and_counted(tmp_path: Path) -> None:
    kept = {"a": picture(1), "b": picture(2, 252, 84), "c": picture(3, 84, 252)}
    faint = Image.blend(picture(4).convert("L").convert("RGB"), picture(4), 0.05)
    greys = {"d": picture(4).convert("L"), "e": faint}
    others = {"f": picture(5, 300, 84), "g": picture(6, 84, 300), "h": picture(7, 60, 90)}
    for name, image in (kept | greys | others).items():
        image.save(tmp_path / f"{name}.png")
    said: list[str] = []
    cache = open_cache([tmp_path], 72, tmp_path / "cache", said.append)
    for number, image in enumerate(kept.values()):
        stream = io.BytesIO()
        image.save(stream, "PNG")
        np.testing.assert_array_equal(cache.picture(number), decode(stream.getvalue(), 72))
    assert len(cache) == len(kept)
    assert sorted(said) == [
        "left out 1 pictures: smaller than 64 pixels",
        "left out 2 pictures: grey, of a mean chroma under 4",
        "left out 2 pictures: more than 3 times as long as wide",
    ]


def test_an_interrupt_leaves_nothing_half_built(tmp_path: Path) -> None:
    source = folder(tmp_path, 3) / "pictures"
    (source / "0001.png").write_bytes(b"no picture")

    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_cache([source], 64, tmp_path / "cache", interrupt)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    cache = tmp_path / "cache"
    cache.mkdir()
    old, fresh, alive = (
        cache / name
        for name in (f"64-a.part{gone.pid}", f"64-b.part{gone.pid}", f"64-c.part{os.getpid()}")
    )
    for file in (old, fresh, alive):
        file.touch()
    for file in (old, alive):
        os.utime(file, (0, 0))
    open_cache([folder(tmp_path, 1) / "pictures"], 64, cache, print)
    assert [file.exists() for file in (old, fresh, alive)] == [False, True, True]


def test_batches_repeat_exactly_and_visit_every_picture_once(tmp_path: Path) -> None:
    cache = open_cache([folder(tmp_path, 12) / "pictures"], 72, tmp_path / "cache", print)
    batches = CropBatches(cache, np.arange(12), crop=64, batch=4, seed=5)
    cpu = torch.device("cpu")
    assert torch.equal(batches.at(7, cpu), batches.at(7, cpu))
    seen = np.concatenate([batches.crops(step).numbers for step in range(3)])
    assert sorted(seen) == list(range(12))
    shares = [CropBatches(cache, np.arange(12), 64, 2, 5, rank=r, world=2) for r in (0, 1)]
    shared = np.concatenate([s.crops(step).numbers for step in range(3) for s in shares])
    assert sorted(shared) == list(range(12))


@pytest.mark.parametrize("crop", [48, 64, 120])
def test_crops_gathered_on_the_device_equal_those_copied(tmp_path: Path, crop: int) -> None:
    cache = open_cache([folder(tmp_path, 8) / "pictures"], 72, tmp_path / "cache", print)
    batches = CropBatches(cache, np.arange(8), crop=crop, batch=6, seed=1)
    for step in range(3):
        crops = batches.crops(step)
        gathered = batches._from_device(crops, torch.device("cpu"))
        assert torch.equal(gathered, batches._from_memory(crops))
        assert batches.at(step, torch.device("cpu")).shape == (6, 3, crop, crop)


def test_a_cache_takes_at_most_half_of_what_a_device_has_left() -> None:
    assert fits_on_device(50, 100)
    assert not fits_on_device(51, 100)
    assert free_memory(torch.device("cpu")) == 0


@pytest.mark.parametrize(("free", "copied"), [(10**9, True), (1000, False)])
def test_only_a_cache_that_fits_is_copied_to_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, copied: bool
) -> None:
    cpu = torch.device("cpu")
    cache = open_cache([folder(tmp_path, 8) / "pictures"], 72, tmp_path / "cache", print)
    expected = CropBatches(cache, np.arange(8), crop=64, batch=6, seed=1).at(0, cpu)
    monkeypatch.setattr(batches_module, "free_memory", lambda device: free)
    source, other = (CropBatches(cache, np.arange(8), crop=64, batch=6, seed=1) for _ in "ab")
    assert torch.equal(source.at(0, cpu), expected)
    assert (source._on_device is not None) == copied
    monkeypatch.setattr(batches_module, "free_memory", lambda device: 10**9 - free)
    other.share_device_copy(source)
    assert torch.equal(other.at(0, cpu), expected)
    assert other._on_device is source._on_device
