"""What the three kinds of network are given, asked for and judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from training.color import AB_UNIT, grey_to_lightness, lab_to_rgb, rgb_to_lab, srgb_to_linear
from training.degrade import Degrade, blank

Outputs = dict[str, Tensor]


@dataclass
class Batch:
    """``luma`` goes in, ``target`` should come out."""

    luma: Tensor
    target: Tensor


class Task(Protocol):
    output: str  # name of the network's output

    def batch(self, pixels: Tensor, degrade: Degrade, rng: Generator) -> Batch: ...

    def baseline(self, batch: Batch) -> Tensor:
        """The do-nothing answer, shaped like the target."""
        ...

    def error(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean error of each picture (N,)."""
        ...

    def picture(self, prediction: Tensor, batch: Batch) -> Tensor:
        """sRGB (N,3,h,w) to look at."""
        ...

    def view(self, prediction: Tensor, batch: Batch) -> Tensor:
        """What a discriminator sees, (N,c,h',w')."""
        ...


def linear_bytes(pixels: Tensor) -> Tensor:
    """uint8 sRGB to linear light through a table of 256 entries."""
    levels = torch.arange(256, device=pixels.device, dtype=torch.float32) / 255
    return srgb_to_linear(levels)[pixels.int()]


def shrink(planes: Tensor, factor: int) -> Tensor:
    """Smaller by a whole factor, bicubic with antialiasing."""
    if factor == 1:
        return planes
    size = (planes.shape[-2] // factor, planes.shape[-1] // factor)
    return F.interpolate(planes, size, mode="bicubic", antialias=True)


class Colorizer:
    """``luma`` L*/50 - 1 of a degraded grey -> true ``ab``/110 at 1/``divisor`` size."""

    output = "ab"

    def __init__(self, network: nn.Module) -> None:
        self.divisor = int(getattr(network, "chroma_divisor", 1))

    def batch(self, pixels: Tensor, degrade: Degrade, rng: Generator) -> Batch:
        grey = degrade(linear_bytes(pixels), rng)
        rgb = pixels.float() / 255
        # Averaging colour before and after the conversion costs a quarter of converting all.
        if self.divisor > 1:
            rgb = F.avg_pool2d(rgb, 2)
        ab = rgb_to_lab(rgb)[:, 1:]
        if self.divisor > 2:
            ab = F.avg_pool2d(ab, self.divisor // 2)
        if degrade.blanks:
            chosen = torch.rand(len(grey), generator=rng, device=grey.device) < degrade.blanks
            grey = torch.where(chosen[:, None, None, None], blank(grey, rng), grey)
            ab = ab * ~chosen[:, None, None, None]
        return Batch(grey_to_lightness(grey) / 50 - 1, ab / AB_UNIT)

    def baseline(self, batch: Batch) -> Tensor:
        return torch.zeros_like(batch.target)

    def error(self, prediction: Tensor, batch: Batch) -> Tensor:
        return (prediction - batch.target).mul(AB_UNIT).norm(dim=1).mean((1, 2))

    def picture(self, prediction: Tensor, batch: Batch) -> Tensor:
        ab = F.interpolate(prediction, batch.luma.shape[2:], mode="bicubic") * AB_UNIT
        return lab_to_rgb(torch.cat(((batch.luma + 1) * 50, ab), 1))

    def view(self, prediction: Tensor, batch: Batch) -> Tensor:
        return torch.cat((shrink(batch.luma, self.divisor), prediction), 1)


def small_bytes(pixels: Tensor, factor: int) -> Tensor:
    """uint8 sRGB shrunk as image programs and the benchmarks of this field do: as encoded."""
    return (shrink(pixels.float(), factor).clamp(0, 255) + 0.5).to(torch.uint8)


class Upscaler:
    """Grey in [0,1], shrunk by the network's ``scale`` and degraded -> the grey itself."""

    output = "luma"

    def __init__(self, network: nn.Module) -> None:
        self.scale = int(getattr(network, "scale", 1))

    def batch(self, pixels: Tensor, degrade: Degrade, rng: Generator) -> Batch:
        sharp = Degrade()(linear_bytes(pixels), rng)
        return Batch(degrade(linear_bytes(small_bytes(pixels, self.scale)), rng), sharp)

    def baseline(self, batch: Batch) -> Tensor:
        return F.interpolate(batch.luma, batch.target.shape[2:], mode="bicubic").clamp(0, 1)

    def error(self, prediction: Tensor, batch: Batch) -> Tensor:
        return (prediction - batch.target).abs().mean((1, 2, 3))

    def picture(self, prediction: Tensor, batch: Batch) -> Tensor:
        return prediction.clamp(0, 1).expand(-1, 3, -1, -1)

    def view(self, prediction: Tensor, batch: Batch) -> Tensor:
        return prediction


class Restorer(Upscaler):
    """Degraded small grey in [0,1] -> the large colour picture in [0,1]."""

    output = "rgb"

    def batch(self, pixels: Tensor, degrade: Degrade, rng: Generator) -> Batch:
        small = linear_bytes(small_bytes(pixels, self.scale))
        return Batch(degrade(small, rng), pixels.float() / 255)

    def baseline(self, batch: Batch) -> Tensor:
        return super().baseline(batch).expand(-1, 3, -1, -1)

    def picture(self, prediction: Tensor, batch: Batch) -> Tensor:
        return prediction.clamp(0, 1)


TASKS: dict[str, Any] = {"colorizer": Colorizer, "upscaler": Upscaler, "restorer": Restorer}
