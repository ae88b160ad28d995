"""Systems B and D1: ResNet encoders with a decoder for chroma (colorizers)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.losses.bins import bins_called
from training.models import register
from training.models.unet import fold_grey


def load_known(trunk: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Take the tensors whose names `trunk` knows; returns the names it lacks then."""
    own = trunk.state_dict()
    given = {k: v.float() for k, v in state.items() if k in own}
    nn.Module.load_state_dict(trunk, given, strict=False)
    return [k for k in own if k not in given and "num_batches" not in k]


def load_grey_resnet(trunk: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """ResNet weights for RGB (torchvision names) into a one-plane trunk; returns names left."""
    return load_known(trunk, fold_grey(state))


def up_block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear"),
    )


class ChromaHead(nn.Module):
    """The last convolution: chroma itself, or logits over the ab bins and their annealed mean."""

    centres: Tensor

    def __init__(self, inputs: int, classes: bool, temperature: float, bins: str) -> None:
        super().__init__()
        self.classes, self.temperature, self.bins = classes, temperature, bins
        self.conv = nn.Conv2d(inputs, len(bins_called(bins)) if classes else 2, 1)
        if not classes:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        out = self.conv(x)
        if not self.classes:
            return {"ab": out}
        logits = out.float()
        return {
            "logits": logits,
            "ab": bins_called(self.bins).annealed_mean(logits, self.temperature),
        }


class EncoderDecoder(nn.Module):
    """An encoder in `self.encoder`, four up blocks less those that `chroma_divisor` saves."""

    multiple_of = 16
    has_full = True

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        classes: bool = False,
        temperature: float = 0.38,
        bins: str = "gamut",
    ) -> None:
        super().__init__()
        self.chroma_divisor = 16 // 2 ** len(widths)
        blocks = []
        for width in widths:
            blocks.append(up_block(channels, width))
            channels = width
        self.decoder = nn.Sequential(*blocks)
        self.head = ChromaHead(channels, classes, temperature, bins)

    @property
    def temperature(self) -> float:
        return self.head.temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        self.head.temperature = value

    def encode(self, luma: Tensor) -> Tensor:
        return self.encoder(luma)  # type: ignore[operator]

    def forward(
        self, luma: Tensor, full: bool = False, answer: bool = True
    ) -> Tensor | dict[str, Tensor]:
        outputs = self.head(self.decoder(self.encode(luma)))
        return outputs if full else outputs["ab"]


@register("b_resnet18")
class ResNet18Decoder(EncoderDecoder):
    """B: ResNet-18 to stride 16, four blocks of conv, BN, ReLU and upsampling.

    With `classes` the output is a choice among the ab bins; two blocks fewer
    (`widths` of two) keep their many planes small.
    """

    def __init__(
        self,
        widths: Sequence[int] = (128, 64, 32, 16),
        classes: bool = False,
        temperature: float = 0.38,
        bins: str = "gamut",
    ) -> None:
        import timm

        super().__init__(256, widths, classes, temperature, bins)
        self.encoder = timm.create_model(
            "resnet18", pretrained=False, in_chans=1, features_only=True, out_indices=(3,)
        )

    def load_trunk(self, state: dict[str, Tensor]) -> list[str]:
        return load_grey_resnet(self.encoder, state)

    def trunk_parameters(self) -> list[nn.Parameter]:
        return list(self.encoder.parameters())

    def encode(self, luma: Tensor) -> Tensor:
        return self.encoder(luma)[0]


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width, 1), _conv(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


@register("b_resnet9")
class ResNet9Decoder(EncoderDecoder):
    """The real-time variant that B names: a nine-layer residual encoder, chroma at a quarter."""

    def __init__(self, widths: Sequence[int] = (64, 32), trunk: Sequence[int] = (32, 64, 128, 192)):
        super().__init__(trunk[3], widths)
        w1, w2, w3, w4 = trunk
        self.encoder = nn.Sequential(
            _conv(1, w1, 2), _conv(w1, w2, 2), _Residual(w2),
            _conv(w2, w3, 2), _conv(w3, w4, 2), _Residual(w4),
        )  # fmt: skip


@register("d1_unet")
class ResNet18UNet(nn.Module):
    """D1: the U-Net of segmentation-models-pytorch on ResNet-18; tanh chroma at full size."""

    multiple_of = 32

    def __init__(self) -> None:
        super().__init__()
        import segmentation_models_pytorch as smp

        self.unet = smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=2)
        nn.init.normal_(self.unet.segmentation_head[0].weight, std=0.01)  # nearly grey

    def load_trunk(self, state: dict[str, Tensor]) -> list[str]:
        return load_grey_resnet(self.unet.encoder, state)

    def trunk_parameters(self) -> list[nn.Parameter]:
        return list(self.unet.encoder.parameters())

    def forward(self, luma: Tensor) -> Tensor:
        return torch.tanh(self.unet(luma))
