"""Sources, cache and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from generated import damaged_avifs, encoded, folder, make_tar, make_zip
from training.data.batches import CropBatches
from training.data.cache import EmptyDataError, open_cache
from training.data.sources import decode, find, members


def test_folder_tar_and_zip_give_the_same_pictures(tmp_path: Path) -> None:
    sources = [
        folder(tmp_path, 4) / "pictures",
        make_tar(tmp_path / "a.tar", 4),
        make_zip(tmp_path / "a.zip", 4),
    ]
    said: list[str] = []
    listings = [list(members(source, said.append)) for source in sources]
    assert listings[0] == listings[1] == listings[2]
    assert not said


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
