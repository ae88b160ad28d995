"""Ctrl-C at any instant ends a command with one sentence, or with what a job says."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import archives
import pytest

SENTENCE = "fastcolor: interrupted\n"
AT_IMPORT = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastcolor.__main__ import main
main()
"""


def interrupted_at(module: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command that gets SIGINT when it begins to import this module."""
    line = [sys.executable, "-c", AT_IMPORT.format(name=module), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=cwd)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("fastcolor.cli", ("--version",)),
        ("fastcolor._core", ("--version",)),
        ("typer", ("--version",)),
        ("fastcolor.archive.pipeline", ("colorize", "in", "-o", "out")),
        ("fastcolor.jpeg", ("revert", "in", "-o", "out")),
        ("fastcolor.cli.doctor", ("doctor",)),
    ],
)
def test_while_modules_are_loaded(tmp_path, module, arguments):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(archives.jpeg(1))
    done = interrupted_at(module, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", SENTENCE)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_while_the_engine_is_opened_a_job_ends_in_order(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(archives.jpeg(1))
    line = ("colorize", "in", "-o", "out", "--engine", "onnxruntime", *archives.QUICK)
    done = interrupted_at("onnxruntime", *line, cwd=tmp_path)
    assert done.returncode == 130, done.stderr
    assert "stopping: what is in work will be finished" in done.stderr
    assert "Traceback" not in done.stderr
    assert "the same command goes on where it was left" in done.stdout
    assert archives.colorize(*line[1:], cwd=tmp_path).returncode == 0
    assert not archives.leftovers(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_revert_removes_what_it_began(tmp_path, number):
    source = archives.fill(tmp_path / "in", 60)
    assert archives.colorize(source, "-o", tmp_path / "c", *archives.QUICK).returncode == 0
    command = [
        sys.executable,
        "-m",
        "fastcolor",
        "revert",
        tmp_path / "c",
        "-o",
        tmp_path / "b.zip",
    ]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while not archives.leftovers(tmp_path) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, SENTENCE)
    assert not archives.leftovers(tmp_path)
    assert not (tmp_path / "b.zip").exists()
