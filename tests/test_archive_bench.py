"""fastcolor bench archive: its rows, on a small archive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fastcolor.archive import Settings
from fastcolor.bench import archive, archive_costs


def test_rows(tmp_path, capsys):
    result = archive.measure_all([0.05], seconds=0.2, jobs=2, engine="onnxruntime")
    archive.show(result, tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text()) == result
    text = capsys.readouterr().out
    assert [row["name"] for row in result["rows"]] == ["lossless", "re-encoding"]
    for row in result["rows"]:
        assert row["name"] in text
        assert 0 < row["efficiency_of_libraries"] < row["efficiency"]
        assert len(row["efficiencies"]) == archive.ROUNDS
        assert min(row["efficiencies"]) / 2 < row["efficiency"] < max(row["efficiencies"]) * 2
        assert sum(row["stages"].values()) == pytest.approx(1, abs=0.01)
        assert set(row["stages"]) == {"read", "decode", "infer", "merge", "encode", "write"}
        assert (row["ratio"] is None) == (row["peer_images_per_s"] is None)


def test_the_ideal_is_of_the_path():
    files = archive_costs.pictures(0.05)
    lossless = archive_costs.alone(files, "lossless", Settings(jobs=1), calls=3)
    assert set(lossless) == {"decode", "prepare", "network", "merge", "compress", "join"}
    assert set(archive.LIBRARIES) < set(lossless)
    assert all(cost.seconds > 0 and cost.cpu > 0 for cost in lossless.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("begun", ["in/*.jpg", "out-*"])
def test_stopped_it_leaves_nothing(tmp_path, number, begun):
    process = subprocess.Popen(
        [sys.executable, "-m", "fastcolor", "bench", "archive", "--megapixels", "0.05"],
        env=os.environ | {"TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while not list(tmp_path.glob(f"fastcolor-bench-*/{begun}")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err and "error" not in err
    assert not list(tmp_path.glob("fastcolor-bench-*"))


SCALE = Path(__file__).parents[1] / "benchmarks" / "archive_scale.py"


@pytest.mark.skipif(not SCALE.exists(), reason="there are no sources beside the tests")
@pytest.mark.parametrize("kind", [(), ("--copied", "--jobs", "0")])
def test_the_cost_of_an_item_is_measured(tmp_path, kind):
    found = tmp_path / "rows.json"
    command = [sys.executable, SCALE, "5", "--size", "32", "--work", tmp_path, "--json", found]
    done = subprocess.run([*command, *kind], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(found.read_text())
    assert row["items"] == 5
    assert row["first_cpu_ms_per_item"] > 0 and row["again_ms_per_item"] > 0
    assert row["first_peak_mb"] > 20
