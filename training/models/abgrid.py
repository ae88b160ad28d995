"""Colour as a choice among fixed ab nodes, with soft labels that lose nothing.

The nodes are the crossings of a rectangular, non-uniform grid (fine near grey,
coarse far out). A target colour is shared among the four corners of its cell by
bilinear weights, so that the expectation of the label *is* the target colour.
Nodes that no sRGB colour touches are left out.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.color import rgb_to_lab

A_AXIS = (-70.0, -42.0, -24.0, -12.0, -5.0, 0.0, 5.0, 12.0, 22.0, 36.0, 54.0, 80.0)
B_AXIS = (-90.0, -55.0, -34.0, -19.0, -8.0, 0.0, 8.0, 17.0, 28.0, 42.0, 60.0, 90.0)


class AbGrid(nn.Module):
    """Buffers: ``nodes`` (2,Q) in ab units of CIELAB, ``prior`` (Q,), sums to 1."""

    nodes: Tensor
    prior: Tensor
    _slots: Tensor
    _axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("_axes", torch.tensor([A_AXIS, B_AXIS]), persistent=False)
        levels = list(range(0, 256, 15))
        cube = torch.tensor(list(itertools.product(levels, repeat=3)), dtype=torch.uint8)
        ab = rgb_to_lab(cube.T.reshape(1, 3, -1, 1).float() / 255)[:, 1:]
        cell, _ = self._cells(ab)
        used = torch.zeros(len(A_AXIS), len(B_AXIS), dtype=torch.bool)
        for da, db in itertools.product((0, 1), repeat=2):
            used[cell[:, 0] + da, cell[:, 1] + db] = True
        slots = torch.full(used.shape, -1, dtype=torch.long)
        slots[used] = torch.arange(int(used.sum()))
        where = used.nonzero()
        nodes = torch.stack((self._axes[0, where[:, 0]], self._axes[1, where[:, 1]]))
        self.register_buffer("_slots", slots.flatten(), persistent=False)
        self.register_buffer("nodes", nodes)
        self.register_buffer("prior", torch.full((nodes.shape[1],), 1.0 / nodes.shape[1]))

    def __len__(self) -> int:
        return self.nodes.shape[1]

    def _cells(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Lower corner (N,2,...) of the cell of each colour and the position inside, [0,1]."""
        corners, inside = [], []
        for channel in range(2):
            axis = self._axes[channel]
            value = ab[:, channel].clamp(float(axis[0]), float(axis[-1])).contiguous()
            low = (torch.bucketize(value, axis, right=True) - 1).clamp(0, len(axis) - 2)
            corners.append(low)
            inside.append((value - axis[low]) / (axis[low + 1] - axis[low]))
        return torch.stack(corners, 1), torch.stack(inside, 1)

    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Soft label of ab (N,2,h,w), CIELAB units: node numbers and weights, (N,4,h,w)."""
        cell, part = self._cells(ab)
        base = cell[:, 0] * len(B_AXIS) + cell[:, 1]
        numbers = torch.stack([base, base + 1, base + len(B_AXIS), base + len(B_AXIS) + 1], 1)
        pa, pb = part[:, 0], part[:, 1]
        weights = torch.stack([(1 - pa) * (1 - pb), (1 - pa) * pb, pa * (1 - pb), pa * pb], 1)
        return self._slots[numbers].clamp(min=0), weights

    def frequencies(self, ab: Tensor) -> Tensor:
        """Summed label weights per node (Q,) of ab (N,2,h,w), CIELAB units."""
        numbers, weights = self.encode(ab)
        return torch.bincount(numbers.flatten(), weights.flatten(), minlength=len(self))

    def cross_entropy(self, logits: Tensor, ab: Tensor, rebalance: float) -> Tensor:
        """Mean cross entropy of logits (N,Q,h,w) against ab (N,2,h,w) in CIELAB units.

        ``rebalance`` 0 treats all pixels alike, 1 weighs each by the inverse
        frequency of its colour (``prior`` mixed half and half with uniform);
        weights have mean 1 under the prior.
        """
        numbers, weights = self.encode(ab)
        chosen = torch.gather(logits, 1, numbers)
        loss = torch.logsumexp(logits, 1) - (chosen * weights).sum(1)
        rarity = (0.5 * self.prior + 0.5 / len(self)) ** -rebalance
        rarity = rarity / (rarity * self.prior).sum()
        return (loss * (rarity[numbers] * weights).sum(1)).mean()

    def decode(self, logits: Tensor, temperature: float, emphasis: float) -> Tensor:
        """Annealed mean, ab in units of 110: softmax((logits - emphasis*log prior)/T)."""
        if emphasis:
            shift = emphasis * torch.log(0.5 * self.prior + 0.5 / len(self))
            logits = logits - shift[None, :, None, None]
        scaled = logits / temperature
        weight = torch.exp(scaled - scaled.amax(1, keepdim=True))
        table = (self.nodes / 110.0)[:, :, None, None].to(weight)
        return F.conv2d(weight, table) / weight.sum(1, keepdim=True)
