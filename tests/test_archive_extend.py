"""Finished .zip and .tar outputs that take more: what was added, mended or changed."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
import zipfile
from contextlib import closing

import archives
import pytest
from archives import Settings, colour
from test_resume import run_and_kill

from fastcolor.archive import container
from fastcolor.archive.container import ContainerSink
from fastcolor.archive.errors import JobError
from fastcolor.archive.item import Item
from fastcolor.archive.journal import Finished, Journal

OUTPUTS = pytest.mark.parametrize("output", ["out.zip", "out.tar"])


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 12)


def state(path):
    about = path.stat()
    return about.st_ino, about.st_mtime_ns, path.read_bytes()


def fresh(source, target):
    """What one undisturbed run makes."""
    colour(source, target)
    return target.read_bytes()


@OUTPUTS
def test_added_mended_and_changed_items_are_taken_in(source, tmp_path, output):
    target = tmp_path / output
    cut = source / "box0" / "cut.png"
    cut.write_bytes(archives.png(1)[:-200])
    code, heard = colour(source, target)
    assert (code, set(heard.failures)) == (1, {str(cut)})
    cut.write_bytes(archives.png(1))
    (source / "a first.jpg").write_bytes(archives.jpeg(50))
    (source / "z last.jpg").write_bytes(archives.jpeg(51))
    (source / "box0" / "000003.jpg").write_bytes(archives.jpeg(52, 60, 60))
    code, heard = colour(source, target)
    assert (code, heard.failures) == (0, {})
    names = {"cut.png", "a first.jpg", "z last.jpg", "000003.jpg"}
    assert {os.path.basename(label) for label in heard.outcomes} == names
    assert target.read_bytes() == fresh(source, tmp_path / "fresh" / output)
    before = state(target)
    assert colour(source, target)[1].outcomes == {}
    assert state(target) == before


@OUTPUTS
def test_nothing_new_leaves_the_file_alone(source, tmp_path, output):
    (source / "empty.jpg").touch()
    (source / "way.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (source / "x.jpg").write_bytes(archives.jpeg(1))
    (source / "X.jpg").write_bytes(archives.jpeg(2))
    code, first = colour(source, tmp_path / output)
    assert (code, len(first.failures)) == (1, 3)
    before = state(tmp_path / output)
    for _ in range(2):
        (source / "notes.txt").write_text("no picture")
        code, again = colour(source, tmp_path / output)
        assert (code, again.failures) == (1, first.failures)
        assert set(again.outcomes.values()) <= {"skipped"}
        assert state(tmp_path / output) == before


@OUTPUTS
def test_members_of_inputs_that_are_gone_stay(source, tmp_path, output):
    target = tmp_path / output
    whole = fresh(source, target)
    later = archives.fill(tmp_path / "more", 3)
    for path in later.rglob("*.jpg"):
        path.rename(path.with_name(f"b{path.name}"))
    (source / "box0" / "000002.jpg").unlink()
    assert colour([source, later], tmp_path / "both" / output)[0] == 0
    assert colour(source, target)[0] == 0
    assert target.read_bytes() == whole
    assert colour(later, target)[0] == 0
    (source / "box0" / "000002.jpg").write_bytes(archives.jpeg(2))
    assert len(target.read_bytes()) > len(whole)
    if output.endswith("zip"):
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == 15


@OUTPUTS
def test_what_is_mended_while_it_grows_has_its_place(tmp_path, output):
    source = archives.fill(tmp_path / "many", 200)
    cut = source / "box0" / "000001.jpg"
    cut.write_bytes(archives.jpeg(1)[:-300])
    stop = archives.Meddling(6, lambda: os.kill(os.getpid(), 2))
    target = tmp_path / output
    container_run = archives.run([source], target, Settings(size=32, jobs=1), progress=stop)
    assert container_run.exit_code == 130
    assert not target.exists()
    cut.write_bytes(archives.jpeg(1))
    assert colour(source, target)[0] == 0
    assert target.read_bytes() == fresh(source, tmp_path / "fresh" / output)


@OUTPUTS
def test_a_container_that_others_changed_is_not_extended(source, tmp_path, output):
    target = tmp_path / output
    colour(source, target)
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    (source / "new.jpg").write_bytes(archives.jpeg(99))
    with pytest.raises(JobError, match=r"has been changed since it was written.*--restart"):
        colour(source, target)
    assert target.read_bytes() == data
    assert colour(source, target, restart=True)[0] == 0
    assert target.read_bytes() == fresh(source, tmp_path / "fresh" / output)


def test_killed_while_a_zip_is_extended(tmp_path):
    source = archives.fill(tmp_path / "in", 40)
    target = tmp_path / "out.zip"
    quick = Settings(jobs=2)
    colour(source, target, quick)
    old = target.read_bytes()
    for number in range(100, 140):
        (source / "box0" / f"{number - 99:06}b.jpg").write_bytes(archives.jpeg(number))
    colour(source, tmp_path / "calm.zip", quick)
    new = (tmp_path / "calm.zip").read_bytes()
    command = archives.arguments(source, "-o", target, "--json-log", "--jobs", 2)
    rng = random.Random(4)
    finished = []
    for _ in range(2):
        finished += run_and_kill(command, rng)[0]
        assert target.read_bytes() in (old, new)
    last = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert last.returncode == 0, last.stderr
    assert len(finished) == len(set(finished))
    assert target.read_bytes() == new
    assert not archives.leftovers(tmp_path)


@OUTPUTS
def test_a_disk_that_is_full_when_members_are_joined(source, tmp_path, output):
    for number in range(12):  # more than the journal
        (source / f"{number}.jpg").write_bytes(archives.jpeg(number, 400, 300))
    target = tmp_path / output
    old = fresh(source, target)
    (source / "new.jpg").write_bytes(archives.jpeg(99))
    command = shlex.join(archives.arguments(source, "-o", target, *archives.QUICK))
    blocks = len(old) // 1024 - 2
    line = f"ulimit -f {blocks}; exec {command}"
    for _ in range(2):
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=100)
        assert done.returncode == 5
        assert "would grow beyond the size limit" in done.stderr
        assert target.read_bytes() == old
        assert not [name for name in archives.leftovers(tmp_path) if name.endswith(".whole")]
    assert colour(source, target, Settings(size=32))[0] == 0
    assert target.read_bytes() == fresh(source, tmp_path / "fresh" / output)


class Crash(BaseException):
    pass


class Crashing:
    """Raises at the n-th call of any of what it wraps, and ever after."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, function):
        def call(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise Crash
            return function(*arguments, **options)

        return call


def job(target, names, journal):
    """A run without pictures: the names are items, and their contents."""
    journal._db.execute("COMMIT")
    journal._db.execute("PRAGMA synchronous = OFF")  # nothing here cuts the power
    journal._db.execute("BEGIN")
    journal.begin({}, False)
    with closing(ContainerSink(target, journal, False, False)) as sink:
        sink.recover()
        for name in sorted(names):
            item = Item(f"/in/{name}", "", 0, name, len(name), 10**18)
            admission = journal.admit(item, "same", False)
            if admission.action == "do":
                staged = sink.stage(name, 10**18, lambda file, name=name: file.write(name.encode()))
                finished = Finished(admission.row, name, "coloured", bytes=staged.size)
                sink.publish([(finished, staged)])
        sink.finish()


@pytest.mark.parametrize(
    ("output", "lost"), [("out.zip", False), ("out.tar", False), ("out.zip", True)]
)
def test_a_crash_between_any_two_steps_of_extending(tmp_path, output, lost, monkeypatch):
    """Also where the finished container is then taken away."""
    few = ["b.jpg", "d.jpg"]
    many = ["a.jpg", *few, "c.jpg", "long" * 40 + ".jpg"]
    contents = []
    for names in (few, many):
        path = tmp_path / str(len(names)) / output
        path.parent.mkdir()
        journal = Journal(path.with_suffix(".sqlite"))
        job(path, names, journal)
        journal.close()
        contents.append(path.read_bytes())
    for after in range(100):
        path = tmp_path / f"at{after}" / output
        shutil.copytree(tmp_path / "2", path.parent)
        crash = Crashing(after)
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", crash(os.replace))
            patched.setattr(container, "settle", crash(lambda file: file.flush()))
            patched.setattr(container, "sync_folder", crash(container.sync_folder))
            patched.setattr(Journal, "commit", crash(Journal.commit))
            patched.setattr(container.Path, "unlink", crash(container.Path.unlink))
            journal = Journal(path.with_suffix(".sqlite"))
            try:
                job(path, many, journal)
            except Crash:
                journal._db.execute("ROLLBACK")
            journal._db.close()
        assert path.read_bytes() in contents
        if lost:
            path.unlink()
        journal = Journal(path.with_suffix(".sqlite"))
        job(path, many, journal)
        journal.close()
        assert path.read_bytes() == contents[1]
        assert [p.name for p in path.parent.iterdir() if "fastcolor" in p.name] == []
        if crash.left >= 0:
            break
    assert after > 12
