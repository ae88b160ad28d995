"""Chroma as classes: the in-gamut cells of a grid of 10 a, b units.

The cells are derived from the sRGB gamut itself, their prior was measured on training
photographs (`python -m training.losses.prior` measures it again). Both can also be read
from the arrays other projects publish (`AbBins.from_files`).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import paths
from ..color import AB_UNIT, rgb_to_lab

GRID = 10
PRIOR = Path(__file__).with_name("ab_prior.json")
_HALF = 11  # cells from -110 to 110


def gamut_cells(step: int = 5) -> Tensor:
    """(Q, 2) centres, sorted by a then b, of the cells that sRGB colours fall in."""
    level = torch.arange(0, 256, step).float() / 255
    cube = torch.cartesian_prod(level, level, level).T.reshape(1, 3, -1, 1)
    cell = (rgb_to_lab(cube)[0, 1:, :, 0] / GRID).round().long()
    return torch.unique(cell.T, dim=0) * GRID


class AbBins:
    """Centres (Q, 2) in a, b units and their prior (Q,), which sums to 1."""

    def __init__(self, centres: Tensor, prior: Tensor) -> None:
        self.centres = centres.float()
        self.prior = prior.float() / prior.sum()
        side = 2 * _HALF + 1
        axis = torch.arange(-_HALF, _HALF + 1) * float(GRID)
        nodes = torch.cartesian_prod(axis, axis)
        self._nearest = torch.cdist(nodes, self.centres).argmin(1).view(side, side)

    def __len__(self) -> int:
        return len(self.centres)

    @classmethod
    def from_files(cls, centres: Path, prior: Path) -> AbBins:
        """From `pts_in_hull.npy` and `prior_probs.npy` as published."""
        return cls(torch.from_numpy(np.load(centres)), torch.from_numpy(np.load(prior)))

    def nearest(self, ab: Tensor) -> Tensor:
        """Class (N, h, w) of chroma (N, 2, h, w) in units of 110."""
        cell = (ab.detach() * (AB_UNIT / GRID)).round().long().clamp(-_HALF, _HALF) + _HALF
        return self._nearest.to(ab.device)[cell[:, 0], cell[:, 1]]

    def weights(self, share: float = 0.5) -> Tensor:
        """Rarity weight per class: 1 / ((1 - share) * prior + share / Q), prior mean 1."""
        rarity = 1 / ((1 - share) * self.prior + share / len(self))
        return rarity / (rarity * self.prior).sum()

    def soft_labels(self, ab: Tensor, neighbours: int = 5, sigma: float = 5.0) -> Tensor:
        """(N, Q, h, w): Gaussian weights of the nearest centres, summing to 1."""
        centres = self.centres.to(ab)
        flat = ab.permute(0, 2, 3, 1).reshape(-1, 2) * AB_UNIT
        distance, index = torch.cdist(flat, centres).topk(neighbours, largest=False)
        weight = torch.softmax(-distance.square() / (2 * sigma**2), dim=1)
        labels = flat.new_zeros(len(flat), len(self)).scatter_(1, index, weight)
        n, _, h, w = ab.shape
        return labels.view(n, h, w, -1).permute(0, 3, 1, 2)

    def annealed_mean(self, logits: Tensor, temperature: float = 0.38) -> Tensor:
        """Chroma (N, 2, h, w) in units of 110 of logits (N, Q, h, w).

        Temperature 1 is the expectation; towards 0 it becomes the most likely colour.
        """
        share = torch.softmax(logits / temperature, dim=1)
        table = (self.centres.T / AB_UNIT)[:, :, None, None].to(logits)
        return F.conv2d(share, table)


@cache
def default_bins() -> AbBins:
    """Derived centres with the measured prior."""
    stored = json.loads(PRIOR.read_text())
    return AbBins(torch.tensor(stored["centres"]), torch.tensor(stored["prior"]))


@cache
def bins_called(name: str) -> AbBins:
    """ "gamut": `default_bins`; "published": the 313 of Colorful Image Colorization, whose files
    lie among the pretrained weights."""
    if name == "gamut":
        return default_bins()
    if name != "published":
        raise ValueError(f"bins must be gamut or published, got {name!r}")
    folder = paths.weights_dir()
    return AbBins.from_files(folder / "pts_in_hull.npy", folder / "prior_probs.npy")


def ab_classes(
    logits: Tensor,
    target: Tensor,
    luma: Tensor | None = None,
    share: float = 0.5,
    bins: str = "gamut",
) -> Tensor:
    """Cross entropy of logits over `bins_called` against soft labels of true chroma.

    A pixel counts by the rarity of its colour; `share` is the part of the uniform
    distribution mixed into the prior (1: all colours count alike).
    """
    found = bins_called(bins)
    weight = found.weights(share).to(logits)[found.nearest(target)]
    entropy = -(found.soft_labels(target) * torch.log_softmax(logits, dim=1)).sum(1)
    return (weight * entropy).mean()
