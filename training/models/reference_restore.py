"""Systems A: a grey picture to a colour picture of twice its size (restorers)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models import register
from training.models.reference_resnet import load_known


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
    )


class DoublingUNet(nn.Module):
    """`len(widths)` down blocks, a bottleneck, one up block more; sigmoid RGB at twice the size.

    A down block is two convolutions and a max-pooling, an up block an upsampling, the skip
    of the same size where there is one, and a convolution.
    """

    scale = 2
    working_size = 128

    def __init__(
        self,
        inputs: int = 1,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        bottleneck: int = 1024,
    ) -> None:
        super().__init__()
        self.multiple_of = 2 ** len(widths)
        self.down = nn.ModuleList()
        channels = inputs
        for width in widths:
            self.down.append(nn.Sequential(conv_block(channels, width), conv_block(width, width)))
            channels = width
        self.bottleneck = nn.Sequential(
            conv_block(channels, bottleneck), conv_block(bottleneck, bottleneck)
        )
        self.up = nn.ModuleList()
        channels = bottleneck
        for width in reversed(widths):
            self.up.append(conv_block(channels + width, width))
            channels = width
        self.last = conv_block(channels, channels)
        self.head = nn.Conv2d(channels, 3, 1)

    def forward(self, luma: Tensor) -> Tensor:
        x, skips = luma, []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottleneck(x)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0, mode="bilinear"), skip), 1))
        x = self.last(F.interpolate(x, scale_factor=2.0, mode="bilinear"))
        return torch.sigmoid(self.head(x))


@register("a1_unet")
def a1_unet(**kwargs: object) -> DoublingUNet:
    """A1: five down, six up; about 24 M parameters."""
    return DoublingUNet(**kwargs)  # type: ignore[arg-type]


@register("a2_fusion")
class FusionUNet(nn.Module):
    """A2: the same one level shallower; its input is joined by a segmentation.

    The segmenter is a DeepLabV3+ on MobileNetV2, whose trunk alone can come pretrained
    (`load_trunk`, ImageNet); its head learns with the rest.
    """

    scale = 2
    working_size = 128
    multiple_of = 32

    def __init__(
        self,
        classes: int = 21,
        widths: Sequence[int] = (64, 128, 256, 512),
        bottleneck: int = 1024,
    ) -> None:
        super().__init__()
        import segmentation_models_pytorch as smp

        self.segmenter = smp.DeepLabV3Plus("mobilenet_v2", encoder_weights=None, classes=classes)
        self.unet = DoublingUNet(1 + classes, widths, bottleneck)

    def load_trunk(self, state: dict[str, Tensor]) -> list[str]:
        """Weights in torchvision's MobileNetV2 names; returns trunk names not in `state`."""
        return load_known(self.segmenter.encoder, state)

    def trunk_parameters(self) -> list[nn.Parameter]:
        return list(self.segmenter.encoder.parameters())

    def forward(self, luma: Tensor) -> Tensor:
        regions = torch.softmax(self.segmenter(luma.expand(-1, 3, -1, -1) * 2 - 1), dim=1)
        return self.unet(torch.cat((luma, regions), 1))
