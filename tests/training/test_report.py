"""The tables that are made of results, and the driver that fills them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training import paths, table
from training.evaluation import report


def test_the_results_at_hand_are_written_out() -> None:
    folder = paths.ROOT / "training"
    results = json.loads((folder / "RESULTS.json").read_text())
    assert (folder / "RESULTS.md").read_text() == report.markdown(results)


def result(model: str, ciede: float) -> dict[str, object]:
    values = {"ciede": ciede, "psnr": 22.0, "ssim": 0.9, "colour": 20.0, "colour_truth": 40.0}
    return {
        "model": model, "set": "photos", "grey": "lstar", "saturation": 1.0, "long_side": 0,
        "own_rgb": False, "pictures": 5, "parameters": 1, "milliseconds": None,
        "metrics": {key: {"mean": value} for key, value in
                    (values | {"cast_a": 0.0, "cast_b": 0.0}).items()},
    }  # fmt: skip


def test_the_table_marks_rows_no_better_than_grey() -> None:
    results = {
        "rows": [result("grey", 10.0), result("c1", 9.0), result("c2", 10.5)],
        "table": [
            {"name": n, "title": n, "start": "scratch", "budget": "", "published": p, "note": note}
            for n, p, note in (
                ("c1", {"psnr": 22.05, "on": "SUN"}, ""),
                ("c2", {}, "why"),
                ("c3", {}, ""),
            )
        ],
    }
    lines = report.systems(results)
    assert "0.900 |" in lines[2]
    assert "PSNR 22.05 (SUN)" in lines[2]
    assert "1.050 (no better than grey)" in lines[3]
    assert "not trained yet" in lines[4]
    assert lines[5:] == ["", "- c2: why"]


def test_what_was_not_measured_is_a_dash_and_the_definitions_say_why() -> None:
    rows = [result("grey", 10.0), result("c1", 9.0) | {"milliseconds": 12.34}]
    lines = report.table(rows).splitlines()[2:]
    assert [line.split(" | ")[-1] for line in lines] == ["- |", "12.3 |"]
    text = report.markdown({"rows": rows, "table": []})
    assert "- ms `-`: not measured, or beside other programs" in text


def test_it_is_said_that_restorers_are_scored_by_their_chroma() -> None:
    entry = {"name": "a1", "title": "A1", "start": "scratch", "budget": "", "published": {}}
    text = report.markdown({"rows": [result("a1", 9.0)], "table": [entry]})
    caption, definitions = text.split("| system |")[0], text.split("## Definitions")[1]
    for part in (caption, definitions):
        assert "(A1-A3, E3)" in part
        assert "input's own L* put back" in " ".join(part.split())


def test_a_new_row_replaces_one_that_says_less(tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.json"
    old, new = result("c1", 9.0), result("c1", 8.0)
    del old["own_rgb"]
    new |= {"upsample": "guided", "merge": "torch", "attributes": {}}
    for row in (old, new, new | {"upsample": "bicubic"}):
        report.merge(out, [row])
    found = [row.get("upsample") for row in json.loads(out.read_text())["rows"]]
    assert found == ["guided", "bicubic"]


def test_the_systems_are_shown_at_their_own_settings() -> None:
    stated = {"stated": {"saturation": 1.4, "working_size": 256}, "working_size": 256}
    own = result("c1", 5.0) | stated | {"saturation": 1.4}
    others = [
        result("c1", 1.0) | stated | {"saturation": 1.4, "upsample": "bicubic"},
        result("c1", 2.0) | stated | {"saturation": 1.4, "own_rgb": True},
        result("c1", 3.0) | stated,
        result("c1", 4.0) | stated | {"saturation": 1.4, "working_size": 64},
        result("c1", 6.0) | stated | {"saturation": 1.4, "pictures": 2},
    ]
    entry = {"name": "c1", "title": "C1", "start": "scratch", "budget": "", "published": {}}
    results = {"rows": [result("grey", 10.0), *others, own], "table": [entry]}
    assert "| 0.500 |" in report.systems(results)[-1]
    results["rows"] = [result("grey", 10.0), result("c1", 7.0), result("c1", 8.0)]
    assert "| 0.700 |" in report.systems(results)[-1]


def test_an_upscaler_has_its_place_among_the_systems() -> None:
    measured = [
        {"upscaler": name, "scale": 4, "set": "bsd100", "grey": True, "pictures": pictures,
         "psnr": {"mean": psnr}, "ssim": ssim}
        for name, pictures, psnr, ssim in (
            ("e2", 3, 20.0, 0.5), ("e2", 100, 24.14, 0.684),
            ("bicubic", 3, 21.0, 0.5), ("bicubic", 100, 24.64, 0.661),
        )
    ]  # fmt: skip
    entry = {"name": "e2", "title": "E2", "start": "scratch", "budget": "", "published": {}}
    line = report.systems({"rows": [], "upscalers": measured, "table": [entry]})[-1]
    cell = "x4 on bsd100: 24.1 dB, SSIM 0.68 (bicubic 24.6 dB, 0.66)"
    assert line == f"| E2 | scratch | its own recipe | - | - | {cell} | - | - | - |"


def test_the_driver_puts_upscalers_into_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    driver = table.Driver(20, tmp_path / "RESULTS.json", tmp_path)
    monkeypatch.setattr(driver, "_call", lambda *given: calls.append(given) or 0)
    assert driver.score(next(row for row in table.rows() if row.name == "e2"))
    assert calls[0][0] == "training.evaluate_sr"
    assert calls[0][-2:] == ("--json", str(tmp_path / "RESULTS.json"))


def test_every_row_of_the_table_has_a_recipe() -> None:
    found = {row.name for row in table.rows()}
    systems = {"a1", "a2", "a3", "c1", "c2", "c3", "d1", "d2", "d3", "e1", "e2", "e3"}
    assert systems | {"fast", "best", "b-resnet9"} <= found


def test_a_trial_does_not_touch_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert table.main(["--minutes", "1"]) == 2
    assert "below the budget" in capsys.readouterr().err
