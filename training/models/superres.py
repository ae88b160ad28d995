"""Compact luma upscalers and a restorer for small, damaged pictures.

All work at the small size and end in a pixel shuffle; what they add is a correction of
plain interpolation, so an untrained one already enlarges.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models import register


class CompactUpscaler(nn.Module):
    """`depth` 3x3 convolutions with PReLU around a bicubic shortcut.

    The output is not clamped: losses need gradients beyond [0, 1].
    """

    multiple_of = 1

    def __init__(self, scale: int, width: int, depth: int) -> None:
        super().__init__()
        self.scale = scale
        self.receptive_field = 2 * (depth + 1) + 1
        layers: list[nn.Module] = [nn.Conv2d(1, width, 3, 1, 1), nn.PReLU(width)]
        for _ in range(depth - 1):
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.PReLU(width)]
        self.body = nn.Sequential(*layers)
        self.tail = nn.Conv2d(width, scale * scale, 3, 1, 1)
        nn.init.zeros_(self.tail.bias)
        with torch.no_grad():
            self.tail.weight *= 0.1

    def forward(self, luma: Tensor) -> Tensor:
        base = F.interpolate(luma, scale_factor=float(self.scale), mode="bicubic")
        return base + F.pixel_shuffle(self.tail(self.body(luma)), self.scale)


@register("sr")
def sr(scale: int = 2, width: int = 32, depth: int = 8) -> CompactUpscaler:
    """A luma upscaler; the defaults have under 120,000 parameters."""
    return CompactUpscaler(scale, width, depth)


@register("restore")
class Restorer(nn.Module):
    """A degraded grey picture to RGB of `scale` times its size.

    A U-Net of three halvings sees enough to colour; a shortcut keeps the luma.
    """

    multiple_of = 8
    working_size = 128

    def __init__(self, scale: int = 2, width: int = 48) -> None:
        super().__init__()
        self.scale = scale
        widths = [width, 2 * width, 4 * width, 6 * width]
        self.enter = _double(1, widths[0])
        self.down = nn.ModuleList(_double(a, b) for a, b in itertools.pairwise(widths))
        self.scene = nn.Linear(widths[-1], widths[-1])
        self.up = nn.ModuleList(
            _double(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.tail = nn.Conv2d(widths[0], 3 * scale * scale, 3, 1, 1)
        nn.init.normal_(self.tail.weight, std=0.01)

    def forward(self, luma: Tensor) -> Tensor:
        x = self.enter(luma)
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(F.avg_pool2d(x, 2))
        x = x + self.scene(x.mean((2, 3)))[:, :, None, None]
        for block in self.up:
            large = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = block(torch.cat((large, skips.pop()), 1))
        base = F.interpolate(luma, scale_factor=float(self.scale), mode="bicubic")
        return base + F.pixel_shuffle(self.tail(x), self.scale)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip
