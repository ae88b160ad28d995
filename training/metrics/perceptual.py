"""LPIPS and FID from local files: nothing is downloaded.

Both trunks are optional. `lpips_or_none` and `fid_or_none` return None with the reason
when a file or a library is absent, so that an evaluation goes on without the column.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import torch
from torch import Tensor

from .. import paths

TRUNKS = {"squeeze": "squeezenet1_1_imagenet.safetensors", "alex": "alexnet_imagenet.safetensors"}


def _load_state(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    return {key: value.float() for key, value in state.items()}


def _set_trunk(net: torch.nn.Module, state: dict[str, Tensor]) -> None:
    """Copy torchvision's `features.N...` into the `sliceK.N...` names of lpips."""
    own = net.state_dict()
    for key in own:
        own[key] = state[re.sub(r"^slice\d+\.", "features.", key)]
    net.load_state_dict(own, strict=True)


class Lpips:
    """LPIPS v0.1; the features of a truth can be kept and compared many times."""

    def __init__(self, net: str, trunk: Path, heads: Path) -> None:
        import lpips

        with warnings.catch_warnings():  # lpips calls torchvision in its old style
            warnings.simplefilter("ignore", UserWarning)
            model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        _set_trunk(model.net, _load_state(trunk))
        model.load_state_dict(_load_state(heads), strict=False)
        self._model = model.eval().requires_grad_(False)

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Normalised features per layer of (N, 3, h, w) sRGB in [0, 1]."""
        layers = self._model.net(self._model.scaling_layer(rgb * 2 - 1))
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in layers]

    def distance(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        """Distance per picture (N,) of two results of `features`."""
        pairs = zip(self._model.lins, first, second, strict=True)
        return torch.stack([head((a - b).square()).mean((1, 2, 3)) for head, a, b in pairs]).sum(0)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return self.distance(self.features(first), self.features(second))


def lpips_or_none(net: str, weights: Path | None = None) -> tuple[Lpips | None, str]:
    """The metric and an empty reason, or None and what is missing."""
    folder = weights or paths.weights_dir()
    try:
        import lpips  # noqa: F401
    except ImportError as error:
        return None, f"LPIPS: {error}"
    trunk, heads = folder / TRUNKS[net], folder / f"lpips_v0.1_{net}.safetensors"
    for path in (trunk, heads):
        if not path.is_file():
            return None, f"LPIPS-{net}: {path.name} is not in {folder}"
    return Lpips(net, trunk, heads), ""


class Fid:
    """Frechet distance over features of a TorchScript trunk: uint8 (N, 3, h, w) -> (N, d)."""

    def __init__(self, trunk: Path) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance

        with warnings.catch_warnings():  # TorchScript is what such trunks are published in
            warnings.simplefilter("ignore", FutureWarning)
            net = torch.jit.load(str(trunk), map_location="cpu").eval()
        self._metric = FrechetInceptionDistance(feature=net)

    def update(self, picture: Tensor, truth: Tensor) -> None:
        for image, real in ((picture, False), (truth, True)):
            self._metric.update((image[None] * 255).round().to(torch.uint8), real=real)

    def compute(self) -> float:
        return float(self._metric.compute())
