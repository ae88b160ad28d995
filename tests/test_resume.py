"""Killed at any instant, the same command continues: nothing is lost, and nothing done twice."""

from __future__ import annotations

import collections
import json
import random
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import archives
import pytest


def run_and_kill(command: list[str], rng: random.Random) -> tuple[list[str], bool]:
    """Starts the job and kills it at a random instant; the items it said were done."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    )
    assert process.stdout is not None
    log = []
    awaited = rng.choice(["start", "begin", "begin", "done", "done"])
    if awaited == "start":  # while it imports, opens the journal, recovers
        time.sleep(rng.uniform(0.0, 1.0))
    else:
        for line in process.stdout:
            log.append(line)
            if f'"event": "{awaited}"' in line:
                break
        time.sleep(rng.uniform(0, 0.15 if awaited == "begin" else 0.03))
    process.kill()
    out, _ = process.communicate()
    log += [line for line in out.splitlines() if line.endswith("}")]
    done = [event["item"] for event in map(json.loads, log) if event["event"] == "done"]
    return done, process.returncode == 0


def identities(folder: Path) -> dict[Path, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith(".fastcolor-"):
            about = path.stat()
            found[path] = (about.st_ino, about.st_ctime_ns)
    return found


def kill_often(tmp_path: Path, items: int, kills: int, output: str, seed: int) -> None:
    source = archives.fill(tmp_path / "in", items)
    calm = archives.colorize(source, "-o", tmp_path / "calm" / output)
    assert calm.returncode == 0, calm.stderr
    rng = random.Random(seed)
    target = tmp_path / "harsh" / output
    command = archives.arguments(source, "-o", target, "--json-log", "--jobs", 2)
    known: dict[Path, tuple[int, int]] = {}
    finished: collections.Counter[str] = collections.Counter()
    killed = 0
    while killed < kills:
        done, completed = run_and_kill(command, rng)
        assert not completed, f"the job ended before kill {killed}: make it longer"
        finished.update(done)
        killed += 1
        now = identities(target) if target.is_dir() else {}
        for path, identity in known.items():
            assert now.get(path) == identity, f"{path} was written twice"
        known = now
    last = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert last.returncode == 0, last.stderr
    log = [json.loads(line) for line in last.stdout.splitlines()]
    finished.update(event["item"] for event in log if event["event"] == "done")
    assert max(finished.values()) == 1, [name for name, n in finished.items() if n > 1]
    assert not archives.leftovers(tmp_path)
    if target.is_dir():
        for path, identity in known.items():
            assert identities(target)[path] == identity
        assert archives.tree(target) == archives.tree(tmp_path / "calm" / output)
        assert len(archives.tree(target)) == items
    else:
        assert target.read_bytes() == (tmp_path / "calm" / output).read_bytes()
    again = subprocess.run(command, capture_output=True, text=True, timeout=300)
    events = collections.Counter(json.loads(line)["event"] for line in again.stdout.splitlines())
    assert (events["done"], events["skipped"]) == (0, items)


def test_killed_at_random_instants(tmp_path):
    kill_often(tmp_path, items=60, kills=4, output="out", seed=1)


def test_killed_while_a_zip_grows(tmp_path):
    kill_often(tmp_path, items=40, kills=3, output="out.zip", seed=2)
    assert zipfile.ZipFile(tmp_path / "harsh" / "out.zip").testzip() is None


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_killed_while_names_meet(tmp_path, output):
    """Copied pictures give names back, others keep them: kills change nothing about it."""
    source = tmp_path / "in"
    source.mkdir()
    for number in range(12):
        first = archives.colour_jpeg(number) if number % 3 else archives.jpeg(number)
        (source / f"{number:02}.jpg").write_bytes(first)
        (source / f"{number:02}.png").write_bytes(archives.png(number))
    given = ("--format", "png", "--jobs", 2)  # full size: slow enough to be killed
    calm = archives.colorize(source, "-o", tmp_path / "calm" / output, *given)
    assert calm.returncode == 1
    words = "12 coloured, 8 copied (in colour already), 4 failed"
    assert words in calm.stdout
    target = tmp_path / "harsh" / output
    command = archives.arguments(source, "-o", target, *given, "--json-log")
    rng = random.Random(3)
    killed = [not run_and_kill(command, rng)[1] for _ in range(2)]
    assert any(killed)
    last = archives.colorize(source, "-o", target, *given)
    assert last.returncode == 1
    assert words in last.stdout
    expected = tmp_path / "calm" / output
    if target.is_dir():
        assert archives.tree(target) == archives.tree(expected)
    else:
        assert target.read_bytes() == expected.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out", "out.zip", "out.tar"])
def test_killed_fifty_times_over_five_hundred_items(tmp_path, output):
    kill_often(tmp_path, items=500, kills=50, output=output, seed=len(output))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_finishes_what_is_in_work_and_says_how_to_go_on(tmp_path, number):
    source = archives.fill(tmp_path / "in", 300)
    command = archives.arguments(source, "-o", tmp_path / "out", *archives.QUICK, "--jobs", 2)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out").is_dir() or len(list((tmp_path / "out").rglob("*.jpg"))) < 5:
        time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "stopping: what is in work will be finished" in err
    assert "the same command goes on" in out
    some = archives.tree(tmp_path / "out")
    assert 5 <= len(some) < 300
    assert not archives.leftovers(tmp_path)
    rest = archives.colorize(source, "-o", tmp_path / "out", *archives.QUICK)
    assert rest.returncode == 0
    assert f"{len(some)} of them by former runs" in rest.stdout
    assert len(archives.tree(tmp_path / "out")) == 300


def test_second_stop_ends_at_once(tmp_path):
    source = archives.fill(tmp_path / "in", 40)
    command = archives.arguments(source, "-o", tmp_path / "out", "--jobs", 1)  # full size: slow
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out").is_dir() or not list((tmp_path / "out").rglob("*.jpg")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "stop" in err
    assert archives.colorize(source, "-o", tmp_path / "out").returncode == 0
    assert len(archives.tree(tmp_path / "out")) == 40
    assert not archives.leftovers(tmp_path)
