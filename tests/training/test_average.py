"""The mean of two networks is between them, and is each of them at its ends."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from training import average, checkpoint, export
from training.models import build

MINI = {"name": "fast", "top": 32, "widths": [16, 16, 16]}
RECIPE = {"name": "mini", "kind": "colorizer", "sha256": "0"}


def saved(path: Path, seed: int) -> torch.nn.Module:
    """A network with batch norms that do something, as a checkpoint."""
    torch.manual_seed(seed)
    network = build(**MINI)
    network.train()
    for _ in range(5):
        network(torch.rand(4, 1, 64, 64) * 2 - 1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.uniform_(-1, 1)
    state = network.state_dict()
    kept = {"network": state, "average": copy.deepcopy(state), "model": MINI, "recipe": RECIPE}
    checkpoint.save(path, kept | {"step": 1, "seconds": 1.0})
    return network.eval()


@pytest.fixture
def two(tmp_path: Path) -> tuple[torch.nn.Module, torch.nn.Module]:
    first, second = saved(tmp_path / "a.pt", 1), saved(tmp_path / "b.pt", 2)
    export.export(tmp_path / "b.pt", tmp_path / "b.onnx")
    return first, second


def mixed(tmp_path: Path, share: float) -> torch.nn.Module:
    arguments = [str(tmp_path / "a.pt"), "--with", f"{tmp_path / 'b.onnx'}={share}"]
    assert average.main([*arguments, "-o", str(tmp_path / "c.pt")]) == 0
    return export.load_network(tmp_path / "c.pt", {})[0]


def test_the_ends_are_the_two_networks(tmp_path: Path, two) -> None:
    luma = torch.rand(1, 1, 64, 96) * 2 - 1
    with torch.no_grad():
        for share, network in zip((0, 1), two, strict=True):
            got = mixed(tmp_path, share).logits(luma)
            torch.testing.assert_close(got, network.logits(luma), rtol=1e-3, atol=1e-3)


def test_the_mean_is_of_what_is_computed(tmp_path: Path, two) -> None:
    """Not of the weights before their batch norms scale them, which says little."""
    folded = []
    for network in two:
        gain = network.bn1.weight / (network.bn1.running_var + network.bn1.eps).sqrt()
        folded.append(network.conv1.weight * gain[:, None, None, None])
    third = mixed(tmp_path, 0.25)
    gain = third.bn1.weight / (third.bn1.running_var + third.bn1.eps).sqrt()
    got = third.conv1.weight * gain[:, None, None, None]
    torch.testing.assert_close(got, folded[0] * 0.75 + folded[1] * 0.25, rtol=1e-3, atol=1e-4)


def test_it_can_be_exported(tmp_path: Path, two) -> None:
    mixed(tmp_path, 0.5)
    assert export.export(tmp_path / "c.pt", tmp_path / "c.onnx") < 1e-4


@pytest.mark.parametrize("share", ["2", "-0.5", "half", ""])
def test_a_share_is_a_share(tmp_path: Path, two, share, capsys) -> None:
    arguments = [str(tmp_path / "a.pt"), "--with", f"{tmp_path / 'b.onnx'}={share}"]
    assert average.main([*arguments, "-o", str(tmp_path / "c.pt")]) == 1
    assert capsys.readouterr().err.startswith("average: ")
    assert not (tmp_path / "c.pt").exists()
