"""Distance of features of a fixed, pretrained network.

Its weights are read from `paths.weights_dir()`; where they are absent the loss refuses,
because random features would silently train something else.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import paths
from ..color import AB_UNIT, lab_to_rgb

FILES = {
    "vgg19": "vgg19_normalised_relu3_1.safetensors",
    "squeezenet": "squeezenet1_1_imagenet.safetensors",
}


def pictures(planes: Tensor, luma: Tensor | None) -> Tensor:
    """sRGB (N, 3, h, w) of chroma, grey or colour planes; chroma needs `luma` in [-1, 1]."""
    if planes.shape[1] == 3:
        return planes
    if planes.shape[1] == 1:
        return planes.expand(-1, 3, -1, -1)
    if luma is None:
        raise ValueError("chroma makes a picture only together with luma")
    small = F.adaptive_avg_pool2d(luma, planes.shape[-2:])
    return lab_to_rgb(torch.cat(((small + 1) * 50, planes * AB_UNIT), 1))


def _reflecting_conv(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.ReLU()]


def vgg19() -> tuple[nn.Sequential, tuple[int, ...]]:
    """VGG-19 up to relu3_1 for RGB in [0, 1], and the layers after which features are taken."""
    layers = [nn.Conv2d(3, 3, 1), *_reflecting_conv(3, 64), *_reflecting_conv(64, 64)]
    layers += [nn.MaxPool2d(2), *_reflecting_conv(64, 128), *_reflecting_conv(128, 128)]
    layers += [nn.MaxPool2d(2), *_reflecting_conv(128, 256)]
    return nn.Sequential(*layers), (3, 6, 10, 13, 17)


class _Normalise(nn.Module):
    def forward(self, rgb: Tensor) -> Tensor:
        mean = rgb.new_tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
        return (rgb - mean) / rgb.new_tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


def squeezenet() -> tuple[nn.Sequential, tuple[int, ...]]:
    """SqueezeNet 1.1 features for RGB in [0, 1], and the layers that are compared."""
    from torchvision.models import squeezenet1_1

    return nn.Sequential(_Normalise(), *squeezenet1_1(weights=None).features), (2, 5, 8, 11)


@cache
def trunk(net: str, weights: Path, device: torch.device) -> tuple[nn.Sequential, tuple[int, ...]]:
    """A frozen trunk with its weights; FileNotFoundError names a missing file."""
    from safetensors.torch import load_file

    if net not in FILES:
        raise ValueError(f"no trunk is called {net!r}; known: {', '.join(FILES)}")
    path = weights / FILES[net]
    if not path.is_file():
        raise FileNotFoundError(f"the perceptual loss needs {path}")
    state = {key: value.float() for key, value in load_file(path).items()}
    if net == "vgg19":
        model, taps = vgg19()
        model.load_state_dict(state, strict=True)
    else:
        model, taps = squeezenet()
        moved = {k: v for k, v in state.items() if k.startswith("features.")}
        # Behind the normalisation every layer stands one place later.
        renamed = {f"{int(k.split('.')[1]) + 1}.{k.split('.', 2)[2]}": v for k, v in moved.items()}
        model.load_state_dict(renamed, strict=True)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return model.eval().requires_grad_(False).to(device), taps


def _features(rgb: Tensor, model: nn.Sequential, taps: tuple[int, ...]) -> list[Tensor]:
    found = []
    for number, layer in enumerate(model[: taps[-1] + 1]):
        rgb = layer(rgb)
        if number in taps:
            found.append(rgb)
    return found


def perceptual(
    prediction: Tensor, target: Tensor, luma: Tensor | None = None, net: str = "vgg19"
) -> Tensor:
    """Mean squared difference of features, averaged over layers."""
    model, taps = trunk(net, paths.weights_dir(), prediction.device)
    made = _features(pictures(prediction, luma), model, taps)
    with torch.no_grad():
        true = _features(pictures(target, luma), model, taps)
    parts = [
        F.mse_loss(a, b) / b.square().mean().clamp_min(1e-6)
        for a, b in zip(made, true, strict=True)
    ]
    return torch.stack(parts).mean()
