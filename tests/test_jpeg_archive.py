"""The promise of the whole: what colorize made of a grey JPEG, revert undoes, byte for byte."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jpeg_corpus
import jpeg_files as files
import numpy as np
import pytest

from fastcolor import jpeg

pytest.importorskip("typer", reason="the command line needs typer")


def fastcolor(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fastcolor", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
    )


def readable(name: str) -> bool:
    """Files that end too early are refused or decoded in part; both are tested elsewhere."""
    return not any(word in name for word in ("cut", "lost", "wrong", "no EOI", "ends in FF"))


def written(folder: Path, every: int) -> dict[str, bytes]:
    variants = [*jpeg_corpus.corpus(), *jpeg_corpus.odd_structures()]
    twelve = np.tile(files.picture(400, 300), (10, 10))
    variants += [(f"12 MP {o}", files.encode(twelve, **o)) for o in ({}, {"progressive": True})]
    originals = {}
    for number, (name, file) in enumerate(variants):
        if number % every == 0 and readable(name):
            path = f"{number:04}-{re.sub('[^a-zA-Z0-9]+', '-', name)}.jpg"
            (folder / path).write_bytes(file)
            originals[path] = file
    return originals


def test_revert_tells_originals_from_luma_that_was_taken_over(tmp_path):
    (tmp_path / "in").mkdir()
    grey = files.picture(40, 30)
    (tmp_path / "in" / "grey.jpg").write_bytes(files.encode(grey))
    neutral = files.encode(np.stack([grey] * 3, axis=2))
    (tmp_path / "in" / "neutral.jpg").write_bytes(neutral)
    (tmp_path / "in" / "colour.jpg").write_bytes(files.colour(40, 30))
    size = ("--size", "32")
    done = fastcolor("colorize", tmp_path / "in", "-o", tmp_path / "once", *size)
    assert done.returncode == 0, done.stderr
    again = fastcolor("colorize", tmp_path / "once", "-o", tmp_path / "again", "--force", *size)
    assert again.returncode == 0, again.stderr
    for folder, count in (("once", "1 holds"), ("again", "2 hold")):
        done = fastcolor("revert", tmp_path / folder, "-o", tmp_path / f"{folder}-back")
        assert done.returncode == 0, done.stderr
        assert ": 1 restored" in done.stdout
        assert f"; {count} only the luma of a colour-encoded file" in done.stdout
        assert "neutral.jpg: only the luma" in done.stderr


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_revert_undoes_colorize(every, tmp_path):
    (tmp_path / "in").mkdir()
    originals = written(tmp_path / "in", every)
    assert len(originals) >= 500 // every
    done = fastcolor("colorize", tmp_path / "in", "-o", tmp_path / "colour", "--model", "fast")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in originals:
        assert jpeg.is_joined((tmp_path / "colour" / name).read_bytes()), name
    done = fastcolor("revert", tmp_path / "colour", "-o", tmp_path / "back")
    assert done.returncode == 0, done.stdout + done.stderr
    back = {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()}
    assert back == originals
