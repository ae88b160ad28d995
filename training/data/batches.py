"""Batches of crops from a cache: a pure function of (seed, step), so runs can resume."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.cache import PictureCache

MOST_OF_DEVICE = 0.5  # of its free memory, for a copy of the cache
DRIFT = 2  # pixels from frame to frame of a clip, at most


def fits_on_device(size: int, free: int) -> bool:
    """Whether a cache of ``size`` bytes is copied to a device with ``free`` bytes left."""
    return size <= MOST_OF_DEVICE * free


def free_memory(device: torch.device) -> int:
    """Bytes left on ``device`` to PyTorch, with those it keeps unused; 0 where it is no GPU."""
    if device.type != "cuda":
        return 0
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


@dataclass(frozen=True)
class Crops:
    """Where the crops of one batch lie; all are squares of ``side`` pixels."""

    numbers: np.ndarray
    top: np.ndarray
    left: np.ndarray
    mirrored: np.ndarray
    side: int


@dataclass
class CropBatches:
    """Random square crops of one size.

    Each batch takes crops of one random side between ``crop`` and what its
    pictures allow (at most ``crop * zoom``), shrunk to ``crop`` on the device, and
    mirrors half of them. Every picture is seen once before any is seen again.
    Pictures smaller than ``crop`` repeat their last row and column. With ``frames`` the batch holds
    clips: so many crops in a row are of one picture, each a few pixels from the one before.
    """

    cache: PictureCache
    numbers: np.ndarray  # the pictures to draw from
    crop: int
    batch: int  # per worker
    seed: int
    zoom: float = 1.25
    rank: int = 0
    world: int = 1
    frames: int = 1
    _on_device: Tensor | None = field(default=None, repr=False)
    _resident: bool | None = field(default=None, repr=False)  # None: not decided yet

    def _chosen(self, step: int) -> np.ndarray:
        count = self.batch // self.frames
        first = (step * self.world + self.rank) * count
        places = np.arange(first, first + count)
        out = np.empty(count, np.int64)
        for epoch in np.unique(places // len(self.numbers)):
            order = np.random.default_rng([self.seed, int(epoch)]).permutation(len(self.numbers))
            here = places // len(self.numbers) == epoch
            out[here] = self.numbers[order[places[here] % len(self.numbers)]]
        return np.repeat(out, self.frames)

    def crops(self, step: int) -> Crops:
        """The crops of step ``step``."""
        rng = np.random.default_rng([self.seed, step, self.rank, 7])
        chosen = self._chosen(step)
        height, width = self.cache.height[chosen], self.cache.width[chosen]
        largest = min(int(np.minimum(height, width).min()), round(self.crop * self.zoom))
        side = int(rng.integers(self.crop, largest + 1)) if largest > self.crop else self.crop
        top, left = (self._places(rng, np.maximum(room - side, 0)) for room in (height, width))
        mirrored = np.repeat(rng.random(self.batch // self.frames) < 0.5, self.frames)
        return Crops(chosen, top, left, mirrored, side)

    def _places(self, rng: np.random.Generator, most: np.ndarray) -> np.ndarray:
        """Where crops begin, from 0 to ``most``; of a clip, from step to step near by."""
        begin = (rng.random(self.batch // self.frames) * (most[:: self.frames] + 1)).astype(
            np.int64
        )
        if self.frames == 1:
            return begin
        moves = rng.integers(-DRIFT, DRIFT + 1, (len(begin), self.frames))
        moves[:, 0] = 0
        return np.clip((begin[:, None] + moves.cumsum(1)).ravel(), 0, most)

    def _from_memory(self, crops: Crops) -> Tensor:
        out = np.empty((len(crops.numbers), crops.side, crops.side, 3), np.uint8)
        for row, number in enumerate(crops.numbers):
            top, left = int(crops.top[row]), int(crops.left[row])
            picture = self.cache.picture(int(number))
            piece = picture[top : top + crops.side, left : left + crops.side]
            missing = [(0, crops.side - piece.shape[0]), (0, crops.side - piece.shape[1]), (0, 0)]
            if any(after for _, after in missing):
                piece = np.pad(piece, missing, mode="edge")
            out[row] = piece[:, ::-1] if crops.mirrored[row] else piece
        return torch.from_numpy(out).permute(0, 3, 1, 2)

    def _from_device(self, crops: Crops, device: torch.device) -> Tensor:
        """The same crops gathered from a copy of the whole cache on ``device``."""
        if self._on_device is None:
            self._on_device = torch.from_numpy(np.asarray(self.cache.pixels)).to(device)

        def column(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)[:, None]

        chosen = crops.numbers
        height, width = column(self.cache.height[chosen]), column(self.cache.width[chosen])
        at = torch.arange(crops.side, device=device)[None]
        across = torch.where(column(crops.mirrored), crops.side - 1 - at, at)
        rows = torch.minimum(column(crops.top) + at, height - 1)
        columns = torch.minimum(column(crops.left) + across, width - 1)
        place = (rows * width)[:, None, :, None] + columns[:, None, None, :]
        plane = torch.arange(3, device=device)[None, :, None, None]
        start = column(self.cache.offset[chosen])[:, :, None, None]
        return self._on_device[start + 3 * place + plane]

    def share_device_copy(self, other: CropBatches) -> None:
        """Do as ``other``, of the same cache, does, with the copy that it may have made."""
        self._on_device, self._resident = other._on_device, other._resident

    def _is_resident(self, device: torch.device) -> bool:
        """Whether the cache lives on ``device`` too; decided once, before it is there."""
        if self._resident is None:
            self._resident = fits_on_device(self.cache.pixels.nbytes, free_memory(device))
        return self._resident

    def at(self, step: int, device: torch.device) -> Tensor:
        """uint8 (batch,3,crop,crop) of step ``step`` on ``device``."""
        crops = self.crops(step)
        if self._is_resident(device):
            pixels = self._from_device(crops, device)
        elif device.type == "cuda":  # laid out as if gathered there
            pinned = self._from_memory(crops).pin_memory()
            pixels = pinned.to(device, non_blocking=True).contiguous()
        else:
            pixels = self._from_memory(crops).to(device)
        if crops.side == self.crop:
            return pixels
        size = (self.crop, self.crop)
        shrunk = F.interpolate(pixels.float(), size, mode="bilinear", antialias=True)
        return shrunk.round_().clamp_(0, 255).to(torch.uint8)
