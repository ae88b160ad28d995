"""Chroma planes of a padded small picture to the full size of the picture."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..metrics.image import gaussian_window

MODES = ("guided", "bicubic")
SIGMA, EPSILON = 0.7, 100.0


def enlarge(planes: Tensor, by: tuple[float, float], size: tuple[int, int], mode: str) -> Tensor:
    """By exact factors, so that the padding does not shift the rest; cropped to `size`."""
    nudge = 1 + 1e-9  # keeps rounding from losing the last row
    factors = (by[0] * nudge, by[1] * nudge)
    full = F.interpolate(planes, scale_factor=factors, mode=mode)
    return full[..., : size[0], : size[1]]


def _smooth(planes: Tensor) -> Tensor:
    window = gaussian_window(5, SIGMA, planes)
    n, c = planes.shape[:2]
    x = F.pad(planes.reshape(n * c, 1, *planes.shape[2:]), (2, 2, 2, 2), mode="replicate")
    x = F.conv2d(F.conv2d(x, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))
    return x.view_as(planes)


def to_full(
    ab: Tensor, small: Tensor, lightness: Tensor, by: tuple[float, float], mode: str
) -> Tensor:
    """ab (1, 2, h', w') at `by` times smaller than the picture -> (2, h, w).

    `small` is L* of the padded picture the network saw, `lightness` (1, h, w) the picture's.
    `guided` adds the detail that luma knows: bicubic(ab) + A * (L - bicubic(L_small)) with
    the local slope A = cov(L, ab) / (var(L) + eps) at the size of `ab`.
    """
    size = (lightness.shape[1], lightness.shape[2])
    full = enlarge(ab, by, size, "bicubic")
    if mode == "bicubic":
        return full[0]
    guide = F.interpolate(small, ab.shape[2:], mode="bilinear", antialias=True)
    moments = _smooth(torch.cat((guide, ab, guide * guide, guide * ab), 1))
    mean_l, mean_ab, square, product = moments.split((1, 2, 1, 2), dim=1)
    variance = (square - mean_l**2).clamp_min(0)
    slope = _smooth((product - mean_l * mean_ab) / (variance + EPSILON))
    detail = lightness[None] - enlarge(guide, by, size, "bicubic")
    return (full + enlarge(slope, by, size, "bilinear") * detail)[0]
