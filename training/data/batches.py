"""Batches of crops from a cache: a pure function of (seed, step), so runs can resume."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.cache import PictureCache


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
    Pictures smaller than ``crop`` repeat their last row and column.
    """

    cache: PictureCache
    numbers: np.ndarray  # the pictures to draw from
    crop: int
    batch: int  # per worker
    seed: int
    zoom: float = 1.25
    rank: int = 0
    world: int = 1
    _on_device: Tensor | None = field(default=None, repr=False)

    def _chosen(self, step: int) -> np.ndarray:
        first = (step * self.world + self.rank) * self.batch
        places = np.arange(first, first + self.batch)
        out = np.empty(self.batch, np.int64)
        for epoch in np.unique(places // len(self.numbers)):
            order = np.random.default_rng([self.seed, int(epoch)]).permutation(len(self.numbers))
            here = places // len(self.numbers) == epoch
            out[here] = self.numbers[order[places[here] % len(self.numbers)]]
        return out

    def crops(self, step: int) -> Crops:
        """The crops of step ``step``."""
        rng = np.random.default_rng([self.seed, step, self.rank, 7])
        chosen = self._chosen(step)
        height, width = self.cache.height[chosen], self.cache.width[chosen]
        largest = min(int(np.minimum(height, width).min()), round(self.crop * self.zoom))
        side = int(rng.integers(self.crop, largest + 1)) if largest > self.crop else self.crop
        top, left = (
            (rng.random(self.batch) * (np.maximum(room - side, 0) + 1)).astype(np.int64)
            for room in (height, width)
        )
        return Crops(chosen, top, left, rng.random(self.batch) < 0.5, side)

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
        """Use the copy on the device that ``other``, of the same cache, may have made."""
        self._on_device = other._on_device

    def at(self, step: int, device: torch.device) -> Tensor:
        """uint8 (batch,3,crop,crop) of step ``step`` on ``device``."""
        crops = self.crops(step)
        if device.type == "cpu":
            pixels = self._from_memory(crops)
        else:
            pixels = self._from_device(crops, device)
        if crops.side == self.crop:
            return pixels
        size = (self.crop, self.crop)
        shrunk = F.interpolate(pixels.float(), size, mode="bilinear", antialias=True)
        return shrunk.round_().clamp_(0, 255).to(torch.uint8)
