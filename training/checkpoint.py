"""Averaged weights, and checkpoints that survive a kill at any instant."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

PARTS = {"network", "average", "model", "recipe", "step", "seconds"}
"""What every checkpoint has."""


class Average:
    """Exponential moving average of a network's parameters and float buffers.

    The decay grows as (1 + n) / (10 + n) up to its final value, so early averages
    are not dominated by the start.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        own, new = self.network.state_dict(), network.state_dict()
        moving = [n for n, v in own.items() if v.is_floating_point()]
        torch._foreach_lerp_([own[n] for n in moving], [new[n] for n in moving], 1 - decay)
        for name, value in own.items():
            if not value.is_floating_point():
                value.copy_(new[name])


def save(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` so that ``path`` is always absent or whole."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, onto the CPU; ValueError where a file is anything else."""
    with path.open("rb") as file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever reading a damaged file comes upon
            raise ValueError(f"{path}: damaged, or no checkpoint of training.train") from error
    if not isinstance(state, dict) or not state.keys() >= PARTS:
        raise ValueError(f"{path}: no checkpoint of training.train")
    return state
