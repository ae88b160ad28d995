"""What no truth is needed for: calm, and no colour where there is nothing to colour."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..color import grey_to_lightness
from .predictors import Network

DEFINITIONS = {
    "flat_chroma": "largest chroma on constant greys of 16 levels (to stay below 6)",
    "shift_change": "mean chroma change when the picture moves by one pixel (both below 1.5)",
    "noise_change": "mean chroma change when noise of sigma 2/255 is added",
}


def _chroma_change(first: Tensor, second: Tensor) -> float:
    return float(torch.hypot(*(first - second).unbind(0)).mean())


def behaviour(network: Network, greys: Sequence[Tensor]) -> dict[str, float]:
    """The three measures; `greys` are pictures (1, h, w) in [0, 1] to move and disturb."""
    factor = network.saturation
    flat = 0.0
    for level in torch.linspace(0, 1, 16).tolist():
        lightness = grey_to_lightness(torch.full((1, 192, 256), level))
        flat = max(flat, float(torch.hypot(*network.predict(lightness).ab.unbind(0)).max()))
    shifts, noises = [], []
    rng = torch.Generator().manual_seed(0)
    for grey in greys:
        plain = network.predict(grey_to_lightness(grey[:, 1:, 1:])).ab
        moved = network.predict(grey_to_lightness(grey[:, :-1, :-1])).ab
        shifts.append(_chroma_change(plain[:, :-1, :-1], moved[:, 1:, 1:]))
        noise = torch.randn(grey.shape, generator=rng) * (2 / 255)
        noisy = network.predict(grey_to_lightness((grey + noise).clamp(0, 1)[:, 1:, 1:])).ab
        noises.append(_chroma_change(plain, noisy))
    return {
        "flat_chroma": factor * flat,
        "shift_change": factor * sum(shifts) / len(shifts),
        "noise_change": factor * sum(noises) / len(noises),
    }
