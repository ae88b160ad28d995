"""What "auto" takes once the engines were measured on this machine, and until when."""

from __future__ import annotations

import json
import re
from importlib import metadata

import onnx_files
import pytest
from engines_here import HERE
from test_cli import fastcolor_command

from fastcolor.bench import measure
from fastcolor.engines import _cache, _ranking, choose, open_engine
from fastcolor.errors import EngineError
from fastcolor.models import load_spec


@pytest.fixture(autouse=True)
def _cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTCOLOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def spec(tmp_path):
    said = {"colour_errors": '{"bf16": [0.1, 1.0], "fp16": [0.9, 4.0]}'}
    return load_spec(onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny(), **said))


def row(engine, precision, *ms, device="cpu", cold=1.0, skipped=""):
    return [
        {"engine": engine, "precision": precision, "device": device, "cold_start_s": cold,
         "ms_per_image": each, "skipped": skipped}
        for each in ms
    ]  # fmt: skip


def test_auto_takes_the_fastest_that_is_there_and_good_enough(spec):
    before = choose(spec)
    rows = [
        *row("onnxruntime", "fp32", 4.0, 4.0),
        *row("openvino", "fp32", 2.0, 16.0),  # 5.7
        *row("torch-compile", "fp32", 1.0, 1.0, cold=40.0),  # at every start
        *row("tensorrt", "fp16", 0.1, 0.1, device="cuda"),
        *row("onnxruntime", "int8", 0.2, 0.2),
        *row("torch", "bf16", 0.5),  # failed in one case
        *row("torch-graphs", "", device="cuda", skipped="no GPU"),
    ]
    ranking = _ranking.remember(spec, rows, "2026-11-21")
    assert [each.engine for each in ranking.rows] == ["tensorrt", "onnxruntime", "openvino"]
    assert ranking.rows[2].ms_per_image == pytest.approx(32**0.5)
    assert _ranking.recall(spec) == ranking
    wanted = ("onnxruntime", "cpu", "fp32", "the fastest of 3 measured here on 2026-11-21")
    kind, *rest = choose(spec)
    assert (kind.name, *rest) == wanted
    with open_engine(spec) as engine:
        assert engine.choice.endswith("in fp32: the fastest of 3 measured here on 2026-11-21")
    with open_engine(spec, "onnxruntime", "cpu", "fp32") as engine:
        assert engine.choice.endswith(": named")
    _cache.clear()
    assert choose(spec) == before


def test_nothing_measured_is_nothing_remembered(spec):
    for rows in ([], row("torch", "fp32", skipped="no torch"), row("torch", "fp32", 1.0, cold=99)):
        with pytest.raises(EngineError, match="no engine was measured for tiny: there is nothing"):
            _ranking.remember(spec, rows, "2026-11-21")
    assert _ranking.recall(spec) is None


def test_an_engine_that_is_no_more_is_passed_over(spec):
    before = choose(spec)
    _ranking.remember(spec, row("abacus", "fp32", 1.0), "2026-11-21")
    assert choose(spec) == before


@pytest.mark.skipif("torch" not in HERE, reason="PyTorch is not installed")
def test_only_precisions_that_auto_may_take(spec):
    rows = [*row("torch", "fp16", 1.0), *row("torch", "bf16", 2.0), *row("torch", "fp32", 3.0)]
    _ranking.remember(spec, rows, "2026-11-21")
    assert choose(spec)[2] == "bf16"
    assert choose(spec, precision="fp32")[0].name == "torch"
    assert choose(spec, device="cpu", precision="bf16")[3].startswith("the fastest of 3")


@pytest.mark.parametrize("change", ["cpu", "cpus", "library", "model"])
def test_it_ends_when_something_changes(spec, tmp_path, monkeypatch, change):
    _ranking.remember(spec, row("onnxruntime", "fp32", 1.0), "2026-11-21")
    assert _ranking.recall(spec) is not None
    if change == "cpu":
        monkeypatch.setattr(measure, "cpu_name", lambda: "another")
    if change == "cpus":
        monkeypatch.setattr(measure, "cpu_count", lambda: 1000)
    if change == "library":
        monkeypatch.setattr(metadata, "version", lambda name: "9.9")
    if change == "model":
        graph = onnx_files.tiny()
        graph.tensors["b"].array[0] += 1
        spec = load_spec(onnx_files.write(tmp_path / "other.onnx", graph))
    assert _ranking.recall(spec) is None


def test_a_damaged_one_is_not_followed(spec):
    _ranking.remember(spec, row("onnxruntime", "fp32", 1.0), "2026-11-21")
    (entry,) = _cache.entries()
    content = entry.path.read_bytes()
    for damaged in (content[:-4], content.replace(b"onnxruntime", b"onnxrUntime"), b""):
        entry.path.write_bytes(damaged)
        with pytest.warns(_cache.CacheWarning, match="damaged or foreign"):
            assert "measured" not in choose(spec)[3]
        assert "measured" not in choose(spec)[3]  # and no second warning


def test_the_command_measures_remembers_and_says_so(spec, tmp_path):
    pytest.importorskip("typer")
    kept = {"FASTCOLOR_CACHE": str(tmp_path / "cache")}
    before = fastcolor_command("engines", "--model", spec.path, **kept)
    assert "not measured on this machine" in before.stdout
    refused = fastcolor_command("bench", "engines", "--remember", "--only", "torch", **kept)
    assert refused.returncode == 2
    if "torch" in HERE:
        return  # compiling takes its time; the rest is the same without it
    done = fastcolor_command(
        "bench", "engines", "--model", spec.path, "--sizes", "32", "--batches", "1",
        "--repetitions", 1, "--remember", **kept,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"auto takes (onnxruntime|openvino) on cpu in .*: the fastest of ", done.stdout
    )
    after = json.loads(fastcolor_command("engines", "--model", spec.path, "--json", **kept).stdout)
    assert after["auto"]["measured"]
    assert after["auto"]["why"].startswith("the fastest of ")
    listed = fastcolor_command("cache", "list", **kept).stdout
    assert "ranking" in listed
