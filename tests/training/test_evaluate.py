"""The evaluator on generated pictures: geometry, baselines, files and errors."""

from __future__ import annotations

import dataclasses
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from generated import damaged_avifs, folder, picture, recipe
from PIL import Image
from training import checkpoint, evaluate, evaluate_sr, paths
from training.color import AB_UNIT, rgb_to_lab
from training.evaluation.behaviour import behaviour
from training.evaluation.measure import Truth, compare, render
from training.evaluation.predictors import Grey, MeanColour, Network, Prediction
from training.evaluation.run import Settings, baselines
from training.evaluation.sets import pictures, to_tensor
from training.evaluation.upsample import MODES
from training.export import export
from training.recipe import Named, load
from training.run import Places, Run

FLAGS = ["--no-lpips", "--no-behaviour", "--threads", "1"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, a checkpoint and its export, of a network of no skill."""
    torch.set_num_threads(1)
    root = folder(tmp_path_factory.mktemp("evaluate"), 4)
    plan = load(recipe(root / "mini.toml"))
    run = Run(plan, Places(root, root, root / "cache", root), torch.device("cpu"))
    run.begin()
    checkpoint.save(root / "mini.pt", run.state())
    export(root / "mini.pt", root / "mini.onnx")
    return root


@pytest.fixture(scope="module")
def upscaler(trained: Path) -> Path:
    """A checkpoint that doubles luma, of no skill."""
    plan = load(recipe(trained / "mini.toml"))
    plan = dataclasses.replace(
        plan,
        name="double",
        kind="upscaler",
        model=Named("sr", arguments={"scale": 2, "width": 4, "depth": 2}),
        losses=(Named("l1"),),
    )
    run = Run(plan, Places(trained, trained, trained / "cache", trained), torch.device("cpu"))
    checkpoint.save(trained / "double.pt", run.state())
    return trained / "double.pt"


@pytest.fixture(scope="module")
def mistakes(trained: Path, upscaler: Path) -> Path:
    """The same folder, with files beside the good ones that are none or damaged."""
    whole = (trained / "mini.pt").read_bytes()
    (trained / "bad.pt").write_bytes(whole[: len(whole) // 2])
    (trained / "text.pt").write_text("hello, this is no checkpoint\n")
    (trained / "empty.pt").write_bytes(b"")
    (trained / "bad.onnx").write_bytes((trained / "mini.onnx").read_bytes()[:5000])
    torch.save({"network": {}}, trained / "other.pt")
    state = checkpoint.load(trained / "mini.pt")
    torch.save(state | {"average": {}}, trained / "unlike.pt")
    with tarfile.open(trained / "cut.tar", "w") as tar:
        tar.add(trained / "pictures", "pictures")
    (trained / "cut.tar").write_bytes((trained / "cut.tar").read_bytes()[:20_000])
    return trained


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)


def of_lightness(array: np.ndarray) -> np.ndarray:
    """A network whose chroma is a fixed share of its input, at half the size."""
    half = torch.nn.functional.avg_pool2d(torch.from_numpy(array), 2)
    return torch.cat((0.2 * half, -0.1 * half), 1).numpy()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("height", "width"), [(67, 43), (64, 96), (33, 129)])
def test_chroma_lands_where_it_belongs(mode: str, height: int, width: int) -> None:
    lab = rgb_to_lab(to_tensor(picture(3, width, height)))
    lightness = lab[:1].clamp(5, 95)
    network = Network("share", of_lightness, working_size=48, multiple=16, upsample=mode)
    ab = network.predict(lightness).ab
    expected = AB_UNIT * torch.cat((0.2 * (lightness / 50 - 1), -0.1 * (lightness / 50 - 1)))
    assert ab.shape == (2, height, width)
    assert (ab - expected).abs().mean() < 0.5
    assert network.milliseconds() is not None


def test_the_truth_scores_perfectly_and_grey_does_not() -> None:
    rgb = to_tensor(picture(1))
    truth = Truth(rgb, {})
    exact = render(truth.lab[:1], Prediction(truth.lab[1:]), 1.0)
    best = compare(exact, truth)
    assert best["ciede"] < 0.2
    assert best["psnr"] == 50.0
    assert abs(best["colour"] - best["colour_truth"]) < 0.5
    plain = compare(render(truth.lab[:1], Grey().predict(truth.lab[:1]), 1.0), truth)
    assert plain["ciede"] > 5
    assert plain["colour"] == pytest.approx(0, abs=0.5)


def test_a_restorer_may_keep_its_own_picture() -> None:
    def twice(array: np.ndarray) -> np.ndarray:
        large = np.repeat(np.repeat(array, 2, 2), 2, 3)
        return np.concatenate((large, large * 0.5, large * 0.25), 1)

    network = Network("twice", twice, kind="restorer", working_size=32, multiple=8)
    lightness = rgb_to_lab(to_tensor(picture(2)))[:1]
    prediction = network.predict(lightness)
    assert prediction.rgb is not None
    own = render(lightness, prediction, 1.0, own_rgb=True)
    assert own.shape == (3, *lightness.shape[1:])
    assert (own[0] - 2 * own[1]).abs().mean() < 0.02


def test_mean_colour_is_warm_in_the_middle() -> None:
    ab = MeanColour().predict(torch.full((1, 2, 2), 50.0)).ab
    assert ab[0].mean() > 0
    assert ab[1].mean() > 0


def test_behaviour_of_a_network_without_colour_is_calm() -> None:
    silent = Network("silent", lambda x: np.zeros_like(np.repeat(x, 2, 1)), working_size=32)
    found = behaviour(silent, [torch.rand(1, 40, 40)])
    assert set(found.values()) == {0.0}


def test_rows_are_written_merged_and_not_doubled(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.json"
    models = [f"pytorch={trained / 'mini.pt'}", f"onnx={trained / 'mini.onnx'}"]
    arguments = [*models, "--sets", str(trained / "pictures"), "--out", str(out), *FLAGS]
    assert evaluate.main([*arguments, "--saturation", "1,0.5"]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 2 * 2 + 2 * 2 * 2
    by_name = {(r["model"], r["grey"], r["saturation"]): r["metrics"] for r in rows}
    for grey in ("lstar", "luma"):
        values = [by_name[name, grey, 0.5]["ciede"]["mean"] for name in ("pytorch", "onnx")]
        assert values[0] == pytest.approx(values[1], abs=1e-2)
    assert evaluate.main([*arguments, "--saturation", "1,0.5"]) == 0
    assert len(json.loads(out.read_text())["rows"]) == len(rows)
    text = out.with_suffix(".md").read_text()
    assert "mean colour per level" in text
    assert "## Definitions" in text


def test_baselines_are_measured_again_when_a_picture_below_changes(tmp_path: Path) -> None:
    root = folder(tmp_path / "set" / "below", 2).parent
    settings = Settings(greys=("lstar",))
    first = baselines(str(root), settings, {})
    assert baselines(str(root), settings, {}) == first
    picture(7).save(root / "below" / "pictures" / "0001.png")
    again = baselines(str(root), settings, {})
    assert [row["metrics"] for row in again] != [row["metrics"] for row in first]


def test_rows_of_other_settings_stand_beside_each_other(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.json"
    common = [f"mini={trained / 'mini.pt'}", "--sets", str(trained / "pictures"), *FLAGS]
    common += ["--grey", "luma", "--out", str(out)]
    variants = [
        [],
        ["--upsample", "bicubic"],
        ["--merge", "fastcolor"],
        ["--set", "temperature=0.9"],
        ["--size", "64"],
    ]
    for variant in [*variants, variants[0], variants[3]]:
        assert evaluate.main([*common, *variant]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 2 + len(variants)
    assert {row["model"] for row in rows} == {"grey", "mean colour per level", "mini"}
    text = out.with_suffix(".md").read_text()
    for name in ("upsample bicubic", "merge fastcolor", "temperature 0.9", "size 64"):
        assert name in text


def test_a_limit_writes_nothing_unasked(trained: Path, tmp_path: Path) -> None:
    arguments = [str(trained / "mini.pt"), "--sets", str(trained / "pictures"), "--limit", "2"]
    assert evaluate.main([*arguments, "--set", "temperature=0.9", *FLAGS]) == 0
    assert not list(tmp_path.rglob("RESULTS.*"))


def test_contact_sheet_is_a_picture(trained: Path, tmp_path: Path) -> None:
    arguments = [str(trained / "mini.pt"), "--sets", str(trained / "pictures"), "--limit", "1"]
    sheets = ["--sheets", str(tmp_path / "sheets"), "--sheet-set", str(trained / "pictures")]
    assert evaluate.main([*arguments, *sheets, *FLAGS]) == 0
    with Image.open(tmp_path / "sheets" / "mini.png") as sheet:
        assert sheet.size[0] == 1600


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.onnx"], "no such model"),
        (["--sets", "nowhere"], "does not exist"),
        (["--set", "surprise=1", "{root}/mini.pt"], "has no 'surprise'"),
        (["--set", "temperature", "{root}/mini.pt"], "--set temperature: not KEY=NUMBER"),
        (["--grey", "lstar,foo"], "--grey 'foo': known are lstar, luma"),
        (["--sets", "{root}/pictures,"], "name of an evaluation set is empty"),
        (["--limit", "-1"], "--limit -1 is negative"),
        (["--long-side", "-1"], "--long-side -1 is negative"),
        (["{root}/double.pt"], "double is an upscaler: training.evaluate_sr"),
        (["{root}/bad.pt"], "bad.pt: damaged, or no checkpoint"),
        (["{root}/text.pt"], "text.pt: damaged, or no checkpoint"),
        (["{root}/empty.pt"], "empty.pt: damaged, or no checkpoint"),
        (["{root}/other.pt"], "other.pt: no checkpoint"),
        (["{root}/unlike.pt"], "unlike.pt: its weights are not of a network known"),
        (["{root}/bad.onnx"], "bad.onnx: ONNX Runtime cannot open it"),
        (["--sets", "{root}/text.pt"], "neither a folder nor a whole tar"),
        (["--sets", "{root}/cut.tar"], "neither a folder nor a whole tar"),
        (["--sets", "{root}/pictures,nowhere"], "set 'nowhere': nowhere does not exist"),
        (["--out", "{root}/text.pt/RESULTS.json"], "text.pt"),
        (["--out", "{root}/pictures"], "pictures is a folder"),
        (["--out", "{root}/text.pt"], "text.pt: not a file of results"),
        (["--sheets", "{root}/text.pt", "--sheet-set", "{root}/pictures"], "text.pt"),
    ],
)
def test_mistakes_are_one_sentence_before_anything_is_measured(
    arguments: list[str], message: str, mistakes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [a.replace("{root}", str(mistakes)) for a in arguments]
    if "--sets" not in filled:
        filled += ["--sets", str(mistakes / "pictures")]
    assert evaluate.main([*filled, *FLAGS]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("evaluate: ") and said.err.count("\n") == 1
    assert message in said.err
    assert not said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "{root}/text.pt"], "neither a folder nor a whole tar"),
        (["--set", ""], "name of an evaluation set is empty"),
        (["--limit", "-1"], "--limit -1 is negative"),
        (["{root}/bad.pt"], "bad.pt: damaged"),
        (["{root}/bad.onnx"], "bad.onnx: ONNX Runtime cannot open it"),
        (["--out", "{root}/pictures"], "pictures is a folder"),
        (["--json", "{root}/text.pt"], "text.pt: not a file of results"),
    ],
)
def test_mistakes_with_upscalers_are_one_sentence(
    arguments: list[str], message: str, mistakes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [a.replace("{root}", str(mistakes)) for a in arguments]
    if "--set" not in filled:
        filled += ["--set", str(mistakes / "pictures")]
    assert evaluate_sr.main([*filled, "--weights", str(mistakes)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("evaluate_sr: ") and said.err.count("\n") == 1
    assert message in said.err
    assert not said.out


def test_pictures_below_the_window_of_ssim_are_left_out(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(1, 11, 30).save(tmp_path / "slim.png")
    picture(0, 10, 30).save(tmp_path / "thin.png")
    out = tmp_path / "RESULTS.json"
    common = [str(trained / "mini.pt"), "--sets", str(tmp_path), "--no-lpips", "--threads", "1"]
    assert evaluate.main([*common, "--out", str(out)]) == 0
    assert "thin.png: 10 x 30 is too small; left out" in capsys.readouterr().err
    assert {row["pictures"] for row in json.loads(out.read_text())["rows"]} == {1}
    enlarged = ["--set", str(tmp_path), "--scale", "2", "--weights", str(tmp_path)]
    assert evaluate_sr.main(enlarged) == 2
    assert "no picture has 16 x 16 pixels" in capsys.readouterr().err
    picture(2, 16, 17).save(tmp_path / "sixteen.png")
    assert evaluate_sr.main(enlarged) == 0


def test_damaged_pictures_are_named_and_none_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    picture(0).save(tmp_path / "good.png")
    assert [p.key for p in pictures(tmp_path)] == ["good.png"]
    assert "bad.png" in capsys.readouterr().err
    (tmp_path / "good.png").unlink()
    with pytest.raises(ValueError, match="no readable picture"):
        list(pictures(tmp_path))


def test_what_decoders_raise_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = damaged_avifs(tmp_path / "damaged")
    picture(0).save(damaged / "whole.png")
    kept = list(pictures(damaged))
    said = capsys.readouterr().err
    assert "whole.png" in [p.key for p in kept] and "200-cut.avif" in said
    assert len(kept) + said.count("; left out") == len(list(damaged.iterdir()))


def test_upscalers_are_compared_with_bicubic(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--set", str(trained / "pictures"), "--scale", "2", "--weights", str(tmp_path)]
    assert evaluate_sr.main(common) == 0
    assert "bicubic" in capsys.readouterr().out
    assert evaluate_sr.main([*common, str(trained / "mini.pt")]) == 2
    assert "not an upscaler" in capsys.readouterr().err


def test_figures_of_upscalers_are_written_and_not_doubled(
    trained: Path, upscaler: Path, tmp_path: Path
) -> None:
    out = tmp_path / "RESULTS.json"
    common = ["--set", str(trained / "pictures"), "--scale", "2", "--weights", str(tmp_path)]
    for _ in range(2):
        assert evaluate_sr.main([f"e2={upscaler}", *common, "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    assert [row["upscaler"] for row in results["upscalers"]] == ["bicubic", "e2"]
    for row in results["upscalers"]:
        assert (row["set"], row["scale"], row["pictures"]) == (common[1], 2, 4)
        assert row["psnr"]["low"] <= row["psnr"]["mean"] <= row["psnr"]["high"]
