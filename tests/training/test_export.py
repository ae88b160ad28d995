"""Exported files describe themselves and answer as PyTorch does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from generated import folder, recipe
from training import checkpoint
from training.export import (
    Card,
    ExportError,
    _Traced,
    export,
    largest_difference,
    load_network,
    main,
)
from training.models import build
from training.recipe import load
from training.run import Places, Run

import fastcolor
from fastcolor.models import load_spec


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    root = folder(tmp_path_factory.mktemp("export"))
    plan = load(recipe(root / "mini.toml"))
    run = Run(plan, Places(root, root, root / "cache", root), torch.device("cpu"))
    run.begin()
    for _ in range(3):
        run.step()
    checkpoint.save(root / "last.pt", run.state())
    return root / "last.pt"


@pytest.mark.parametrize(
    ("precision", "storage", "worst"),
    [("fp32", "fp32", 1e-4), ("fp32", "fp16", 5e-3), ("fp32", "bf16", 5e-2), ("fp16", "", 1e-2)],
)
def test_file_answers_as_pytorch(
    trained: Path, tmp_path: Path, precision: str, storage: str, worst: float
) -> None:
    target = tmp_path / "model.onnx"
    assert export(trained, target, precision, storage) <= worst
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    answer = session.run(None, {"luma": np.zeros((3, 1, 64, 128), np.float32)})[0]
    assert answer.shape == (3, 2, 16, 32)
    assert answer.dtype == np.float32


def test_bfloat16_arithmetic_makes_a_valid_file(trained: Path, tmp_path: Path) -> None:
    assert 0 < export(trained, tmp_path / "model.onnx", "bf16") <= 0.08
    model = onnx.load(tmp_path / "model.onnx")
    kinds = {tensor.data_type for tensor in model.graph.initializer}
    assert onnx.TensorProto.BFLOAT16 in kinds
    assert model.opset_import[0].version == 22


def test_smaller_storage_makes_a_smaller_file(trained: Path, tmp_path: Path) -> None:
    sizes = []
    for storage in ("fp32", "fp16"):
        export(trained, tmp_path / storage, "fp32", storage)
        sizes.append((tmp_path / storage).stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]


def test_metadata_says_what_the_engine_needs(trained: Path, tmp_path: Path) -> None:
    card = Card(card="mini.md", saturation=1.25, attributes={"temperature": 0.4})
    export(trained, tmp_path / "model.onnx", card=card)
    model = onnx.load(tmp_path / "model.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    expected = {
        "kind": "colorizer", "name": "mini", "input": "luma", "output": "ab",
        "input_scaling": "L*/50-1", "multiple_of": "32", "chroma_divisor": "4", "scale": "1",
        "tiling": "whole", "card": "mini.md", "saturation": "1.25", "opset": "17", "steps": "3",
        "attributes": '{"temperature": 0.4}',
    }  # fmt: skip
    assert {key: said[key] for key in expected} == expected
    assert len(said["weights_sha256"]) == 64


def test_attributes_change_the_answer(trained: Path) -> None:
    luma = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    answers = [
        load_network(trained, {"temperature": t, "emphasis": e})[0](luma)
        for t, e in ((0.5, 0.0), (0.5, 0.5), (0.1, 0.0))
    ]
    assert not torch.allclose(answers[0], answers[1])
    assert not torch.allclose(answers[0], answers[2])


def test_a_wrong_answer_is_noticed(trained: Path, tmp_path: Path) -> None:
    export(trained, tmp_path / "model.onnx")
    network, _ = load_network(trained, {"temperature": 0.05})
    assert largest_difference(onnx.load(tmp_path / "model.onnx"), network, 32) > 1e-3


def test_colour_errors_are_measured_on_request(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = str(Path(fastcolor.__file__).parent / "data")
    exact, short = tmp_path / "mini.onnx", tmp_path / "mini.fp16.onnx"
    assert main([str(trained), "-o", str(exact), "--photos", photos]) == 0
    assert {"fp16", "bf16"} <= load_spec(exact).colour_errors.keys()
    given = ["--precision", "fp16", "--photos", photos, "--against", str(exact)]
    assert main([str(trained), "-o", str(short), *given]) == 0, capsys.readouterr().err
    spec = load_spec(short)
    assert spec.made_of == load_spec(exact).weights_sha256
    assert spec.colour_errors.keys() == {"fp16"}


def test_mistakes_are_named(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "model.onnx")
    assert main([str(trained), "-o", target, "--set", "hue=1"]) == 1
    assert "no 'hue'" in capsys.readouterr().err
    assert main([str(trained), "-o", target, "--set", "temperature"]) == 1
    assert "--set temperature: not KEY=NUMBER" in capsys.readouterr().err
    assert main([str(tmp_path / "none.pt"), "-o", target]) == 1
    for content in (b"", b"hello, this is no checkpoint\n", trained.read_bytes()[:9000]):
        (tmp_path / "bad.pt").write_bytes(content)
        capsys.readouterr()
        assert main([str(tmp_path / "bad.pt"), "-o", target]) == 1
        assert "bad.pt: damaged, or no checkpoint" in capsys.readouterr().err
    assert not Path(target).exists()


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda x: x + 0.1, "differs from PyTorch by 0.1"), (lambda x: x * np.nan, "not numbers")],
)
def test_a_file_that_answers_otherwise_is_not_left(
    change: Callable[[torch.Tensor], torch.Tensor],
    message: str,
    precision: str,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = _Traced.forward
    monkeypatch.setattr(_Traced, "forward", lambda self, luma: change(answer(self, luma)))
    with pytest.raises(ExportError, match=message):
        export(trained, tmp_path / "model.onnx", precision)
    assert main([str(trained), "-o", str(tmp_path / "model.onnx"), "--precision", precision]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_was_compared_is_said(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(trained), "-o", str(tmp_path / "model.onnx")]
    for precision, by in (("fp32", "ONNX Runtime"), ("bf16", "ONNX's own evaluator")):
        assert main([*given, "--precision", precision]) == 0
        said = capsys.readouterr().out
        figure = re.search(rf"on three sizes {by} is at most (\S+) from PyTorch", said)
        assert figure and 0 < float(figure[1]) < 0.08


def test_a_graph_that_the_precision_forbids_is_named(tmp_path: Path) -> None:
    model = {"name": "e3_chain", "width": 8, "blocks": 1}
    weights = build(**model).state_dict()
    recipe = {"name": "e3", "kind": "restorer", "sha256": ""}
    state = {"network": weights, "average": weights, "model": model, "recipe": recipe}
    checkpoint.save(tmp_path / "e3.pt", state | {"step": 0, "seconds": 0.0})
    with pytest.raises(ExportError, match=r"in bf16 it is no valid graph: .*Einsum"):
        export(tmp_path / "e3.pt", tmp_path / "e3.onnx", "bf16")
