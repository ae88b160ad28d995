"""Losses of chroma planes (N, 2, h, w) in units of 110."""

from __future__ import annotations

import torch
from torch import Tensor

from ..color import AB_UNIT, lab_to_rgb
from .bins import default_bins
from .perceptual import pictures


def color_weighted(
    prediction: Tensor,
    target: Tensor,
    luma: Tensor | None = None,
    share: float = 0.5,
    power: int = 2,
) -> Tensor:
    """|error|**power, weighted by the inverse training frequency of the target's ab bin.

    `share` of a uniform distribution bounds the weight of the rarest colours. With a tenth of
    it the light network of report B gave everything warm colours more vivid than the truth's,
    and was worse than grey by any measure but this.
    """
    bins = default_bins()
    weight = bins.weights(share).to(prediction)[bins.nearest(target)][:, None]
    return (weight * (prediction - target).abs() ** power).mean()


def delta_e94(prediction: Tensor, target: Tensor, luma: Tensor | None = None) -> Tensor:
    """Mean CIE94 colour difference at equal lightness, the truth being the standard.

    Unlike CIEDE2000 it has a gradient everywhere, also at neutral colours; like it, errors
    in vivid colours count less, and those along the chroma least.
    """
    true = target * AB_UNIT
    error = prediction * AB_UNIT - true
    made = (true + error).square().sum(1).add(1e-4).sqrt()
    chroma = true.square().sum(1).add(1e-4).sqrt()
    along = made - chroma
    across = error.square().sum(1) - along.square()
    parts = (along / (1 + 0.045 * chroma)).square() + across / (1 + 0.015 * chroma).square()
    return (parts.clamp_min(0) + 1e-4).sqrt().mean()


def _colourfulness(rgb: Tensor) -> Tensor:
    """Hasler-Suesstrunk of (N, 3, h, w) in [0, 1], per picture, differentiable."""
    red, green, blue = rgb.unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue), dim=1).flatten(2)
    spread = (opponents.var(dim=2, correction=0).sum(1) + 1e-8).sqrt()
    return spread + 0.3 * (opponents.mean(2).square().sum(1) + 1e-8).sqrt()


def colorfulness(
    prediction: Tensor,
    target: Tensor,
    luma: Tensor | None = None,
    gain: float = 1.0,
    together: bool = False,
) -> Tensor:
    """|colourfulness - gain * that of the truth|, mean over pictures, for 1 = white.

    `together` compares the means over all pictures instead: single pictures may then be
    calmer or livelier than the truth. Chroma without `luma` is judged at L* = 50.
    """
    if prediction.shape[1] == 2 and luma is None:
        grey = torch.full_like(prediction[:, :1], 50.0)
        made, true = (lab_to_rgb(torch.cat((grey, x * AB_UNIT), 1)) for x in (prediction, target))
    else:
        made, true = pictures(prediction, luma), pictures(target, luma)
    excess = _colourfulness(made) - gain * _colourfulness(true)
    return excess.mean().abs() if together else excess.abs().mean()
