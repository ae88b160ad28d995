"""The networks that fastcolor ships: a ResNet trunk with a light additive decoder.

Input ``luma`` (N,1,h,w) = L*/50 - 1, h and w multiples of 32. Output ``ab`` in
units of 110 at a quarter of the input's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, resnet18

from training.color import AB_UNIT
from training.models import register
from training.models.abgrid import AbGrid

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def conv_bn_relu(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _shortcut(inputs: int, outputs: int) -> nn.Sequential:
    """Halving shortcut that averages instead of skipping pixels."""
    return nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
    )


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def from_within(x: Tensor) -> Tensor:
    """The outermost pixels taken from those beside them.

    There a network sees its own zero padding: it can tell that it is at the border, and a loss
    that judges whole pictures may be lowered by a bright line along it.
    """
    x = x[:, :, 1:-1, 1:-1]
    x = torch.cat((x[:, :, :1], x, x[:, :, -1:]), 2)  # exported, F.pad would be ten nodes
    return torch.cat((x[..., :1], x, x[..., -1:]), 3)


def fold_grey(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ResNet weights for normalised RGB turned into weights for one plane in [-1,1].

    The first convolution sees grey/2 + 1/2 in every channel; its response to the
    constant part moves into the running mean of the batch norm that follows.
    """
    state = {name: value.float() for name, value in state.items()}
    kernel = state["conv1.weight"]
    std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    constant = (kernel * ((0.5 - mean) / std)).sum((1, 2, 3))
    state["conv1.weight"] = (kernel * 0.5 / std).sum(1, keepdim=True)
    state["bn1.running_mean"] = state["bn1.running_mean"] - constant
    return state


class ColorUNet(nn.Module):
    """Grey picture in, probabilities over ab nodes (or their annealed mean) out.

    ``blocks``: residual blocks per stage at 1/4, 1/8, 1/16, 1/32; ``top``: channels
    of the last stage; ``widths``: decoder channels at 1/16, 1/8, 1/4.
    ``temperature`` and ``emphasis`` choose how vivid `forward` answers; they are
    free after training (see `AbGrid.decode`). ``working_size`` is advice to the engine.
    """

    multiple_of = 32
    chroma_divisor = 4
    has_full = True
    own_losses = ("ab_nodes",)

    def __init__(
        self,
        blocks: Sequence[int] = (1, 2, 2, 1),
        top: int = 192,
        widths: Sequence[int] = (96, 64, 48),
        temperature: float = 0.5,
        emphasis: float = 0.0,
        working_size: int = 256,
    ) -> None:
        super().__init__()
        self.working_size = working_size
        trunk = resnet18()
        self.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = trunk.bn1
        self.layer1 = trunk.layer1[: blocks[0]]
        self.layer2 = trunk.layer2[: blocks[1]]
        self.layer3 = trunk.layer3[: blocks[2]]
        self.layer2[0].downsample = _shortcut(64, 128)
        self.layer3[0].downsample = _shortcut(128, 256)
        self.layer4 = nn.Sequential(
            BasicBlock(256, top, 2, _shortcut(256, top)),
            *(BasicBlock(top, top) for _ in range(blocks[3] - 1)),
        )
        self.scene = nn.Linear(top, top)
        w16, w8, w4 = widths
        self.lateral32 = conv_bn_relu(top, w16, 1)
        self.lateral16 = conv_bn_relu(256, w16, 1)
        self.fuse16 = conv_bn_relu(w16, w16, 3)
        self.down16 = conv_bn_relu(w16, w8, 1)
        self.lateral8 = conv_bn_relu(128, w8, 1)
        self.fuse8 = conv_bn_relu(w8, w8, 3)
        self.down8 = conv_bn_relu(w8, w4, 1)
        self.lateral4 = conv_bn_relu(64, w4, 1)
        self.fuse4 = conv_bn_relu(w4, w4, 3)
        self.grid = AbGrid()
        self.head = nn.Conv2d(w4, len(self.grid), 1)
        self.temperature = temperature
        self.emphasis = emphasis

    def load_trunk(self, state: dict[str, Tensor]) -> list[str]:
        """Take ResNet-18 weights (torchvision names); returns the trunk names left as they were."""
        state = fold_grey(state)
        for layer in ("layer2", "layer3"):
            for name in [n for n in state if n.startswith(f"{layer}.0.downsample.")]:
                parts = name.split(".")
                parts[3] = str(int(parts[3]) + 1)
                state[".".join(parts)] = state.pop(name)
        own = self.state_dict()
        taken = {n: v for n, v in state.items() if n in own and own[n].shape == v.shape}
        self.load_state_dict(taken, strict=False)
        trunk = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
        return [
            n for n in own if n.split(".")[0] in trunk and n not in taken and "num_batches" not in n
        ]

    def trunk_parameters(self) -> list[nn.Parameter]:
        """Parameters that may come from a pretrained file and want a smaller step."""
        parts = (self.conv1, self.bn1, self.layer1, self.layer2, self.layer3)
        return [p for part in parts for p in part.parameters()]

    @torch.no_grad()
    def measure_prior(self, targets: Iterable[Tensor]) -> None:
        """Set the nodes' prior from true ``ab`` batches."""
        total = torch.zeros_like(self.grid.prior)
        for ab in targets:
            total += self.grid.frequencies(ab * AB_UNIT)
        self.grid.prior.copy_(total / total.sum())

    def logits(self, luma: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(luma)))
        x4 = self.layer1(F.max_pool2d(x, 3, 2, 1))
        x8 = self.layer2(x4)
        x16 = self.layer3(x8)
        x32 = self.layer4(x16)
        x32 = x32 + self.scene(x32.mean((2, 3)))[:, :, None, None]
        y = self.fuse16(double(self.lateral32(x32)) + self.lateral16(x16))
        y = self.fuse8(double(self.down16(y)) + self.lateral8(x8))
        y = self.fuse4(double(self.down8(y)) + self.lateral4(x4))
        return self.head(y)

    def forward(
        self, luma: Tensor, full: bool = False, answer: bool = True
    ) -> Tensor | dict[str, Tensor]:
        """``ab``; with ``full`` a dict of ``logits`` and, if ``answer``, ``ab``."""
        logits = self.logits(luma)
        if full and not answer:
            return {"logits": logits}
        ab = self.grid.decode(logits.float(), self.temperature, self.emphasis)
        ab = from_within(ab)
        return {"ab": ab, "logits": logits} if full else ab

    def own_loss(
        self, name: str, outputs: dict[str, Tensor], target: Tensor, **kwargs: Any
    ) -> Tensor:
        """``ab_nodes``, cross entropy over the nodes (see `AbGrid.cross_entropy`)."""
        assert name in self.own_losses
        return self.grid.cross_entropy(outputs["logits"], target * AB_UNIT, **kwargs)


@register("fast")
def fast(**kwargs: object) -> ColorUNet:
    """The small shipped colouriser."""
    return ColorUNet(**kwargs)  # type: ignore[arg-type]


@register("best")
def best(
    blocks: Sequence[int] = (2, 2, 2, 2),
    top: int = 320,
    widths: Sequence[int] = (192, 160, 128),
    **kwargs: object,
) -> ColorUNet:
    """The large shipped colouriser; with ``fast`` it stays under 24 MB as fp16."""
    return ColorUNet(blocks, top, widths, **kwargs)  # type: ignore[arg-type]
