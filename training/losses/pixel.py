"""Losses between corresponding pixels or scores."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..metrics.image import ssim_map


def l1(prediction: Tensor, target: Tensor, luma: Tensor | None = None) -> Tensor:
    """Mean absolute error."""
    return F.l1_loss(prediction, target)


def l2(prediction: Tensor, target: Tensor, luma: Tensor | None = None) -> Tensor:
    """Mean squared error; on scores it is the least-squares adversarial loss."""
    return F.mse_loss(prediction, target)


def smooth_l1(
    prediction: Tensor, target: Tensor, luma: Tensor | None = None, beta: float = 0.1
) -> Tensor:
    """Squared below `beta`, absolute above."""
    return F.smooth_l1_loss(prediction, target, beta=beta)


def bce(prediction: Tensor, target: Tensor, luma: Tensor | None = None) -> Tensor:
    """Binary cross entropy of scores that have not been through a sigmoid."""
    return F.binary_cross_entropy_with_logits(prediction, target)


def mae_ssim(
    prediction: Tensor, target: Tensor, luma: Tensor | None = None, share: float = 0.5
) -> Tensor:
    """(1 - share) * MAE + share * (1 - SSIM) of pictures in [0, 1]."""
    structure = 1 - ssim_map(prediction, target).mean()
    return torch.lerp(F.l1_loss(prediction, target), structure, share)


def total_variation(prediction: Tensor, target: Tensor, luma: Tensor | None = None) -> Tensor:
    """Mean absolute difference of neighbours in the prediction: a regulariser."""
    down = (prediction[..., 1:, :] - prediction[..., :-1, :]).abs().mean()
    across = (prediction[..., 1:] - prediction[..., :-1]).abs().mean()
    return down + across
