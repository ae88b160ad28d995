"""The shipped networks: size, cost, shapes, and what their grid of colours promises."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from training.models import build, names
from training.models.abgrid import AbGrid
from training.models.unet import IMAGENET_MEAN, IMAGENET_STD, fold_grey, from_within

LIMITS = {"fast": (4.0e6, 2.5e9), "best": (8.1e6, 20.0e9)}


def cost(network: nn.Module, size: int = 256) -> int:
    """Multiply-accumulates of all convolutions for one picture of ``size`` squared."""
    total = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output.shape[2] * output.shape[3] * module.weight.numel()  # type: ignore

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 1, size, size))
    return total


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_size_and_cost(name: str) -> None:
    network = build(name)
    assert sum(p.numel() for p in network.parameters()) <= LIMITS[name][0]
    assert cost(network) <= LIMITS[name][1]


def test_shapes_and_registry() -> None:
    assert {"fast", "best"} <= set(names())
    network = build("fast").eval()
    assert network(torch.zeros(2, 1, 64, 96)).shape == (2, 2, 16, 24)
    with pytest.raises(ValueError, match="known: "):
        build("fastest")


def gamut_colours() -> torch.Tensor:
    from training.color import rgb_to_lab

    rgb = torch.rand((1, 3, 40, 40), generator=torch.Generator().manual_seed(0))
    return rgb_to_lab(rgb)[:, 1:].clamp(-70, 80)


def test_soft_labels_keep_the_colour_and_are_probabilities() -> None:
    grid, ab = AbGrid(), gamut_colours()
    numbers, weights = grid.encode(ab)
    assert torch.allclose(weights.sum(1), torch.ones(1, 40, 40))
    mean = (grid.nodes[:, numbers] * weights).sum(2).transpose(0, 1)
    assert (mean - ab).abs().max() < 1e-3


def test_perfect_logits_decode_to_the_colour_and_minimise_the_loss() -> None:
    grid, ab = AbGrid(), gamut_colours()
    numbers, weights = grid.encode(ab)
    label = torch.zeros(1, len(grid), 40, 40).scatter_add_(1, numbers, weights)
    logits = torch.log(label + 1e-9)
    assert (grid.decode(logits, 1.0, 0.0) * 110 - ab).abs().max() < 1e-2
    for rebalance in (0.0, 0.5):
        least = grid.cross_entropy(logits, ab, rebalance)
        assert least < grid.cross_entropy(logits * 0.5, ab, rebalance)
        assert least < grid.cross_entropy(torch.zeros_like(logits), ab, rebalance)


def test_first_convolution_on_grey_equals_the_one_on_rgb() -> None:
    rng = torch.Generator().manual_seed(2)
    kernel = torch.rand((4, 3, 7, 7), generator=rng) - 0.5
    norm = {"bn1.running_mean": torch.zeros(4)}
    folded = fold_grey({"conv1.weight": kernel} | norm)
    luma = torch.rand((1, 1, 32, 32), generator=rng) * 2 - 1
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    full = nn.functional.conv2d(((luma + 1) / 2 - mean) / std, kernel)
    ours = nn.functional.conv2d(luma, folded["conv1.weight"])
    ours = ours - folded["bn1.running_mean"].view(1, 4, 1, 1)
    assert torch.allclose(full, ours, atol=1e-4)


def test_the_outermost_pixels_are_those_beside_them() -> None:
    x = torch.arange(2 * 6 * 5, dtype=torch.float32).view(1, 2, 6, 5)
    expected = torch.nn.functional.pad(x[:, :, 1:-1, 1:-1], (1, 1, 1, 1), mode="replicate")
    assert torch.equal(from_within(x), expected)
