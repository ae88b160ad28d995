"""Measures of one picture against its truth. Pictures are (3, h, w) sRGB in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

PSNR_CAP_DB = 50.0


def mae(picture: Tensor, truth: Tensor) -> float:
    """Mean absolute difference, in [0, 1]."""
    return float((picture - truth).abs().mean())


def mse(picture: Tensor, truth: Tensor) -> float:
    """Mean squared difference in 8-bit units (0..65025)."""
    return float(((picture - truth) * 255).square().mean())


def psnr_from_mse(mse_8bit: float) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 255, at most 50 dB."""
    if mse_8bit <= 0:
        return PSNR_CAP_DB
    value = 10 * torch.log10(torch.tensor(255.0**2 / mse_8bit, dtype=torch.float64))
    return min(float(value), PSNR_CAP_DB)


def gaussian_window(size: int, sigma: float, like: Tensor) -> Tensor:
    """Normalised 1-D Gaussian of `size` taps."""
    x = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    window = torch.exp(-(x**2) / (2 * sigma**2))
    return window / window.sum()


def ssim_map(first: Tensor, second: Tensor, peak: float = 1.0) -> Tensor:
    """SSIM of (N, C, h, w) tensors per pixel, Gaussian window 11 x 11, sigma 1.5.

    Only windows that lie inside the picture count, so the map is 10 pixels smaller;
    a picture below 11 pixels is an error. Differentiable.
    """
    if min(first.shape[-2:]) < 11:
        raise ValueError(f"SSIM needs at least 11 x 11 pixels, got {tuple(first.shape[-2:])}")
    weights = gaussian_window(11, 1.5, first).tolist()

    def along(x: Tensor, dim: int) -> Tensor:
        length = x.shape[dim] - 10
        total = x.narrow(dim, 0, length) * weights[0]
        for tap in range(1, 11):
            total = torch.add(total, x.narrow(dim, tap, length), alpha=weights[tap])
        return total

    moments = torch.stack((first, second, first * first, second * second, first * second))
    m1, m2, s11, s22, s12 = along(along(moments, -1), -2).unbind(0)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    luminance = (2 * m1 * m2 + c1) / (m1 * m1 + m2 * m2 + c1)
    contrast = (2 * (s12 - m1 * m2) + c2) / (s11 - m1 * m1 + s22 - m2 * m2 + c2)
    return luminance * contrast


def ssim(picture: Tensor, truth: Tensor) -> float:
    """Mean SSIM over pixels and the three channels."""
    return float(ssim_map(picture[None], truth[None]).mean())


def colourfulness(picture: Tensor) -> float:
    """Hasler and Suesstrunk (2003) with signed opponent differences, 8-bit units."""
    red, green, blue = (picture * 255).unbind(0)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = torch.hypot(rg.std(correction=0), yb.std(correction=0))
    return float(spread + 0.3 * torch.hypot(rg.mean(), yb.mean()))
