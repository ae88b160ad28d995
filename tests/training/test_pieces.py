"""Checkpoints that travel in pieces, and the script that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch
from generated import folder, recipe
from training import checkpoint, pieces
from training.recipe import load
from training.run import Places, Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    torch.set_num_threads(1)
    plan = load(recipe(folder(tmp_path) / "mini.toml"))
    run = Run(plan, Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path), torch.device("cpu"))
    run.begin()
    run.step()
    checkpoint.save(tmp_path / "last.pt", run.state())
    return run


def test_pieces_join_to_a_checkpoint_that_resumes(run: Run, tmp_path: Path) -> None:
    paths = pieces.split(tmp_path / "last.pt", tmp_path / "out", largest=400_000)
    assert len(paths) > 2
    assert all(path.stat().st_size <= 400_000 for path in paths)
    pieces.join(tmp_path / "out", tmp_path / "joined.pt")
    state = checkpoint.load(tmp_path / "joined.pt")
    for name, value in run.average.network.state_dict().items():
        torch.testing.assert_close(state["average"][name], value, rtol=1e-3, atol=1e-3)
    run.restore(state)
    assert run.step_number == 1
    run.step()


def test_a_missing_piece_is_noticed(run: Run, tmp_path: Path) -> None:
    paths = pieces.split(tmp_path / "last.pt", tmp_path / "out", largest=400_000)
    paths[1].unlink()
    with pytest.raises(ValueError, match="missing"):
        pieces.join(tmp_path / "out", tmp_path / "joined.pt")
    with pytest.raises(ValueError, match="no pieces"):
        pieces.join(tmp_path / "nowhere", tmp_path / "joined.pt")


def test_script_trains_from_what_was_carried(tmp_path: Path) -> None:
    """The part of gpu.sh that runs on the other machine, with a stand-in for nvidia-smi."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "training", checkout / "training")
    pictures = folder(tmp_path / "made") / "pictures"
    (checkout / ".carry/data").mkdir(parents=True)
    with tarfile.open(checkout / ".carry/data/small.tar", "w") as archive:
        for path in sorted(pictures.iterdir()):
            archive.add(path, path.name)
    plan = recipe(checkout / "mini.toml", steps=3)
    plan.write_text(plan.read_text().replace('"pictures"', '"*.tar"'))
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\necho one\n")
    (tools / "nvidia-smi").chmod(0o755)
    environment = os.environ | {
        "OUT": str(tmp_path / "out"), "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": "",
        "PATH": f"{tools}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    (tmp_path / "out").mkdir()
    command = ["sh", "training/gpu.sh", "train", "mini.toml", "5", "5"]
    subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["log.jsonl", "mini.pt.00", "samples.png"]
