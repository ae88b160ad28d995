"""sRGB (IEC 61966-2-1) and CIE 1976 L*a*b* (D65, 2 degrees) for torch tensors.

Tensors are (..., 3, h, w) or, for luma, (..., 1, h, w); sRGB in [0, 1], L* in [0, 100].
Everything is differentiable and keeps the dtype and device of its input. The white point
is the image of R = G = B = 1, so a neutral colour has a = b = 0 to rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

AB_UNIT = 110.0
"""Chroma planes of colourisers are in units of this many a, b."""

_RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = tuple(sum(row) for row in _RGB_TO_XYZ)
_DELTA = 6.0 / 29.0
_LUMA_601 = (0.299, 0.587, 0.114)


def _matrix(like: Tensor) -> Tensor:
    scale = torch.tensor(_WHITE, dtype=torch.float64)[:, None]
    return (torch.tensor(_RGB_TO_XYZ, dtype=torch.float64) / scale).to(like)


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    return torch.einsum("ij,...jhw->...ihw", matrix, planes)


def srgb_to_linear(value: Tensor) -> Tensor:
    """Decode sRGB; values below zero stay on the linear part."""
    high = ((value.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(value <= 0.04045, value / 12.92, high)


def linear_to_srgb(value: Tensor) -> Tensor:
    """Encode to sRGB; values below zero stay on the linear part."""
    high = 1.055 * value.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(value <= 0.0031308, value * 12.92, high)


def _f(t: Tensor) -> Tensor:
    root = t.clamp_min(_DELTA**3) ** (1 / 3)
    return torch.where(t > _DELTA**3, root, t / (3 * _DELTA**2) + 4 / 29)


def _f_inverse(t: Tensor) -> Tensor:
    return torch.where(t > _DELTA, t**3, 3 * _DELTA**2 * (t - 4 / 29))


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB (..., 3, h, w) in [0, 1] to L*a*b*."""
    x, y, z = _f(_mix(_matrix(rgb), srgb_to_linear(rgb))).unbind(-3)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


def lab_to_linear(lab: Tensor) -> Tensor:
    """L*a*b* to linear RGB, unbounded: outside [0, 1] means out of gamut."""
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    xyz = _f_inverse(torch.stack((fy + a / 500, fy, fy - b / 200), dim=-3))
    inverse = torch.linalg.inv(_matrix(lab.double())).to(lab)
    return _mix(inverse, xyz)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """L*a*b* to sRGB with a plain clip per channel: for losses, not for pictures."""
    return linear_to_srgb(lab_to_linear(lab)).clamp(0, 1)


def lab_to_rgb_in_gamut(lab: Tensor, steps: int = 10) -> Tensor:
    """L*a*b* (3, h, w) to sRGB; a colour out of gamut moves towards grey at constant L*.

    The chroma kept is found by bisection, within 2**-steps of the largest that fits.
    """
    linear = lab_to_linear(lab)
    slack = 1e-4
    bad = ((linear < -slack) | (linear > 1 + slack)).any(dim=0)
    if bad.any():
        colour = lab[:, bad][:, None]
        low = torch.zeros_like(colour[:1])
        high = torch.ones_like(low)
        for _ in range(steps):
            middle = (low + high) / 2
            trial = lab_to_linear(torch.cat((colour[:1], colour[1:] * middle)))
            fits = ((trial >= -slack) & (trial <= 1 + slack)).all(dim=0, keepdim=True)
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        linear = linear.clone()
        linear[:, bad] = lab_to_linear(torch.cat((colour[:1], colour[1:] * low)))[:, 0]
    return linear_to_srgb(linear).clamp(0, 1)


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """L* of sRGB, (..., 1, h, w): the grey that keeps lightness."""
    y = _mix(_matrix(rgb)[1:2], srgb_to_linear(rgb))
    return 116 * _f(y) - 16


def rgb_to_luma(rgb: Tensor) -> Tensor:
    """BT.601 Y' of sRGB in [0, 1], (..., 1, h, w): the grey that JPEG and video store."""
    return _mix(torch.tensor(_LUMA_601, dtype=rgb.dtype, device=rgb.device)[None], rgb)


def grey_to_lightness(grey: Tensor) -> Tensor:
    """L* of a neutral picture R = G = B = grey."""
    return 116 * _f(srgb_to_linear(grey)) - 16


def lightness_to_grey(lightness: Tensor) -> Tensor:
    """The neutral sRGB value with this L*."""
    return linear_to_srgb(_f_inverse((lightness + 16) / 116))
