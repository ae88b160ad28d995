"""Throughput over time: no more work in an interval than workers there were."""

from __future__ import annotations

import pytest

from fastcolor.archive import series


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(series.time, "monotonic", lambda: now[0])
    return now


def test_long_work_lies_where_it_was_done(clock):
    found = series.Series()
    clock[0] += 3.25
    found.worked({"decode": 2.0, "infer": 1.0})
    intervals = found.intervals()
    assert [row.get("decode", 0) for row in intervals[:2]] == [
        pytest.approx(1 / 6, abs=1e-3),
        pytest.approx(1 / 3, abs=1e-3),
    ]
    for row in intervals:
        assert row.get("decode", 0) + row.get("infer", 0) <= 0.5 + 1e-6
    assert sum(row.get("decode", 0) for row in intervals) == pytest.approx(2.0, abs=1e-3)
    assert found.totals == {"decode": 2.0, "infer": 1.0}


def test_what_is_published_together_was_done_since_the_last_time(clock):
    found = series.Series()
    clock[0] += 0.51
    found.finished(items=4, pixels=400)
    clock[0] += 1.0
    found.finished(items=2)
    intervals = found.intervals()
    rates = [row["items"] / row["length"] for row in intervals]
    assert rates[0] == pytest.approx(4 / 0.51, rel=1e-3)
    assert rates[2] == pytest.approx(2.0, rel=1e-3)
    assert sum(row["items"] for row in intervals) == pytest.approx(6)
    assert found.totals == {"items": 6, "pixels": 400}


def test_many_intervals_become_longer_ones_and_lose_nothing(clock):
    found = series.Series()
    for _ in range(5000):
        clock[0] += 0.3
        found.worked({"infer": 0.25})
        found.add(items=1)
    intervals = found.intervals()
    assert len(intervals) <= series.MOST
    assert sum(row["items"] for row in intervals) == 5000
    assert sum(row["infer"] for row in intervals) == pytest.approx(1250, abs=0.1)
    assert found.totals["items"] == 5000
