"""Runs: resuming equals not having stopped, logs and samples are written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from generated import folder, recipe
from training import checkpoint
from training.recipe import load
from training.run import Places, Run
from training.schedule import Clock
from training.train import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def options(root: Path, out: str) -> list[str]:
    return [
        str(root / "mini.toml"), "--data", str(root), "--cache", str(root / "cache"),
        "--out", str(root / out), "--device", "cpu", "--threads", "1",
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """In which a process of its own finds training, and the package where this one does."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_a_run_writes_log_samples_and_both_checkpoints(tmp_path: Path) -> None:
    recipe(folder(tmp_path) / "mini.toml", steps=3)
    assert main(options(tmp_path, "out")) == 0
    rows = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 3
    assert rows[-1]["val_error"] > 0
    assert list((tmp_path / "out/samples").glob("*.png"))
    for name in ("best.pt", "last.pt"):
        assert checkpoint.load(tmp_path / "out" / name)["step"] == 3


def test_restored_run_takes_the_same_steps(tmp_path: Path) -> None:
    plan = load(recipe(folder(tmp_path) / "mini.toml", steps=4))
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path)
    cpu = torch.device("cpu")
    undisturbed, first, second = (Run(plan, places, cpu) for _ in range(3))
    undisturbed.begin()
    first.begin()
    for _ in range(4):
        undisturbed.step()
    for _ in range(2):
        first.step()
    checkpoint.save(tmp_path / "half.pt", first.state())
    second.restore(checkpoint.load(tmp_path / "half.pt"))
    for _ in range(2):
        second.step()
    assert same(undisturbed.network.state_dict(), second.network.state_dict())
    assert same(undisturbed.average.network.state_dict(), second.average.network.state_dict())


def test_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    folder(tmp_path)
    recipe(tmp_path / "mini.toml", steps=10, checkpoint_minutes=0.0)
    command = [sys.executable, "-m", "training.train", *options(tmp_path, "killed")]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as victim:
        while not (tmp_path / "killed/last.pt").exists():
            assert victim.poll() is None, victim.communicate()[1]
            time.sleep(0.01)
        victim.send_signal(signal.SIGKILL)
    reached = checkpoint.load(tmp_path / "killed/last.pt")["step"]
    assert 0 < reached < 10
    assert main([*options(tmp_path, "killed"), "--resume"]) == 0
    assert main(options(tmp_path, "whole")) == 0
    ends = [checkpoint.load(tmp_path / name / "last.pt") for name in ("killed", "whole")]
    assert same(ends[0]["average"], ends[1]["average"])
    assert same(ends[0]["network"], ends[1]["network"])


def test_two_workers_share_a_run(tmp_path: Path) -> None:
    recipe(folder(tmp_path) / "mini.toml", steps=3, checkpoint_minutes=0.0)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *launcher, "-m", "training.train", *options(tmp_path, "two")]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=120)
    assert checkpoint.load(tmp_path / "two/last.pt")["step"] == 3
    rows = (tmp_path / "two/log.jsonl").read_text().splitlines()
    assert sum("val_error" in row for row in rows) == 4


def test_the_loss_falls(tmp_path: Path) -> None:
    plan = load(recipe(folder(tmp_path, 4) / "mini.toml", steps=30))
    run = Run(plan, Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path), torch.device("cpu"))
    run.begin()
    losses = [run.step()["loss"] for _ in range(30)]
    assert sum(losses[-5:]) < 0.98 * sum(losses[:5])


def test_no_data_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe(tmp_path / "mini.toml")
    assert main(options(tmp_path, "out")) == 3
    assert "no data" in capsys.readouterr().err


def test_pauses_do_not_count_as_time() -> None:
    now = [0.0]
    clock = Clock(now=lambda: now[0])
    for _ in range(200):
        now[0] += 1.0
        clock.tick()
    assert clock.seconds == 200
    now[0] += 10_000
    clock.tick()
    assert clock.seconds < 215


def test_a_cpu_clock_counts_work_and_not_waiting(tmp_path: Path) -> None:
    recipe(tmp_path / "mini.toml")
    plan = load(tmp_path / "mini.toml")
    places = Places(tmp_path, tmp_path, tmp_path, tmp_path)
    clock = Run(plan, places, torch.device("cpu"), cpu_clock=True).clock
    clock.tick()
    before = clock.seconds
    time.sleep(0.5)
    clock.tick()
    assert clock.seconds - before < 0.25
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    clock.tick()
    assert clock.seconds - before >= 0.3
