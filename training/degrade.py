"""What time, film and bad copies did to photographs, on tensors and on the device.

Functions take grey pictures (N,1,h,w), sRGB-encoded, in [0,1] and a
`torch.Generator`, draw their strength per picture, and return the same shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from training.color import linear_to_srgb

# Linear-light channel weights: CIE Y; orthochromatic plates are blind to red, early
# blue-sensitive ones see little else; panchromatic film sees red brighter than the eye.
LUMINANCE = (0.2126729, 0.7151522, 0.0721750)
RESPONSES = ((0.05, 0.55, 0.40), (0.02, 0.18, 0.80), (0.36, 0.42, 0.22))

# ITU-T T.81, table K.1.
JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def uniform(like: Tensor, low: float, high: float, rng: Generator) -> Tensor:
    """(N,1,1,1) uniform in [low, high), one per picture of ``like``."""
    return low + (high - low) * torch.rand((len(like), 1, 1, 1), generator=rng, device=like.device)


def film_response(linear: Tensor, share: float, rng: Generator) -> Tensor:
    """Linear RGB (N,3,h,w) to encoded grey, ``share`` of it by another film than CIE Y.

    A film's weights lie anywhere between CIE Y and one of `RESPONSES`.
    """
    films = torch.tensor(RESPONSES, device=linear.device)
    pick = torch.randint(len(RESPONSES), (len(linear),), generator=rng, device=linear.device)
    reach = uniform(linear, 0.0, 1.0, rng)[:, :, 0, 0]
    other = uniform(linear, 0.0, 1.0, rng)[:, :, 0, 0] < share
    base = torch.tensor(LUMINANCE, device=linear.device)
    weights = torch.where(other, base + reach * (films[pick] - base), base)
    grey = torch.einsum("nc,nchw->nhw", weights, linear)[:, None]
    return linear_to_srgb(grey).clamp(0.0, 1.0)


def fade(grey: Tensor, strength: float, rng: Generator) -> Tensor:
    """Gamma, contrast and base fog, as of faded prints and bad scans."""
    gamma = torch.exp(uniform(grey, -0.35, 0.35, rng) * strength)
    black = uniform(grey, 0.0, 0.2, rng) * strength
    white = 1.0 - uniform(grey, 0.0, 0.2, rng) * strength
    gain = uniform(grey, 1.0, 1.0 + 0.25 * strength, rng)
    curved = ((grey.clamp(min=1e-4) ** gamma - 0.5) * gain + 0.5).clamp(0.0, 1.0)
    return black + (white - black) * curved


def vignette(grey: Tensor, strength: float, rng: Generator) -> Tensor:
    """Corners darker than the centre by up to ``strength`` (negative: lighter, sometimes)."""
    h, w = grey.shape[2:]
    y = torch.linspace(-1, 1, h, device=grey.device)[:, None]
    x = torch.linspace(-1, 1, w, device=grey.device)[None]
    fall = ((x**2 + y**2) / 2) ** uniform(grey, 0.8, 2.0, rng)
    return (grey * (1 - uniform(grey, -0.3, 1.0, rng) * strength * fall)).clamp(0.0, 1.0)


def blur(grey: Tensor, largest_px: float, rng: Generator) -> Tensor:
    """Gaussian blur, sigma up to ``largest_px``."""
    radius = max(1, int(3 * largest_px + 0.5))
    sigma = uniform(grey, 0.1, largest_px, rng).flatten()[:, None]
    at = torch.arange(-radius, radius + 1, device=grey.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None]
    x = F.pad(grey.transpose(0, 1), (radius, radius, radius, radius), mode="replicate")
    x = F.conv2d(x, kernel[:, :, :, None], groups=len(grey))
    return F.conv2d(x, kernel[:, :, None, :], groups=len(grey)).transpose(0, 1)


def downscale(grey: Tensor, largest: float, rng: Generator) -> Tensor:
    """Shrunk by one factor up to ``largest`` and enlarged again: a small scan."""
    h, w = grey.shape[2:]
    factor = 1 + (largest - 1) * float(torch.rand((), generator=rng, device=grey.device))
    small = (max(8, round(h / factor)), max(8, round(w / factor)))
    shrunk = F.interpolate(grey, small, mode="bilinear", antialias=True)
    return F.interpolate(shrunk, (h, w), mode="bicubic").clamp(0.0, 1.0)


def _dct_matrix(device: torch.device) -> Tensor:
    at = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos((2 * at[None] + 1) * at[:, None] * torch.pi / 16) * 0.5
    basis[0] *= 0.5**0.5
    return basis


def jpeg(grey: Tensor, worst_quality: float, rng: Generator) -> Tensor:
    """The loss of a grey JPEG, qualities from ``worst_quality`` (1-100) to 95."""
    n, _, h, w = grey.shape
    quality = uniform(grey, worst_quality, 95.0, rng)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    table = torch.tensor(JPEG_LUMINANCE, device=grey.device, dtype=torch.float32)
    steps = (table * scale).round().clamp(1, 255).reshape(n, 1, 8, 1, 8)
    padded = F.pad(grey, (0, -w % 8, 0, -h % 8), mode="replicate") * 255 - 128
    rows, columns = padded.shape[2] // 8, padded.shape[3] // 8
    blocks = padded.reshape(n, rows, 8, columns, 8)  # picture, block row, y, block column, x
    dct = _dct_matrix(grey.device)
    spectrum = torch.einsum("ui,nribj,vj->nrubv", dct, blocks, dct)
    spectrum = (spectrum / steps).round() * steps
    blocks = torch.einsum("ui,nrubv,vj->nribj", dct, spectrum, dct)
    decoded = (blocks.reshape(n, 1, rows * 8, columns * 8) + 128) / 255
    return decoded[:, :, :h, :w].clamp(0.0, 1.0)


def grain(grey: Tensor, largest: float, rng: Generator) -> Tensor:
    """Film grain: noise strongest in the mid-tones, between fine and coarse."""
    noise = torch.randn(grey.shape, generator=rng, device=grey.device)
    coarse = 2.0 * F.avg_pool2d(noise, 3, 1, 1, count_include_pad=False)
    mix = uniform(grey, 0.0, 1.0, rng)
    amount = uniform(grey, 0.0, largest, rng) * (0.4 + 2.4 * grey * (1 - grey))
    return (grey + amount * (noise + mix * (coarse - noise))).clamp(0.0, 1.0)


def scratches(grey: Tensor, most: int, rng: Generator) -> Tensor:
    """Up to ``most`` thin scratches, near vertical, and as many specks of dust, per picture."""
    h, w = grey.shape[2:]
    y = torch.arange(h, device=grey.device)[:, None].float()
    x = torch.arange(w, device=grey.device)[None].float()
    for _ in range(most):
        there = (uniform(grey, 0.0, 1.0, rng) < 0.6).float()
        tone = (uniform(grey, 0.0, 1.0, rng) < 0.7).float()
        centre = uniform(grey, 0.0, w, rng) + uniform(grey, -0.15, 0.15, rng) * y
        line = torch.exp(-(((x - centre) / uniform(grey, 0.4, 1.2, rng)) ** 2))
        line = line * (y > uniform(grey, -h, h, rng)) * (y < uniform(grey, 0.2 * h, 2 * h, rng))
        squared = (x - uniform(grey, 0, w, rng)) ** 2 + (y - uniform(grey, 0, h, rng)) ** 2
        speck = torch.exp(-squared / uniform(grey, 0.5, 6.0, rng))
        cover = there * torch.maximum(line, speck) * uniform(grey, 0.3, 0.9, rng)
        grey = grey + cover * (tone - grey)
    return grey


def clahe(grey: Tensor, clip: float, grid: int = 8) -> Tensor:
    """Contrast-limited equalisation by fastcolor's own operator, which must be installed."""
    try:
        from fastcolor import ops
    except ImportError as error:
        raise RuntimeError(
            "the CLAHE degradation needs the fastcolor package: run 'pip install .' in the "
            "checkout, or set clahe = 0 in the recipe's [degrade]"
        ) from error
    pictures = (grey.detach().cpu()[:, 0] * 255).round().byte().numpy()
    done = [torch.from_numpy(ops.clahe(p, clip_limit=clip, grid=(grid, grid))) for p in pictures]
    return (torch.stack(done)[:, None].to(grey) / 255).clamp(0.0, 1.0)


