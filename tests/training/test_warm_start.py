"""Training goes on from an exported file, its batch norms restored."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from generated import folder, recipe
from torch import nn
from training import checkpoint, export
from training.recipe import load
from training.run import Places, Run
from training.train import main


def fresh(tmp_path: Path, out: str) -> Run:
    torch.set_num_threads(1)
    made = tmp_path / "mini.toml"
    plan = load(made if made.exists() else recipe(folder(tmp_path) / "mini.toml"))
    (tmp_path / out).mkdir()
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path / out)
    run = Run(plan, places, torch.device("cpu"))
    run.begin()
    return run


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Run, Path]:
    run = fresh(tmp_path, "first")
    for _ in range(3):
        run.step()
    run.average.network.load_state_dict(run.network.state_dict())
    checkpoint.save(tmp_path / "last.pt", run.state())
    model = tmp_path / "model.onnx"
    assert export.main([str(tmp_path / "last.pt"), "-o", str(model), "--storage", "fp16"]) == 0
    return run, model


def test_the_network_is_the_function_of_the_file(exported: tuple[Run, Path], tmp_path: Path):
    first, model = exported
    again = fresh(tmp_path, "again")
    again.start_from(model)
    luma = torch.rand(2, 1, 64, 96) * 2 - 1
    with torch.no_grad():
        expected = first.network.eval().logits(luma)
        got = again.average.network.eval().logits(luma)
    torch.testing.assert_close(got, expected, rtol=0.02, atol=0.02)  # weights were stored as fp16
    norms = [m for m in again.network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms and not all(torch.allclose(n.running_var, torch.ones(())) for n in norms)
    again.step()  # and trains


def test_another_network_is_refused(exported: tuple[Run, Path], tmp_path: Path, capsys) -> None:
    _, model = exported
    text = (tmp_path / "mini.toml").read_text()
    other = tmp_path / "other.toml"
    other.write_text(text.replace("top = 32", "top = 64"))
    arguments = [str(other), "--data", str(tmp_path), "--weights", str(tmp_path)]
    arguments += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "x")]
    assert main([*arguments, "--start-from", str(model), "--device", "cpu"]) == 2
    assert "another network" in capsys.readouterr().err
