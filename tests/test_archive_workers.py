"""How many pictures are computed at a time, and what goes on beside them."""

from __future__ import annotations

import threading
import time

import archives
import pytest
from archives import colour

from fastcolor.archive import Settings, container, sink, steps, workers
from fastcolor.archive.errors import JobError
from fastcolor.archive.journal import Journal


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


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_is_read_ahead_is_bounded(tmp_path, monkeypatch, jobs):
    source = archives.fill(tmp_path / "in", 40)
    read, compute = steps.Steps.read, steps.Steps.compute
    lock, now, seen = threading.Lock(), 0, []

    def counted(self, task):
        nonlocal now
        with lock:
            now += 1
            seen.append(now)
        return read(self, task)

    def slow(self, result):
        nonlocal now
        time.sleep(0.002)
        try:
            return compute(self, result)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(steps.Steps, "read", counted)
    monkeypatch.setattr(steps.Steps, "compute", slow)
    assert colour(source, tmp_path / "out", Settings(size=32, jobs=jobs))[0] == 0
    assert len(seen) == 40
    assert jobs < max(seen) <= 2 * jobs
    assert not [t for t in threading.enumerate() if t.name.startswith(("reader", "worker"))]


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


def test_a_journal_that_fails_leaves_no_half_output(tmp_path, monkeypatch):
    """What was in work is published or dropped, and the rest is done the next time."""
    source = archives.fill(tmp_path / "in", 30)
    real, calls = Journal.admit, []

    def failing(*given, **options):
        calls.append(1)
        if len(calls) == 20:
            raise JobError("the disk of the journal is full")
        return real(*given, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "admit", failing)
        with pytest.raises(JobError, match="disk of the journal"):
            colour(source, tmp_path / "out", Settings(size=32, jobs=2))
    assert not archives.leftovers(tmp_path)
    done = len([p for p in (tmp_path / "out").rglob("*") if p.is_file()])
    assert 0 < done <= 19
    code, heard = colour(source, tmp_path / "out", Settings(size=32, jobs=2))
    assert (code, len(heard.outcomes)) == (0, 30 - done)


def test_large_outputs_wait_for_their_container_in_a_file(tmp_path, monkeypatch):
    source = archives.fill(tmp_path / "in", 12)
    found = []
    for most in (container._MOST_IN_MEMORY, 500):
        monkeypatch.setattr(container, "_MOST_IN_MEMORY", most)
        for name in ("out.zip", "out.tar"):
            folder = tmp_path / str(most)
            for options in ({}, {"format": "tiff"}, {"format": "png"}):
                target = folder / options.get("format", "same") / name
                assert colour(source, target, Settings(size=32, jobs=3, **options))[0] == 0
                found.append(target.read_bytes())
    assert found[:6] == found[6:]


def test_a_large_picture_has_its_turn():
    """Small ones that come later do not take the room that it waits for."""
    budget = workers.Budget(10)
    budget.take(6)
    order = []

    def take(size):
        budget.take(size)
        order.append(size)
        budget.give(size)

    threads = [threading.Thread(target=take, args=(size,)) for size in (10, 1, 2)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    assert order == []
    assert not budget.take_now(1)
    budget.give(6)
    for thread in threads:
        thread.join(5)
    assert order[0] == 10
    assert sorted(order) == [1, 2, 10]
    assert budget.take_now(10)


def test_work_ahead_is_done_by_its_owner_where_no_thread_starts(monkeypatch):
    spare = workers.Spare(2, workers.Budget(10))

    def refused(*given):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(spare._pool, "submit", refused)
    for _ in range(5):  # neither slots nor room are lost
        with spare.busy(), spare.ahead(10, threading.current_thread) as answer:
            assert answer() is threading.current_thread()
    spare.close()


def test_a_folder_that_cannot_be_read_is_no_failure(tmp_path):
    sink.sync_folder(tmp_path)
    sink.sync_folder(tmp_path / "gone")