def sometimes(
    grey: Tensor, share: float, rng: Generator, effect: Callable[[Tensor], Tensor]
) -> Tensor:
    """``effect`` on about ``share`` of the pictures; the rest is not computed."""
    if not share:
        return grey
    chosen = torch.rand(len(grey), generator=rng, device=grey.device) < share
    where = chosen.nonzero()[:, 0]
    if not len(where):
        return grey
    return grey.index_copy(0, where, effect(grey[where]))


def blank(grey: Tensor, rng: Generator) -> Tensor:
    """An almost constant grey of any level: paper, fog, the black between two scenes."""
    h, w = grey.shape[2:]
    y = torch.linspace(-1, 1, h, device=grey.device)[:, None]
    x = torch.linspace(-1, 1, w, device=grey.device)[None]
    slope = [uniform(grey, -0.015, 0.015, rng) for _ in range(2)]
    tilt = (slope[0] * x + slope[1] * y) * (uniform(grey, 0.0, 1.0, rng) < 0.3)
    noise = torch.randn(grey.shape, generator=rng, device=grey.device)
    noise = noise * uniform(grey, 0.0, 0.015, rng) * (uniform(grey, 0.0, 1.0, rng) < 0.5)
    return (uniform(grey, 0.0, 1.0, rng) + tilt + noise).clamp(0.0, 1.0)


