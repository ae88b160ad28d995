"""Systems E2 and E3: a fourfold upscaler, and the chain of colouriser and upscaler.

E2 worked on RGB. Here it enlarges luma, as every upscaler of this project does, and the
chroma of the chain is enlarged by interpolation: detail lies in luma.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.color import AB_UNIT, grey_to_lightness, lab_to_rgb
from training.models import build, register


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


@register("e2_srgan")
class SrganGenerator(nn.Module):
    """E2: residual blocks, two pixel shuffles with PReLU, sigmoid; 64 -> 256."""

    scale = 4
    multiple_of = 1

    def __init__(self, blocks: int = 8, width: int = 64) -> None:
        super().__init__()
        self.receptive_field = 9 + 4 * blocks + 8
        self.head = nn.Sequential(nn.Conv2d(1, width, 9, 1, 4), nn.PReLU())
        self.body = nn.Sequential(
            *(_Residual(width) for _ in range(blocks)),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        ups: list[nn.Module] = []
        for _ in range(2):
            ups += [nn.Conv2d(width, 4 * width, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU()]
        self.up = nn.Sequential(*ups, nn.Conv2d(width, 1, 9, 1, 4))

    def forward(self, luma: Tensor) -> Tensor:
        x = self.head(luma)
        return torch.sigmoid(self.up(x + self.body(x)))


@register("e3_chain")
class Chain(nn.Module):
    """E3: E1 colours the small picture, E2 enlarges its luma, both make RGB of four times.

    `training.chain` joins a trained E1 and E2; trained as a whole it starts from nothing.
    """

    scale = 4
    working_size = 64
    multiple_of = 8

    def __init__(self, width: int = 64, blocks: int = 8) -> None:
        super().__init__()
        self.colorizer = build("e1_unet", width=width)
        self.upscaler = build("e2_srgan", width=width, blocks=blocks)

    def forward(self, luma: Tensor) -> Tensor:
        ab = self.colorizer(grey_to_lightness(luma) / 50 - 1)
        large = grey_to_lightness(self.upscaler(luma))
        ab = F.interpolate(ab, scale_factor=4.0, mode="bicubic")
        return lab_to_rgb(torch.cat((large, ab * AB_UNIT), 1))
