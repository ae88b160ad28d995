"""Systems D2 and E1: generators of strided convolutions with skips (colorizers)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.models import register


class StridedUNet(nn.Module):
    """The generator of pix2pix: `depth` halvings by 4x4 convolutions, as many doublings.

    Batch norm everywhere but at the ends, dropout in the `dropouts` innermost doublings,
    tanh chroma at full size. Weights start from a normal of 0.02, thus nearly grey.
    """

    def __init__(self, depth: int = 8, width: int = 64, dropouts: int = 3) -> None:
        super().__init__()
        self.multiple_of = 2**depth
        widths = [width * min(2**n, 8) for n in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for number, outputs in enumerate(widths):
            inputs = widths[number - 1] if number else 1
            plain = number in (0, depth - 1)
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if number else []
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=plain))
            if not plain:
                layers.append(nn.BatchNorm2d(outputs))
            self.down.append(nn.Sequential(*layers))
        for number in reversed(range(depth)):
            inputs = widths[number] * (1 if number == depth - 1 else 2)
            outputs = widths[number - 1] if number else 2
            layers = [nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=not number)]
            if number:
                layers.append(nn.BatchNorm2d(outputs))
            if number > 0 and number >= depth - dropouts:
                layers.append(nn.Dropout(0.5))
            self.up.append(nn.Sequential(*layers))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, luma: Tensor) -> Tensor:
        x, skips = luma, []
        for block in self.down:
            x = block(x)
            skips.append(x)
        x = self.up[0](skips.pop())
        for block in self.up[1:]:
            x = block(torch.cat((x, skips.pop()), 1))
        return torch.tanh(x)


@register("d2_pix2pix")
def d2_pix2pix(depth: int = 8, width: int = 64) -> StridedUNet:
    """D2: pix2pix from scratch."""
    return StridedUNet(depth, width)


@register("e1_unet")
class SmallUNet(StridedUNet):
    """E1: three steps down, for pictures of 64 x 64."""

    working_size = 64

    def __init__(self, depth: int = 3, width: int = 64) -> None:
        super().__init__(depth, width, dropouts=0)
