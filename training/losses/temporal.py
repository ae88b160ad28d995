"""Calm of chroma over the frames of a clip."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def temporal(
    prediction: Tensor,
    target: Tensor,
    luma: Tensor | None = None,
    frames: int = 2,
    tolerance: float = 0.05,
) -> Tensor:
    """Change of predicted chroma from frame to frame that the truth does not show.

    The batch holds clips of `frames` consecutive frames, clip after clip. Pixels whose
    luma moves by more than about `tolerance` count little: there, change is expected.
    """
    if frames < 2 or len(prediction) % frames:
        raise ValueError(f"a batch of {len(prediction)} holds no clips of {frames} frames")

    def steps(x: Tensor) -> Tensor:
        clips = x.view(-1, frames, *x.shape[1:])
        return clips[:, 1:] - clips[:, :-1]

    excess = (steps(prediction) - steps(target)).abs()
    if luma is None:
        return excess.mean()
    still = F.adaptive_avg_pool2d(luma, prediction.shape[-2:])
    weight = torch.exp(-((steps(still) / tolerance) ** 2))
    return (weight * excess).mean()
