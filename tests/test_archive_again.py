"""fastcolor colorize: what it does where it was run before, and what it never replaces."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import archives
import onnx_files
import pytest
from archives import colour, make_archive

from fastcolor import jpeg
from fastcolor.archive import Settings, run
from fastcolor.archive.errors import JobError
from fastcolor.models import load_spec


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 12)


def test_running_again_does_only_what_changed(source, tmp_path):
    out = tmp_path / "out"
    colour(source, out)
    assert colour(source, out)[1].outcomes == {}
    (source / "more.jpg").write_bytes(archives.jpeg(50))
    (source / "box0" / "000003.jpg").write_bytes(archives.jpeg(51))
    (out / "box0" / "000004.jpg").unlink()
    done = {Path(label).name for label in colour(source, out)[1].outcomes}
    assert done == {"more.jpg", "000003.jpg", "000004.jpg"}
    assert jpeg.revert((out / "box0" / "000003.jpg").read_bytes()) == archives.jpeg(51)
    moved = source.rename(tmp_path / "moved")
    assert colour(moved, out)[1].outcomes == {}


def test_changed_settings_are_explained_and_restart_begins_anew(source, tmp_path):
    colour(source, tmp_path / "out")
    other = Settings(size=32, jobs=2, saturation=0.5, quality=70)
    own = re.escape(f"saturation {load_spec('fast').saturation:g}, now 0.5")
    with pytest.raises(JobError, match=f"quality 90, now 70; {own}.*--restart"):
        colour(source, tmp_path / "out", other)
    before = archives.tree(tmp_path / "out")
    assert colour(source, tmp_path / "out", other, restart=True)[0] == 0
    after = archives.tree(tmp_path / "out")
    assert set(after) == set(before)
    assert not set(after.values()) & {v for n, v in before.items() if n.endswith("jpg")}


def test_the_same_weights_in_another_network_are_another_model(source, tmp_path):
    plain = onnx_files.tiny()
    (node,) = plain.nodes
    bent = (replace(node, outputs=("x",)), onnx_files.Node("Tanh", ("x",), ("ab",), {}, ()))
    model = onnx_files.write(tmp_path / "m.onnx", plain)
    settings = Settings(model=str(model), jobs=2)
    colour(source, tmp_path / "out", settings)
    onnx_files.write(model, replace(plain, nodes=bent))
    with pytest.raises(JobError, match=r"model tiny \w+, now tiny \w+.*--restart"):
        colour(source, tmp_path / "out", settings)


def test_foreign_outputs_are_not_replaced(source, tmp_path):
    foreign = tmp_path / "out" / "box0" / "000002.jpg"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    code, heard = colour(source, tmp_path / "out")
    assert code == 1
    assert "is not of this job; --force" in heard.failures[str(source / "box0" / "000002.jpg")]
    assert foreign.read_text() == "mine"
    forced = Settings(size=32, force=True)
    assert colour(source, tmp_path / "out", forced)[0] == 0
    assert jpeg.is_joined(foreign.read_bytes())
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(JobError, match="--force"):
        colour(source, tmp_path / "out.zip")
    assert colour(source, tmp_path / "out.zip", forced)[0] == 0


def test_originals_are_never_replaced(source, tmp_path):
    before = archives.tree(source)
    with pytest.raises(JobError, match="is the input itself"):
        colour(source, source, Settings(force=True))
    _, heard = colour(
        [source / "box0" / "000001.jpg"], source / "box0", Settings(size=32, force=True)
    )
    assert "would replace an original" in next(iter(heard.failures.values()))
    with pytest.raises(JobError, match="one of the inputs"):
        colour(make_archive(tmp_path / "x.zip", "zip"), tmp_path / "x.zip", Settings(force=True))
    for name in before:
        assert archives.tree(source)[name] == before[name]


def test_output_around_the_input(tmp_path, monkeypatch):
    """-o . of a folder in the working folder, one of whose outputs would be another original."""
    work = tmp_path / "work"
    archives.fill(work / "in" / "in", 2)
    archives.fill(work / "in", 3)
    monkeypatch.chdir(work)
    before = archives.tree(work / "in")
    forced = Settings(size=32, force=True)
    outcome = run(["in"], ".", forced)
    assert outcome.counts["failed"] == 2
    assert all("would replace an original" in reason for _, reason in outcome.failures)
    assert archives.tree(work / "in") == before
    assert len(archives.tree(work / "box0")) == 3


def test_output_inside_the_input_does_not_feed_itself(source):
    before = set(archives.tree(source))
    for _ in range(2):
        assert colour(source, source / "coloured", report=source / "report.html")[0] == 0
    inside = {name for name in archives.tree(source) if name.startswith("coloured/")}
    assert inside == {f"coloured/{name}" for name in before}
