"""What time and film did to photographs, on tensors and on the device.

Every function takes grey pictures (N,1,h,w), sRGB-encoded, in [0,1] and a
`torch.Generator`, draws its strength per picture, and returns the same shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from training.colour import encode_srgb

# Linear-light channel weights: CIE Y; orthochromatic plates are blind to red, early
# blue-sensitive ones see little else; panchromatic film sees red brighter than the eye.
LUMINANCE = (0.2126729, 0.7151522, 0.0721750)
RESPONSES = ((0.05, 0.55, 0.40), (0.02, 0.18, 0.80), (0.36, 0.42, 0.22))


def uniform(n: int, low: float, high: float, rng: Generator, device: torch.device) -> Tensor:
    """(n,1,1,1) uniform in [low, high)."""
    return low + (high - low) * torch.rand((n, 1, 1, 1), generator=rng, device=device)


def film_response(linear: Tensor, share: float, rng: Generator) -> Tensor:
    """Linear RGB (N,3,h,w) to encoded grey; ``share`` of the pictures by another film than CIE Y.

    A film's weights lie anywhere between CIE Y and one of `RESPONSES`.
    """
    n, device = linear.shape[0], linear.device
    films = torch.tensor(RESPONSES, device=device)
    pick = torch.randint(len(RESPONSES), (n,), generator=rng, device=device)
    reach = uniform(n, 0.0, 1.0, rng, device)[:, :, 0, 0]
    other = torch.rand((n, 1), generator=rng, device=device) < share
    base = torch.tensor(LUMINANCE, device=device)
    weights = torch.where(other, base + reach * (films[pick] - base), base)
    return encode_srgb(torch.einsum("nc,nchw->nhw", weights, linear)[:, None])


def fade(grey: Tensor, strength: float, rng: Generator) -> Tensor:
    """Gamma, contrast and base fog, as of faded prints and bad scans."""
    n, device = grey.shape[0], grey.device
    gamma = torch.exp(uniform(n, -0.35, 0.35, rng, device) * strength)
    black = uniform(n, 0.0, 0.2, rng, device) * strength
    white = 1.0 - uniform(n, 0.0, 0.2, rng, device) * strength
    gain = uniform(n, 1.0, 1.0 + 0.25 * strength, rng, device)
    curved = ((grey.clamp(min=1e-4) ** gamma - 0.5) * gain + 0.5).clamp(0.0, 1.0)
    return black + (white - black) * curved


def blur(grey: Tensor, largest_px: float, rng: Generator) -> Tensor:
    """Gaussian blur, sigma up to ``largest_px``; one kernel per picture."""
    n, _, h, w = grey.shape
    radius = max(1, int(3 * largest_px + 0.5))
    sigma = uniform(n, 0.1, largest_px, rng, grey.device).flatten()[:, None]
    at = torch.arange(-radius, radius + 1, device=grey.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None]
    x = F.pad(grey.transpose(0, 1), (radius, radius, radius, radius), mode="reflect")
    x = F.conv2d(x, kernel[:, :, None, :], groups=n)
    return F.conv2d(x, kernel[:, :, :, None], groups=n).transpose(0, 1)


def grain(grey: Tensor, largest: float, rng: Generator) -> Tensor:
    """Film grain: noise strongest in the mid-tones, between fine and coarse."""
    n, _, h, w = grey.shape
    noise = torch.randn((n, 1, h, w), generator=rng, device=grey.device)
    coarse = 2.0 * F.avg_pool2d(noise, 3, 1, 1, count_include_pad=False)
    mix = uniform(n, 0.0, 1.0, rng, grey.device)
    amount = uniform(n, 0.0, largest, rng, grey.device) * (0.4 + 2.4 * grey * (1 - grey))
    return (grey + amount * (noise + mix * (coarse - noise))).clamp(0.0, 1.0)


def sometimes(before: Tensor, after: Tensor, share: float, rng: Generator) -> Tensor:
    """``after`` for about ``share`` of the pictures, ``before`` for the rest."""
    n = before.shape[0]
    chosen = torch.rand((n, 1, 1, 1), generator=rng, device=before.device) < share
    return torch.where(chosen, after, before)


@dataclass(frozen=True)
class Degrade:
    """Shares (probabilities per picture) and strengths of everything above."""

    film: float = 0.3
    fading: float = 0.5
    fading_strength: float = 0.6
    blurring: float = 0.0
    blur_px: float = 1.5
    graining: float = 0.3
    grain_amount: float = 0.05

    def __call__(self, linear: Tensor, rng: Generator) -> Tensor:
        """Linear RGB (N,3,h,w) to degraded encoded grey (N,1,h,w)."""
        grey = film_response(linear, self.film, rng)
        if self.fading:
            grey = sometimes(grey, fade(grey, self.fading_strength, rng), self.fading, rng)
        if self.blurring:
            grey = sometimes(grey, blur(grey, self.blur_px, rng), self.blurring, rng)
        if self.graining:
            grey = sometimes(grey, grain(grey, self.grain_amount, rng), self.graining, rng)
        return grey
