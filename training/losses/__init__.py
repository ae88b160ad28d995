"""Losses by name: `get(name)(prediction, target, luma=None, **arguments) -> scalar`.

Prediction and target have the same shape: chroma (N,2,h,w) in units of 110, sRGB
(N,3,h,w) or grey (N,1,h,w) in [0,1]; `ab_classes` alone judges logits over ab bins.
`luma` is the network's input, of which the losses that need pictures make use. The
adversarial losses are `bce` and `l2` (least squares) on a discriminator's scores.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from . import bins, chroma, perceptual, pixel, teacher, temporal

Loss = Callable[..., Tensor]

_LOSSES: dict[str, Loss] = {
    "l1": pixel.l1,
    "l2": pixel.l2,
    "smooth_l1": pixel.smooth_l1,
    "bce": pixel.bce,
    "mae_ssim": pixel.mae_ssim,
    "total_variation": pixel.total_variation,
    "perceptual": perceptual.perceptual,
    "color_weighted": chroma.color_weighted,
    "colorfulness": chroma.colorfulness,
    "delta_e94": chroma.delta_e94,
    "ab_classes": bins.ab_classes,
    "temporal": temporal.temporal,
    "distil": teacher.distil,
}


def names() -> list[str]:
    return sorted(_LOSSES)


def get(name: str) -> Loss:
    """The loss called `name`; ValueError lists the known ones."""
    if name not in _LOSSES:
        raise ValueError(f"no loss is called {name!r}; known: {', '.join(names())}")
    return _LOSSES[name]
