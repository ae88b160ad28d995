"""The benchmark: rows of the promised form, and no timing of a wrong result."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import numpy as np
import pytest

from fastcolor import ops
from fastcolor.bench import cases, kernels, measure
from fastcolor.bench.rows import Settings
from fastcolor.errors import VerificationError

FIELDS = {
    "name",
    "device",
    "threads",
    "ours_ms_per_mp",
    "peer",
    "peer_ms_per_mp",
    "ratio",
    "max_error",
    "bandwidth_fraction",
}
SMALL = Settings(megapixels=0.1, repetitions=1)  # the least that the command takes


@pytest.fixture(autouse=True)
def _fast_copies(monkeypatch):
    monkeypatch.setattr(measure, "COPY_BYTES", 1 << 20)
    monkeypatch.setattr(kernels, "ROTATED_BYTES", 1 << 20)


def test_every_operator_has_a_row_or_a_reason(tmp_path, capsys):
    result = kernels.run(SMALL)
    kernels.show(result, tmp_path / "rows.json")
    read = json.loads((tmp_path / "rows.json").read_text())
    assert {"rows", "hardware", "date", "commit", "versions"} <= set(read)
    names = [row["name"] for row in read["rows"]] + [item["name"] for item in read["skipped"]]
    assert sorted(names) == sorted(case.name for case in cases.cases())
    for row in read["rows"]:
        assert set(row) >= FIELDS
        assert row["ours_ms_per_mp"] > 0
        if row["peer"]:
            assert row["ratio"] == pytest.approx(row["peer_ms_per_mp"] / row["ours_ms_per_mp"])
    printed = capsys.readouterr().out
    for name in names:
        assert name in printed


def test_no_operator_is_left_out():
    timed = {name for case in cases.cases() for name in case.operators}
    functions = {name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))}
    assert functions == timed


def test_without_opencv_rows_have_no_peer(monkeypatch):
    monkeypatch.setattr(kernels, "cpu_peers", lambda threads: (None, "no peer: install it"))
    result = kernels.run(replace(SMALL, only="rgb_to_lab"))
    assert result["note"] == "no peer: install it"
    assert [(row["peer"], row["ratio"]) for row in result["rows"]] == [(None, None)]


def test_a_wrong_result_is_not_timed():
    pytest.importorskip("cv2", reason="the peers need OpenCV")
    peers, _ = kernels.cpu_peers(1)
    case = cases.cases(peers)[0]
    wrong = replace(case, ours=lambda image, out: np.zeros(image.shape, np.float32))
    with pytest.raises(VerificationError, match="rgb_to_lab u8->f32 differs from"):
        kernels.bench_case(wrong, SMALL, peers, 1e9)


def test_sides_are_timed_in_turn():
    order = []
    timings = measure.interleaved(
        [lambda n: order.append(("ours", n)), lambda n: order.append(("peer", n))], 2
    )
    assert order == [(side, n) for n in range(3) for side in ("ours", "peer")]
    assert all(0 <= timing.minimum <= timing.median for timing in timings)
