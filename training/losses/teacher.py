"""What a larger, trained network answers, as the aim of a smaller one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@cache
def network(path: str, device: torch.device) -> nn.Module:
    """The averaged network of a checkpoint; FileNotFoundError names a missing one."""
    from ..export import load_network

    if not Path(path).is_file():
        raise FileNotFoundError(f"the loss distil needs the teacher {path}")
    return load_network(Path(path), {})[0].requires_grad_(False).to(device)


def distil(
    prediction: Tensor,
    target: Tensor,
    luma: Tensor | None = None,
    teacher: str = "",
    beta: float = 0.05,
) -> Tensor:
    """Smooth L1 to the answer of ``teacher``, a checkpoint of training.train, to the same luma."""
    if luma is None:
        raise ValueError("a teacher answers to luma only")
    with torch.no_grad():
        aim = network(teacher, luma.device)(luma).float()
    if aim.shape != prediction.shape:  # of chroma at another part of the size
        aim = F.interpolate(aim, prediction.shape[-2:], mode="bilinear", antialias=True)
    return F.smooth_l1_loss(prediction, aim, beta=beta)
