"""How many pictures are computed at a time, and what goes on beside them."""

from __future__ import annotations

import threading
import time

import archives
import pytest
from archives import colour

from fastcolor.archive import Settings, sink, steps
from fastcolor.archive.errors import JobError


@pytest.fixture
def computing(monkeypatch):
    """How many pictures were in work at a time, each time that one began."""
    seen, now, lock = [], 0, threading.Lock()
    real = steps.keep_luma

    def counted(*given):
        nonlocal now
        with lock:
            now += 1
            seen.append(now)
        try:
            time.sleep(0.002)
            return real(*given)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(steps, "keep_luma", counted)
    return seen


@pytest.mark.parametrize("jobs", [0, 1, 2, 5])
def test_no_more_than_jobs_says_are_computed_at_a_time(tmp_path, computing, jobs):
    source = archives.fill(tmp_path / "in", 40)
    assert colour(source, tmp_path / "out", Settings(size=32, jobs=jobs))[0] == 0
    assert len(computing) == 36  # the others are PNG
    assert max(computing) <= max(1, jobs)
    assert (max(computing) > 1) == (jobs > 1)


def test_the_next_is_computed_while_an_output_goes_to_the_disk(tmp_path, computing, monkeypatch):
    source = archives.fill(tmp_path / "in", 6)
    waited = []
    real = sink.settle

    def slow(file):
        if not waited:
            waited.append(False)
            end = time.monotonic() + 20
            while len(computing) < 2 and time.monotonic() < end:
                time.sleep(0.001)
            waited[0] = len(computing) >= 2
        real(file)

    monkeypatch.setattr(sink, "settle", slow)
    assert colour(source, tmp_path / "out", Settings(size=32, jobs=1))[0] == 0
    assert waited == [True]
    assert max(computing) == 1


def test_a_disk_that_fails_at_the_end_leaves_no_half_output(tmp_path, monkeypatch):
    source = archives.fill(tmp_path / "in", 6)
    calls = []
    real = sink.settle

    def failing(file):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(5, "Input/output error")
        real(file)

    with monkeypatch.context() as patched:
        patched.setattr(sink, "settle", failing)
        with pytest.raises(JobError, match="input/output error"):
            colour(source, tmp_path / "out", Settings(size=32, jobs=1))
    assert not list((tmp_path / "out").rglob(".fastcolor-*"))
    assert colour(source, tmp_path / "out", Settings(size=32, jobs=1))[0] == 0
    assert len([p for p in (tmp_path / "out").rglob("*") if p.is_file()]) == 6
