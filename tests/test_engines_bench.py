"""fastcolor bench engines: verified rows, reasons for what is missing, one self-contained page."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import onnx_files
import pytest

from fastcolor.bench import engines
from fastcolor.bench.flops import operations
from fastcolor.engines import KINDS, _cuda
from fastcolor.errors import ModelError, VerificationError
from fastcolor.models import load_spec

KEYS = {
    "engine", "precision", "device", "size", "batch", "ms_per_image", "images_per_s", "gflops",
    "ratio", "cold_start_s", "peak_mb", "error", "skipped",
}  # fmt: skip


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


def test_rows_and_page(tmp_path, monkeypatch, capsys):
    pytest.importorskip("typer")
    from fastcolor.cli.engines import bench_engines

    monkeypatch.setattr(engines, "MATRIX", 256)  # its speed is not what is tested
    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    bench_engines(
        model=str(model), sizes="32,64,32", batches="1,3", repetitions=2, only="onnxruntime",
        json_=tmp_path / "rows.json", html=tmp_path / "page.html",
    )  # fmt: skip
    result = json.loads((tmp_path / "rows.json").read_text())
    rows = [row for row in result["rows"] if not row["skipped"] and row["device"] == "cpu"]
    assert [(row["size"], row["batch"]) for row in rows] == [(32, 1), (32, 3), (64, 1), (64, 3)]
    for row in rows:
        assert row.keys() >= KEYS
        assert row["ms_per_image"] > 0
        assert row["images_per_s"] == pytest.approx(1e3 / row["ms_per_image"])
        assert 20 < row["peak_mb"] < 2000
        assert row["cold_start_s"] > 0
        assert row["error"] == 0
        assert row["peak_fraction"] > 0
    for row in result["rows"]:
        assert row["skipped"] or row["size"]
    assert all("onnxruntime" in row["engine"] for row in result["rows"])
    page = Page()
    page.feed((tmp_path / "page.html").read_text())
    assert page.links == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 4
    assert "32x32, batch 3" in capsys.readouterr().out


def test_interrupted_it_keeps_what_was_measured(tmp_path):
    pytest.importorskip("typer")
    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    batches = ",".join(map(str, range(1, 1000)))
    process = subprocess.Popen(
        [sys.executable, "-m", "fastcolor", "bench", "engines", "--model", model, "--sizes", "32",
         "--batches", batches, "--repetitions", "1", "--only", "onnxruntime",
         "--json", tmp_path / "rows.json", "--html", tmp_path / "page.html"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr.readline() == "measured cpu, 32x32, batch 1\n"
    process.send_signal(signal.SIGINT)
    said, problem = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "Traceback" not in problem
    assert "interrupted: these are the cases measured until then" in said
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert 1 <= sum(not row["skipped"] for row in rows) < 999
    assert "Interrupted: these are" in (tmp_path / "page.html").read_text()


def test_mistakes_are_told_before_anything_is_measured(tmp_path, monkeypatch):
    typer = pytest.importorskip("typer")
    from fastcolor.cli.engines import bench_engines

    (tmp_path / "file").touch()
    monkeypatch.setattr(engines, "run", lambda settings: pytest.fail("it was measured"))
    for options, error, message in [
        ({"sizes": "256,250"}, typer.BadParameter, "must be multiples of 32 for fast"),
        ({"only": "abacus"}, typer.BadParameter, "holds 'abacus'"),
        ({"json_": tmp_path}, typer.BadParameter, "is a folder; name a file"),
        ({"html": tmp_path / "file" / "page.html"}, OSError, "page.html|file"),
        ({"model": str(tmp_path / "none.onnx")}, ModelError, "there is no model file"),
    ]:
        with pytest.raises(error, match=message):
            bench_engines(**options)


def test_the_base_of_errors_computes_in_fp32(tmp_path, monkeypatch):
    """Against a shorter precision the engines that are exact would be the ones in error."""
    here = {"torch", "openvino", "onnxruntime"}
    monkeypatch.setattr(
        engines, "problem_of", lambda kind, _: None if kind.name in here else "absent"
    )
    for name in here:  # whether they are installed or not
        short = ("fp32",) if name == "onnxruntime" else ("bf16", "fp32")
        made = replace(KINDS[name], precisions=lambda device, short=short: short)
        monkeypatch.setitem(engines.KINDS, name, made)
    spec = load_spec(onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny()))
    for gone, base in [("", "torch"), ("torch", "onnxruntime"), ("onnxruntime", "openvino")]:
        here.discard(gone)
        found, _ = engines.candidates(spec, "")
        assert found[0] == (base, "cpu", "fp32")
        assert len(found) == len(set(found))
    here |= {"torch", "onnxruntime"}
    path = onnx_files.write(
        tmp_path / "s.onnx", onnx_files.tiny(), precision="fp16", storage="fp16"
    )
    found, _ = engines.candidates(load_spec(path), "")
    assert [each for each in found if each[1] == "cpu"] == [
        ("openvino", "cpu", "fp16"), ("onnxruntime", "cpu", "fp16"),
    ]  # fmt: skip


def test_the_peak_of_a_gpu_is_that_of_its_matrix_product(monkeypatch):
    """With NumPy in CuPy's place: the call of a method that CuPy lacks would show on a GPU only."""

    class Library:
        ones, cuda = (
            staticmethod(np.ones),
            SimpleNamespace(Device=lambda: SimpleNamespace(synchronize=lambda: None)),
        )

    monkeypatch.setattr(engines, "GPU_MATRIX", 64)
    assert _cuda.problem() is None or engines.gpu_matrix_peak() is None
    monkeypatch.setattr(_cuda, "problem", lambda: None)
    monkeypatch.setattr(_cuda, "cupy", lambda: Library)
    assert engines.gpu_matrix_peak() > 0
    monkeypatch.setattr(Library, "ones", None)
    assert engines.gpu_matrix_peak() is None


def test_a_worker_that_cannot_open_says_why(tmp_path):
    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    worker = engines.Worker(load_spec(model), "onnxruntime", "cpu", "bf16", 32)
    worker.close()
    assert "does not compute in bf16" in worker.problem


def test_wrong_answers_are_not_timed():
    base = np.zeros((1, 2, 4, 4), np.float32)
    assert engines.verify(base + 1e-5, base, "fp32", "x") == pytest.approx(1.1e-3)
    assert engines.verify(base + 5e-3, base, "bf16", "x") == pytest.approx(0.55)
    for answer, precision in [(base + 2e-3, "fp32"), (base + 0.1, "bf16"), (base * np.nan, "fp16")]:
        with pytest.raises(VerificationError):
            engines.verify(answer, base, precision, "x")
    with pytest.raises(VerificationError):
        engines.verify(base[:, :1], base, "fp32", "x")


def test_operations_are_those_of_the_card():
    assert operations(onnx_files.tiny(), 32, 64) == 2 * (2 * 16) * (8 * 16)
    assert operations(onnx_files.shipped(), 256, 256) == pytest.approx(2 * 1.68e9, rel=0.01)
