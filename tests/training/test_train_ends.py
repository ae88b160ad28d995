"""Runs that are stopped, go wrong or are asked for what cannot be: nothing learned is lost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from generated import folder, recipe
from test_train import environment, options, same
from training import checkpoint, run, validation
from training.loop import NO_STEP
from training.recipe import load
from training.run import Places, Run
from training.train import main


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("FASTCOLOR_WEIGHTS", "")


def steps_of(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (path / "log.jsonl").read_text().splitlines()]


def changed(path: Path, before: str, after: str) -> Path:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_a_checkpoint(tmp_path: Path, number: signal.Signals) -> None:
    recipe(folder(tmp_path) / "mini.toml", steps=100_000)
    command = [sys.executable, "-m", "training.train", *options(tmp_path, "out")]
    with subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as victim:  # fmt: skip
        while not (tmp_path / "out/log.jsonl").exists():  # its first row comes after 50 steps
            assert victim.poll() is None, victim.communicate()[1]
            time.sleep(0.01)
        victim.send_signal(number)
        _, err = victim.communicate(timeout=60)
    assert victim.returncode == 128 + number
    assert "with --resume the same command goes on" in err and "Traceback" not in err
    reached = checkpoint.load(tmp_path / "out/last.pt")["step"]
    assert steps_of(tmp_path / "out")[-1] == reached >= 50


def test_an_adversary_is_restored(tmp_path: Path) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=4)
    path.write_text(
        path.read_text()
        + '[discriminator]\nname = "patch"\ndowns = 1\nwidth = 8\nlr = 1e-3\nweight = 0.1\n'
    )
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path)
    whole, first, second = (Run(load(path), places, torch.device("cpu")) for _ in range(3))
    for each, count in ((whole, 4), (first, 2)):
        each.begin()
        for _ in range(count):
            each.step()
    checkpoint.save(tmp_path / "half.pt", first.state())
    second.restore(checkpoint.load(tmp_path / "half.pt"))
    for _ in range(2):
        second.step()
    assert same(whole.network.state_dict(), second.network.state_dict())
    assert same(*(r.adversary.network.state_dict() for r in (whole, second)))


def test_what_is_no_number_replaces_nothing(tmp_path: Path, capsys) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=2)
    assert main(options(tmp_path, "out")) == 0
    before = (tmp_path / "out/last.pt").read_bytes()
    changed(path, "steps = 2", "steps = 9")
    changed(path, "[schedule]", "[optim]\nlr = 1e30\nclip = 1e30\n[schedule]")
    assert main([*options(tmp_path, "out"), "--resume"]) == 5
    assert "no number any more" in capsys.readouterr().err
    assert (tmp_path / "out/last.pt").read_bytes() == before
    for line in (tmp_path / "out/log.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(name))


def test_a_finished_run_is_not_begun_anew_unasked(tmp_path: Path, capsys) -> None:
    recipe(folder(tmp_path) / "mini.toml", steps=2)
    assert main(options(tmp_path, "out")) == 0
    before = (tmp_path / "out/last.pt").read_bytes()
    assert main(options(tmp_path, "out")) == 2
    assert "--resume goes on from it, --restart begins anew" in capsys.readouterr().err
    assert (tmp_path / "out/last.pt").read_bytes() == before
    assert main([*options(tmp_path, "out"), "--restart"]) == 0
    assert steps_of(tmp_path / "out") == [2]


def test_rows_of_steps_that_are_taken_again_go(tmp_path: Path) -> None:
    recipe(folder(tmp_path) / "mini.toml", steps=3)
    (tmp_path / "out").mkdir()
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path / "out")
    first = Run(load(tmp_path / "mini.toml"), places, torch.device("cpu"))
    first.begin()
    first.step()
    first.checkpoint()
    log = tmp_path / "out/log.jsonl"
    log.write_text(log.read_text() + '{"step": 2, "loss": 9}\n{"step": 3, "lo')  # then a kill
    assert main([*options(tmp_path, "out"), "--resume"]) == 0
    assert steps_of(tmp_path / "out") == [1, 3]


def test_a_changed_recipe_is_told_and_another_network_refused(tmp_path: Path, capsys) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=2)
    assert main(options(tmp_path, "out")) == 0
    changed(path, "steps = 2", "steps = 3")
    assert main([*options(tmp_path, "out"), "--resume"]) == 0
    assert "the recipe has changed since" in capsys.readouterr().err
    changed(path, "top = 32", "top = 48")
    assert main([*options(tmp_path, "out"), "--resume"]) == 2
    err = capsys.readouterr().err
    assert "another network" in err and err.count("\n") == 1
    (tmp_path / "out/last.pt").write_bytes(b"text")
    assert main([*options(tmp_path, "out"), "--resume"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('name = "fast"', 'name = "quick"', "quick"),
        ("top = 32", "tip = 32", "tip"),
        ("film = 0.5", "flim = 0.5", "flim"),
        ('name = "ab_nodes"', 'name = "ab_knots"', "no loss is called 'ab_knots'"),
        ('name = "ab_nodes"\nrebalance = 0.5', 'name = "l1"\nweihgt = 2', "no weihgt"),
        ('name = "mini"', "", "has no name"),
        ("batch = 4", 'batch = "4"', "batch must be like 32, got '4'"),
        ("steps = 6", 'clock = "minute"', "clock must be steps or minutes"),
        ('name = "ab_nodes"\nrebalance = 0.5', 'name = "perceptual"', "the perceptual loss needs"),
    ],
)
def test_mistakes_in_a_recipe_are_told_before_data_is_read(
    tmp_path: Path, before: str, after: str, words: str, capsys
) -> None:
    path = recipe(tmp_path / "mini.toml")
    path.write_text(path.read_text().replace(before, after, 1))
    weights = ["--weights", str(tmp_path / "none")]
    assert main([*options(tmp_path, "out"), *weights]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("--minutes", "0"), ("--minutes", "-1"), ("--stop-after", "nan"), ("--steps", "0")],
)
def test_no_time_is_not_all_the_time(tmp_path: Path, option: str, value: str, capsys) -> None:
    recipe(tmp_path / "mini.toml")
    with pytest.raises(SystemExit):
        main([*options(tmp_path, "out"), option, value])
    assert "must be more than 0" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--device", "abacus"), ("--out", "mini.toml")])
def test_what_cannot_be_used_is_one_sentence(tmp_path, option, value, capsys) -> None:
    recipe(folder(tmp_path) / "mini.toml")
    value = str(tmp_path / value) if option == "--out" else value
    assert main([*options(tmp_path, "out"), option, value]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_decoding_counts_in_the_bound_and_not_in_the_schedule(tmp_path, monkeypatch, capsys):
    path = recipe(folder(tmp_path) / "mini.toml")
    changed(path, "steps = 6", 'clock = "minutes"')
    now = [0.0]

    def ticking() -> float:
        now[0] += 1.0
        return now[0]

    opened = run.open_cache

    def slowly(*given):
        now[0] += 100.0
        return opened(*given)

    monkeypatch.setattr(run.time, "monotonic", ticking)
    monkeypatch.setattr(run, "open_cache", slowly)
    assert main([*options(tmp_path, "slot"), "--minutes", "1"]) == NO_STEP
    assert "no step was taken" in capsys.readouterr().err
    assert not (tmp_path / "slot/last.pt").exists()
    assert main([*options(tmp_path, "out"), "--minutes", "3"]) == 0
    state = checkpoint.load(tmp_path / "out/last.pt")
    assert 60 < state["seconds"] < 100  # of 180 seconds a hundred went for decoding
    assert re.search(r"stopped at step \d+, [34]\d% of the schedule", capsys.readouterr().err)


def test_best_is_the_lowest_error_of_its_stage(tmp_path: Path, monkeypatch) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=6, checkpoint_minutes=0.0)
    path.write_text(path.read_text() + "[[stage]]\nfrom = 0.5\nzoom = 1.0\n")
    errors = iter([0.5, 0.4, 0.9, 0.8, 0.7, 0.75, 0.76])
    monkeypatch.setattr(validation, "validate", lambda *given: {"val_error": next(errors)})
    assert main(options(tmp_path, "out")) == 0
    assert checkpoint.load(tmp_path / "out/best.pt")["step"] == 5
    assert checkpoint.load(tmp_path / "out/last.pt")["best"] == 0.7


def test_the_rate_and_what_rests(tmp_path: Path) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=10)
    path.write_text(path.read_text() + "[optim]\nlr = 0.01\ntrunk_lr = 0.001\nfrozen = 0.35\n")
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path)
    mine = Run(load(path), places, torch.device("cpu"))
    mine.begin()
    rates = []
    for _ in range(10):
        trunk = [value.clone() for value in mine.network.trunk_parameters()]
        mine.step()
        moved = any(not torch.equal(a, b) for a, b in zip(trunk, mine.network.trunk_parameters()))
        rates.append(sorted(group["lr"] for group in mine.optimizer.param_groups)[-1])
        assert moved == (mine.step_number > 4)
    cosine = [0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * step / 10)) for step in range(10)]
    expected = [0.01 * c * min(1, (n + 1) / 2) for n, c in enumerate(cosine)]
    assert rates == pytest.approx(expected)


def test_a_loss_begins_when_it_is_to(tmp_path: Path) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=4)
    changed(path, "[schedule]", '[[loss]]\nname = "l1"\nstart = 0.5\nweight = 3.0\n[schedule]')
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path)
    mine = Run(load(path), places, torch.device("cpu"))
    mine.begin()
    assert ["l1" in mine.step() for _ in range(4)] == [False, False, True, True]


def test_the_temporal_loss_is_given_clips(tmp_path: Path, capsys) -> None:
    path = recipe(folder(tmp_path) / "mini.toml", steps=2)
    changed(path, "[schedule]", '[[loss]]\nname = "temporal"\n[schedule]')
    assert main(options(tmp_path, "out")) == 2
    assert "the loss temporal needs clips" in capsys.readouterr().err
    changed(path, "batch = 4", "batch = 4\nframes = 2")
    assert main(options(tmp_path, "out")) == 0
    changed(path, "frames = 2", "frames = 3")
    assert main([*options(tmp_path, "out"), "--restart"]) == 2
    assert "whole clips" in capsys.readouterr().err


def test_a_clip_is_one_picture_a_little_moved(tmp_path: Path) -> None:
    recipe(folder(tmp_path) / "mini.toml")
    places = Places(tmp_path, tmp_path, tmp_path / "cache", tmp_path)
    part = replace(load(tmp_path / "mini.toml").data, frames=4, batch=8, zoom=1.0)
    source = Run(load(tmp_path / "mini.toml"), places, torch.device("cpu")).batches(part)
    moved = 0
    for step in range(20):
        crops = source.crops(step)
        for clip in (slice(0, 4), slice(4, 8)):
            assert len(set(crops.numbers[clip])) == len(set(crops.mirrored[clip])) == 1
            for place in (crops.top[clip], crops.left[clip]):
                assert np.abs(np.diff(place)).max() <= 2 and place.min() >= 0
                moved += int(np.abs(np.diff(place)).sum())
        assert crops.numbers[0] != crops.numbers[4]
    assert moved > 100
