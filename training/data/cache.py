"""Decoded pictures in one flat uint8 file, so that training never waits for a decoder.

Beside ``<name>.u8`` (RGB bytes, picture after picture) stands ``<name>.npz`` with
``offset``, ``height``, ``width`` and ``draw``; it is written last, so a half-built cache
is never taken for a whole one. The name holds a digest of the sources and the size.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training.color import rgb_to_lab
from training.data.sources import Report, decode, members, state

LEAST_CHROMA = 4.0  # mean over a picture; what has less tells nothing about colours
MOST_RATIO = 3  # of the sides


class EmptyDataError(ValueError):
    """No usable picture in any source."""


@dataclass(frozen=True)
class PictureCache:
    """The cached pictures; writing to them does not reach the file."""

    pixels: np.ndarray  # flat uint8 memory map
    offset: np.ndarray
    height: np.ndarray
    width: np.ndarray
    draw: np.ndarray  #: a number drawn from the picture's name, the same in every cache

    def __len__(self) -> int:
        return len(self.offset)

    def picture(self, number: int) -> np.ndarray:
        """Picture ``number`` as a (h,w,3) view."""
        start, h, w = int(self.offset[number]), int(self.height[number]), int(self.width[number])
        return self.pixels[start : start + h * w * 3].reshape(h, w, 3)

    def split(self, every: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the pictures to train on, and of those that validate: one of ``every``.

        They are told by their names, so a picture that validates is never trained on in another
        stage with other shards or sizes. Too few pictures serve as both.
        """
        validates = self.draw % every == 0
        if len(self) <= every or validates.all() or not validates.any():
            return np.arange(len(self)), np.arange(len(self))
        return np.flatnonzero(~validates), np.flatnonzero(validates)


def _digest(sources: Sequence[Path], short_side: int) -> str:
    text = [f"drawn, chroma {LEAST_CHROMA}, sides {MOST_RATIO}", str(short_side)]
    for source in sources:
        text.append(f"{source.resolve()}:{state(source)}")
    return hashlib.sha256("\n".join(text).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _draw(source: Path, member: str) -> int:
    return zlib.crc32(f"{source.name}/{member}".encode("utf-8", "surrogateescape"))


def _unfit(picture: np.ndarray, minimum: int) -> str | None:
    """Why a picture is left out, if it is."""
    short, long = sorted(picture.shape[:2])
    if short < minimum:
        return f"smaller than {minimum} pixels"
    if long > MOST_RATIO * short:
        return f"more than {MOST_RATIO} times as long as wide"
    every = max(1, short // 32)
    some = torch.from_numpy(picture[::every, ::every].transpose(2, 0, 1) / np.float32(255))
    if rgb_to_lab(some)[1:].norm(dim=0).mean() < LEAST_CHROMA:
        return f"grey, of a mean chroma under {LEAST_CHROMA:g}"
    return None


def _decoded(
    sources: Sequence[Path], short_side: int, minimum: int, report: Report
) -> Iterator[tuple[int, np.ndarray]]:
    """(draw, picture) of every member that can be decoded and is fit; says how many are not."""
    unfit: Counter[str] = Counter()

    def attempt(item: tuple[str, bytes]) -> tuple[str, np.ndarray, str | None] | str:
        try:
            picture = decode(item[1], short_side)
            return item[0], picture, _unfit(picture, minimum)
        except Exception as error:  # decoders raise whatever they like
            return f"{item[0]}: {error}"

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for source in sources:
            stream = members(source, report)
            while True:
                batch = list(islice(stream, 256))
                if not batch:
                    break
                for result in pool.map(attempt, batch):
                    if isinstance(result, str):
                        report(f"{source}: {result}")
                    elif result[2]:
                        unfit[result[2]] += 1
                    else:
                        yield _draw(source, result[0]), result[1]
    for why, count in unfit.items():
        report(f"left out {count} pictures: {why}")


def _sweep(folder: Path) -> None:
    """Remove what processes that are gone left half built, not written to for an hour.

    The hour spares what another machine builds in the same folder.
    """
    for left in folder.glob("*.part*"):
        with suppress(OSError, ValueError):
            if time.time() - left.stat().st_mtime > 3600:
                try:
                    os.kill(int(left.suffix.removeprefix(".part")), 0)
                except ProcessLookupError:
                    left.unlink()


def _build(
    sources: Sequence[Path], short_side: int, minimum: int, stem: Path, report: Report
) -> None:
    rows: list[tuple[int, int, int, int]] = []
    position = 0
    partial = stem.with_suffix(f".part{os.getpid()}")
    whole = stem.with_suffix(f".tmp{os.getpid()}.npz")
    try:
        with partial.open("wb") as file:
            stream = _decoded(sources, short_side, minimum, report)
            for draw, picture in tqdm(stream, desc="decoding", unit="pic", mininterval=5):
                file.write(np.ascontiguousarray(picture).data)
                rows.append((position, picture.shape[0], picture.shape[1], draw))
                position += picture.size
        if not rows:
            raise EmptyDataError(f"no usable picture in {', '.join(map(str, sources))}")
        offset, height, width, draw = np.array(rows, dtype=np.int64).T
        np.savez(whole, offset=offset, height=height, width=width, draw=draw)
        partial.replace(stem.with_suffix(".u8"))
        whole.replace(stem.with_suffix(".npz"))
    finally:
        partial.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)


def open_cache(
    sources: Sequence[Path],
    short_side: int,
    folder: Path,
    report: Report,
    minimum: int = 64,
) -> PictureCache:
    """The cache of ``sources`` at ``short_side``, built on first use in ``folder``.

    Left out are pictures whose short side is under ``minimum``, grey ones and very long ones.
    """
    if not sources:
        raise EmptyDataError("no data: none of the named sources exists")
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    stem = folder / f"{short_side}-{_digest(sources, short_side)}"
    index, pixels = stem.with_suffix(".npz"), stem.with_suffix(".u8")
    if not index.exists():
        _build(sources, short_side, minimum, stem, report)
    with np.load(index) as table:
        columns = {name: table[name] for name in ("offset", "height", "width", "draw")}
    return PictureCache(np.memmap(pixels, np.uint8, mode="c"), **columns)
