"""Networks that tell true pictures from made ones: (N, channels, h, w) -> scores.

Scores have been through no sigmoid. What they see is the task's business: L and ab of a
colouriser, RGB of a restorer, grey of an upscaler.
"""

from __future__ import annotations

from torch import Tensor, nn

from training.models import register


def _block(inputs: int, outputs: int, kernel: int, stride: int, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=not norm)
    ]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return [*layers, nn.LeakyReLU(0.2)]


@register("patch")
class PatchDiscriminator(nn.Sequential):
    """A score per patch: convolutions with batch norm, no pooling (pix2pix)."""

    def __init__(self, channels: int = 3, width: int = 64, downs: int = 3) -> None:
        layers = _block(channels, width, 4, 2, norm=False)
        inputs = width
        for number in range(1, downs + 1):
            outputs = width * min(2**number, 8)
            layers += _block(inputs, outputs, 4, 2 if number < downs else 1, norm=True)
            inputs = outputs
        super().__init__(*layers, nn.Conv2d(inputs, 1, 4, 1, 1))


@register("dense")
class DenseDiscriminator(nn.Module):
    """One score per picture: `blocks` halving convolutions, then dense layers.

    Features are averaged to 4 x 4 first, so that any size of at least 2**blocks pixels
    will do. `hidden` > 0 adds a dense layer of that many units before the last.
    """

    def __init__(
        self, channels: int = 3, width: int = 64, blocks: int = 4, hidden: int = 0
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for number in range(blocks):
            outputs = width * min(2**number, 8)
            layers += _block(inputs, outputs, 3, 2, norm=number > 0)
            inputs = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        dense: list[nn.Module] = [nn.Linear(16 * inputs, hidden or 1)]
        if hidden:
            dense += [nn.LeakyReLU(0.2), nn.Linear(hidden, 1)]
        self.dense = nn.Sequential(*dense)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.dense(self.features(pictures))
