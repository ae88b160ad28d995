"""fastcolor engines, compile and cache, through real processes."""

from __future__ import annotations

import json

import onnx_files
import pytest
from test_cli import fastcolor_command, one_sentence

from fastcolor.engines import KINDS, problem_of

pytest.importorskip("typer", reason="the command line needs typer")


def test_engines_are_listed_with_what_they_lack():
    done = fastcolor_command("engines", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    pairs = {(row["engine"], row["device"]) for row in found["engines"]}
    assert pairs == {(kind.name, device) for kind in KINDS.values() for device in kind.devices}
    for row in found["engines"]:
        assert row["problem"] or (row["version"] and row["precisions"])
        here = problem_of(KINDS[row["engine"]], row["device"])
        assert bool(row["problem"]) == (here is not None)
    assert found["auto"]["engine"] in KINDS
    text = fastcolor_command("engines").stdout
    assert "auto takes" in text
    for name in KINDS:
        assert name in text


def test_compile_and_cache(tmp_path):
    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    kept = {"FASTCOLOR_CACHE": str(tmp_path / "cache")}
    done = fastcolor_command("compile", model, "--engine", "onnxruntime", **kept)
    assert done.returncode == 0, done.stderr
    assert "onnxruntime has nothing to keep" in done.stdout
    assert "0 engines, 0.0 MB" in fastcolor_command("cache", "list", **kept).stdout
    if problem_of(KINDS["openvino"], "cpu") is None:
        done = fastcolor_command("compile", model, "--engine", "openvino", **kept)
        assert ".engine" in done.stdout
        assert "was in the cache" in fastcolor_command("compile", model, **kept).stdout
        listed = fastcolor_command("cache", "list", "--json", **kept)
        assert json.loads(listed.stdout)["engines"][0]["key"]["engine"] == "openvino"
        assert "openvino" in fastcolor_command("cache", "list", **kept).stdout
        assert "removed 1 engines" in fastcolor_command("cache", "clear", **kept).stdout


def test_a_cache_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    if problem_of(KINDS["openvino"], "cpu"):
        pytest.skip("no engine here keeps anything")
    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    (tmp_path / "file").touch()
    kept = {"FASTCOLOR_CACHE": str(tmp_path / "file")}
    done = fastcolor_command("compile", model, "--engine", "openvino", **kept)
    assert done.returncode == 5
    warning, error = done.stderr.splitlines()
    assert warning.startswith("fastcolor: warning: no engine cache: ")
    assert error == f"fastcolor: error: the engine could not be kept in {tmp_path / 'file'}"
    assert "0 engines" in fastcolor_command("cache", "list", **kept).stdout


def test_mistakes_are_sentences(tmp_path):
    for arguments, code, message in [
        (["compile", "slow"], 8, "no model 'slow'"),
        (["compile", tmp_path / "none.onnx"], 8, "no model file"),
        (["compile", "fast", "--engine", "abacus"], 2, "engine must be one of"),
        (["engines", "--model", tmp_path], 8, "is a folder"),
    ]:
        done = fastcolor_command(*arguments)
        assert message in one_sentence(done)
        assert done.returncode == code
    for arguments in (["compile", "--max-batch", "3"], ["bench", "engines", "--sizes", "a,b"]):
        assert fastcolor_command(*arguments).returncode == 2
    if problem_of(KINDS["tensorrt"], "cuda") is not None:
        done = fastcolor_command("compile", "fast", "--engine", "tensorrt")
        assert "engine tensorrt cannot run fast here" in one_sentence(done)
        assert done.returncode == 3
