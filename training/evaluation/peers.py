"""Published upscalers, from weights at hand: sRGB (1, 3, h, w) in [0, 1] -> the same, larger.

They serve comparison only. Each is written as a function over the tensors of its file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Upscale = Callable[[Tensor], Tensor]
State = dict[str, Tensor]


def _conv(state: State, name: str, x: Tensor, stride: int = 1, pad: int | None = None) -> Tensor:
    weight = state[f"{name}.weight"]
    padding = weight.shape[-1] // 2 if pad is None else pad
    return F.conv2d(x, weight, state.get(f"{name}.bias"), stride, padding)


def compact(state: State, rgb: Tensor) -> Tensor:
    """Real-ESRGAN compact: convolutions with PReLU over a nearest-neighbour shortcut."""
    last = max(int(name.split(".")[1]) for name in state)
    x = rgb
    for number in range(0, last, 2):
        x = F.prelu(_conv(state, f"body.{number}", x), state[f"body.{number + 1}.weight"])
    x = F.pixel_shuffle(_conv(state, f"body.{last}", x), 4)
    return x + F.interpolate(rgb, scale_factor=4.0, mode="nearest")


def _attention(state: State, name: str, x: Tensor) -> Tensor:
    narrow = _conv(state, f"{name}.conv1", x)
    pooled = F.max_pool2d(_conv(state, f"{name}.conv2", narrow, stride=2, pad=0), 7, 3)
    wide = F.interpolate(_conv(state, f"{name}.conv3", pooled), x.shape[2:], mode="bilinear")
    return x * torch.sigmoid(
        _conv(state, f"{name}.conv4", wide + _conv(state, f"{name}.conv_f", narrow))
    )


def rlfn(state: State, rgb: Tensor, scale: int) -> Tensor:
    """RLFN: blocks of three convolutions with spatial attention; values 0..255 inside."""
    first = x = _conv(state, "conv_1", rgb * 255)
    number = 1
    while f"block_{number}.c5.weight" in state:
        y = x
        for part in ("c1_r", "c2_r", "c3_r"):
            y = F.leaky_relu(_conv(state, f"block_{number}.{part}", y), 0.05)
        x = _attention(state, f"block_{number}.esa", _conv(state, f"block_{number}.c5", x + y))
        number += 1
    x = _conv(state, "conv_2", x) + first
    return F.pixel_shuffle(_conv(state, "upsampler.0", x), scale) / 255


def span(state: State, rgb: Tensor) -> Tensor:
    """SPAN: six blocks whose own features weigh them, joined by a convolution of one pixel."""
    mean = torch.tensor((0.4488, 0.4371, 0.4040)).view(1, 3, 1, 1)
    first = x = _conv(state, "conv_1.eval_conv", (rgb - mean) * 255)
    early = late = x
    for number in range(1, 7):
        name = f"block_{number}"
        late = _conv(state, f"{name}.c1_r.eval_conv", x)
        y = _conv(state, f"{name}.c2_r.eval_conv", F.silu(late))
        y = _conv(state, f"{name}.c3_r.eval_conv", F.silu(y))
        x = (y + x) * (torch.sigmoid(y) - 0.5)
        early = x if number == 1 else early
    x = _conv(state, "conv_2.eval_conv", x)
    joined = _conv(state, "conv_cat", torch.cat((first, x, early, F.silu(late)), 1))
    return F.pixel_shuffle(_conv(state, "upsampler.0", joined), 4)


def _from_opencv(path: Path, name: str, scale: int) -> Upscale:
    import cv2

    network = cv2.dnn_superres.DnnSuperResImpl_create()
    network.readModel(str(path))
    network.setModel(name, scale)

    def run(rgb: Tensor) -> Tensor:
        pixels = (rgb[0].permute(1, 2, 0) * 255).round().byte().numpy()
        large = network.upsample(np.ascontiguousarray(pixels[..., ::-1]))[..., ::-1]
        return torch.from_numpy(large.copy()).permute(2, 0, 1)[None].float() / 255

    return run


def _from_tensors(path: Path, build: Callable[[State, Tensor], Tensor]) -> tuple[Upscale, int]:
    from safetensors.torch import load_file

    state = {key: value.float() for key, value in load_file(path).items()}
    count = sum(value.numel() for value in state.values())
    return (lambda rgb: build(state, rgb)), count


def peers(scale: int, weights: Path) -> dict[str, tuple[Upscale, int]]:
    """Name -> function and number of parameters (0: unknown) of what `weights` has."""
    files: dict[str, tuple[str, Callable[[State, Tensor], Tensor]]] = {
        "RLFN": (
            "rlfn_ntire_x4.safetensors" if scale == 4 else "rlfn_x2.safetensors",
            lambda state, rgb: rlfn(state, rgb, scale),
        ),
    }
    if scale == 4:
        files["SPAN"] = ("span_ch28_x4.safetensors", span)
        files["Real-ESRGAN compact (general)"] = ("realesr-general-x4v3.safetensors", compact)
        files["Real-ESRGAN compact (anime video)"] = ("realesr-animevideov3.safetensors", compact)
    found = {
        name: _from_tensors(weights / file, build)
        for name, (file, build) in files.items()
        if (weights / file).is_file()
    }
    try:
        from cv2 import dnn_superres  # noqa: F401
    except ImportError:
        return found
    for name in ("FSRCNN", "ESPCN"):
        path = weights / f"{name}_x{scale}.pb"
        if path.is_file():
            found[name] = (_from_opencv(path, name.lower(), scale), 0)
    return found