@dataclass(frozen=True)
class Degrade:
    """Shares (probability per picture, in order of application) and strengths.

    All shares 0 is no degradation: plain grey by CIE Y. ``blanks`` is the share of
    pictures that a colorizer gets replaced by an almost constant grey without colour.
    """

    blanks: float = 0.0

    film: float = 0.0
    fading: float = 0.0
    fading_strength: float = 0.6
    vignetting: float = 0.0
    vignette_strength: float = 0.4
    blurring: float = 0.0
    blur_px: float = 1.5
    graining: float = 0.0
    grain_amount: float = 0.05
    scratching: float = 0.0
    most_scratches: int = 3
    downscaling: float = 0.0
    downscale_most: float = 2.0
    compressing: float = 0.0
    worst_quality: float = 25.0
    clahe: float = 0.0
    clahe_clip: float = 2.0

    def __call__(self, linear: Tensor, rng: Generator) -> Tensor:
        """Linear RGB (N,3,h,w) to degraded encoded grey (N,1,h,w)."""
        grey = film_response(linear, self.film, rng)
        effects: tuple[tuple[float, Callable[[Tensor], Tensor]], ...] = (
            (self.vignetting, lambda g: vignette(g, self.vignette_strength, rng)),
            (self.blurring, lambda g: blur(g, self.blur_px, rng)),
            (self.graining, lambda g: grain(g, self.grain_amount, rng)),
            (self.fading, lambda g: fade(g, self.fading_strength, rng)),
            (self.scratching, lambda g: scratches(g, self.most_scratches, rng)),
            (self.downscaling, lambda g: downscale(g, self.downscale_most, rng)),
            (self.compressing, lambda g: jpeg(g, self.worst_quality, rng)),
            (self.clahe, lambda g: clahe(g, self.clahe_clip)),
        )
        for share, effect in effects:
            grey = sometimes(grey, share, rng, effect)
        return grey
