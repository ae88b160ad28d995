"""Colour on tensors, float32: sRGB (IEC 61966-2-1), D65 2 degrees, CIE 1976 L*a*b*.

Only training uses this; the engine has its own exact operators.
"""

from __future__ import annotations

import torch
from torch import Tensor

AB_UNIT = 110.0

# sRGB primaries to XYZ, rows divided by the D65 white point (0.95047, 1, 1.08883).
_RGB_TO_XYZ_N = torch.tensor(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ]
)
_DELTA = 6.0 / 29.0


def decode_srgb(encoded: Tensor) -> Tensor:
    """Encoded sRGB in [0,1] to linear light."""
    low = encoded / 12.92
    high = ((encoded.clamp(min=0.04) + 0.055) / 1.055) ** 2.4
    return torch.where(encoded <= 0.04045, low, high)


def encode_srgb(linear: Tensor) -> Tensor:
    """Linear light to encoded sRGB; values outside [0,1] are clamped."""
    linear = linear.clamp(0.0, 1.0)
    high = 1.055 * linear.clamp(min=1e-4) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, high)


def bytes_to_linear(pixels: Tensor) -> Tensor:
    """uint8 sRGB to linear light through a table of 256 entries."""
    table = decode_srgb(torch.arange(256, device=pixels.device, dtype=torch.float32) / 255)
    return table[pixels.int()]


def _cube(t: Tensor) -> Tensor:
    return torch.where(
        t > _DELTA**3, t.clamp(min=1e-4) ** (1 / 3), t / (3 * _DELTA**2) + 4.0 / 29.0
    )


def _uncube(f: Tensor) -> Tensor:
    return torch.where(f > _DELTA, f**3, 3 * _DELTA**2 * (f - 4.0 / 29.0))


def luminance_to_lightness(y: Tensor) -> Tensor:
    """Relative luminance Y in [0,1] to L* in [0,100]."""
    return 116.0 * _cube(y) - 16.0


def linear_to_lab(rgb: Tensor) -> Tensor:
    """Linear sRGB (N,3,h,w) to L*a*b* (N,3,h,w)."""
    f = _cube(torch.einsum("ij,njhw->nihw", _RGB_TO_XYZ_N.to(rgb), rgb))
    fx, fy, fz = f.unbind(1)
    return torch.stack((116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)), 1)


def lab_to_linear(lab: Tensor) -> Tensor:
    """L*a*b* (N,3,h,w) to linear sRGB; colours outside the gamut leave [0,1]."""
    lightness, a, b = lab.unbind(1)
    fy = (lightness + 16.0) / 116.0
    xyz = _uncube(torch.stack((fy + a / 500.0, fy, fy - b / 200.0), 1))
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(_RGB_TO_XYZ_N).to(lab), xyz)


def luma_ab_to_rgb(luma: Tensor, ab: Tensor) -> Tensor:
    """Network units (luma (N,1,h,w) in [-1,1], ab (N,2,h,w) / 110) to sRGB in [0,1]."""
    lab = torch.cat(((luma + 1.0) * 50.0, ab * AB_UNIT), 1)
    return encode_srgb(lab_to_linear(lab))
