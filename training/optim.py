"""The optimizer of a recipe."""

from __future__ import annotations

import torch
from torch import nn

from training.recipe import OptimPart

MAKERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


def optimizer(part: OptimPart, network: nn.Module) -> torch.optim.Optimizer:
    """Groups by trunk and rest, and by matrices (decayed) and vectors (not).

    Each group carries its ``peak`` rate and the progress until which it is ``frozen``.
    A trunk is told apart only where the recipe treats it differently.
    """
    if part.name not in MAKERS:
        raise ValueError(f"[optim] name must be one of {', '.join(MAKERS)}")
    trunk: list[nn.Parameter] = []
    if part.trunk_lr or part.frozen:
        trunk = list(network.trunk_parameters())  # type: ignore[operator]
    known = {id(p) for p in trunk}
    rest = [p for p in network.parameters() if id(p) not in known]
    groups = []
    for members, lr, frozen in ((trunk, part.trunk_lr or part.lr, part.frozen), (rest, part.lr, 0)):
        for wide in (True, False):
            chosen = [p for p in members if (p.ndim > 1) == wide]
            if chosen:
                decay = part.weight_decay if wide else 0.0
                group = {"lr": lr, "peak": lr, "weight_decay": decay, "frozen": frozen}
                groups.append({"params": chosen, **group})
    return MAKERS[part.name](groups, betas=part.betas, fused=True)
