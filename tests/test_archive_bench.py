"""fastcolor bench archive: its rows, on a small archive."""

from __future__ import annotations

import json

import pytest

from fastcolor.archive import Settings
from fastcolor.bench import archive


def test_rows(tmp_path, capsys):
    result = archive.measure_all([0.05], seconds=0.2, jobs=2, engine="onnxruntime")
    archive.show(result, tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text()) == result
    text = capsys.readouterr().out
    assert [row["name"] for row in result["rows"]] == ["lossless", "re-encoding"]
    for row in result["rows"]:
        assert row["name"] in text
        assert 0 < row["efficiency_of_libraries"] < row["efficiency"]
        assert sum(row["stages"].values()) == pytest.approx(1, abs=0.01)
        assert set(row["stages"]) == {"read", "decode", "infer", "merge", "encode", "write"}
        assert (row["ratio"] is None) == (row["peer_images_per_s"] is None)


def test_the_ideal_is_of_the_path():
    files = archive.pictures(0.05)
    lossless = archive.alone(files, "lossless", Settings(jobs=1), seconds=0.05)
    assert set(lossless) == {"decode", "prepare", "network", "merge", "compress", "join"}
    assert set(archive.LIBRARIES) < set(lossless)
    assert all(cost.seconds > 0 and cost.cpu > 0 for cost in lossless.values())
