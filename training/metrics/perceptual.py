"""LPIPS and FID from local files: nothing is downloaded.

Both trunks are optional. `lpips_or_none` and `fid_or_none` return None with the reason
when a file or a library is absent, so that an evaluation goes on without the column.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from .. import paths

Lpips = Callable[[Tensor, Tensor], Tensor]
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


def load_lpips(net: str, trunk: Path, heads: Path) -> Lpips:
    """LPIPS v0.1 on (N, 3, h, w) sRGB in [0, 1] -> (N,), with trunk and heads from files."""
    import lpips

    with warnings.catch_warnings():  # lpips calls torchvision in its old style
        warnings.simplefilter("ignore", UserWarning)
        model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    _set_trunk(model.net, _load_state(trunk))
    model.load_state_dict(_load_state(heads), strict=False)
    model.eval().requires_grad_(False)

    def distance(first: Tensor, second: Tensor) -> Tensor:
        return model(first, second, normalize=True).flatten()

    return distance


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
    return load_lpips(net, trunk, heads), ""


class Fid:
    """Frechet distance over features of a TorchScript trunk: uint8 (N, 3, h, w) -> (N, d)."""

    def __init__(self, trunk: Path) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance

        net = torch.jit.load(str(trunk), map_location="cpu").eval()
        self._metric = FrechetInceptionDistance(feature=net)

    def update(self, picture: Tensor, truth: Tensor) -> None:
        for image, real in ((picture, False), (truth, True)):
            self._metric.update((image[None] * 255).round().to(torch.uint8), real=real)

    def compute(self) -> float:
        return float(self._metric.compute())
