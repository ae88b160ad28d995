"""Batches of crops from a cache: a pure function of (seed, step), so runs can resume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.cache import PictureCache


@dataclass(frozen=True)
class CropBatches:
    """Random crops of one size.

    Each batch takes crops of one random side between ``crop`` and what the cache's
    pictures allow (at most ``crop * zoom``), shrunk to ``crop`` on the device, and
    mirrors half of them. Every picture is seen once before any is seen again.
    """

    cache: PictureCache
    numbers: np.ndarray  # the pictures to draw from
    crop: int
    batch: int
    seed: int
    zoom: float = 1.25
    rank: int = 0
    world: int = 1

    def _chosen(self, step: int) -> np.ndarray:
        first = (step * self.world + self.rank) * self.batch
        places = np.arange(first, first + self.batch)
        out = np.empty(self.batch, np.int64)
        for epoch in np.unique(places // len(self.numbers)):
            order = np.random.default_rng([self.seed, int(epoch)]).permutation(len(self.numbers))
            here = places // len(self.numbers) == epoch
            out[here] = self.numbers[order[places[here] % len(self.numbers)]]
        return out

    def bytes_at(self, step: int) -> np.ndarray:
        """uint8 (batch,3,s,s) crops of step ``step``, before shrinking."""
        rng = np.random.default_rng([self.seed, step, self.rank, 7])
        chosen = self._chosen(step)
        short = np.minimum(self.cache.height[chosen], self.cache.width[chosen])
        largest = min(int(short.min()), round(self.crop * self.zoom))
        side = int(rng.integers(self.crop, largest + 1)) if largest > self.crop else self.crop
        out = np.empty((self.batch, 3, side, side), np.uint8)
        for row, number in enumerate(chosen):
            picture = self.cache.picture(int(number))
            height, width = picture.shape[:2]
            if min(height, width) < side:
                pad = ((0, max(0, side - height)), (0, max(0, side - width)), (0, 0))
                picture = np.pad(picture, pad, mode="symmetric")
                height, width = picture.shape[:2]
            top = int(rng.integers(0, height - side + 1))
            left = int(rng.integers(0, width - side + 1))
            piece = picture[top : top + side, left : left + side]
            if rng.random() < 0.5:
                piece = piece[:, ::-1]
            out[row] = piece.transpose(2, 0, 1)
        return out

    def at(self, step: int, device: torch.device) -> Tensor:
        """uint8 (batch,3,crop,crop) of step ``step`` on ``device``."""
        pixels = torch.from_numpy(self.bytes_at(step)).to(device, non_blocking=True)
        if pixels.shape[-1] == self.crop:
            return pixels
        shrunk = F.interpolate(
            pixels.float(), (self.crop, self.crop), mode="bilinear", antialias=True
        )
        return shrunk.round_().clamp_(0, 255).to(torch.uint8)
