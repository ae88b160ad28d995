"""What stops a whole job: one clear sentence, and the same command goes on."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import zipfile

import archives
import pytest
from archives import SETTINGS, Meddling, colour

from fastcolor.archive import Settings, pipeline, run, workers
from fastcolor.archive.errors import JobError
from fastcolor.archive.journal import Journal


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 12)


def test_a_second_process_is_told_to_wait(source, tmp_path):
    held = Journal(tmp_path / "out.fastcolor.sqlite")
    done = archives.colorize(source, "-o", tmp_path / "out")
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert "another fastcolor works on this output" in done.stderr
    held.close()
    (tmp_path / "out2.fastcolor.sqlite").write_text("no database")
    assert "not a journal" in archives.colorize(source, "-o", tmp_path / "out2").stderr


def test_missing_inputs(tmp_path):
    done = archives.colorize(tmp_path / "none", "-o", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert "there is no such file or folder" in done.stderr


def test_a_vanished_input_stops_the_job(tmp_path):
    source = archives.fill(tmp_path / "in", 150)
    gone = Meddling(20, lambda: source.rename(tmp_path / "away"))
    with pytest.raises(JobError, match="has vanished; when it is back"):
        run([source], tmp_path / "out", SETTINGS, progress=gone)
    assert 20 <= len(archives.tree(tmp_path / "out")) < 150
    assert not archives.leftovers(tmp_path)
    (tmp_path / "away").rename(source)
    assert colour(source, tmp_path / "out")[0] == 0
    assert len(archives.tree(tmp_path / "out")) == 150


def test_a_file_that_vanishes_is_one_failure(tmp_path):
    source = archives.fill(tmp_path / "in", 100)  # more than are published together
    lost = Meddling(1, (sorted(source.rglob("*.jpg"))[-1]).unlink)
    outcome = run([source], tmp_path / "out", Settings(size=32, jobs=0), progress=lost)
    assert outcome.counts["failed"] == 1
    assert "vanished" in next(iter(lost.failures.values()))


def test_a_file_size_limit_stops_the_job(tmp_path):
    source = archives.fill(tmp_path / "in", 30)
    (source / "box0" / "000015.png").write_bytes(archives.png(1, 400, 400))
    command = " ".join(archives.arguments(source, "-o", tmp_path / "out", *archives.QUICK))
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 120; exec {command}"], capture_output=True, text=True
    )
    assert done.returncode == 5
    assert done.stderr.splitlines()[-1].startswith("fastcolor: error: cannot write ")
    assert "the same command goes on" in done.stderr
    assert not archives.leftovers(tmp_path)
    assert colour(source, tmp_path / "out", Settings(size=32))[0] == 0
    assert len(archives.tree(tmp_path / "out")) == 31


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB, where mounting is allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_nothing_is_admitted_by_a_journal_that_forgot_its_last_rows(tmp_path, monkeypatch):
    """Their numbers would go to other items, and what is in work would be noted as theirs."""
    source = archives.fill(tmp_path / "in", 40)
    real_ready, real_admit, late = Journal.ready, Journal.admit, []
    failed = False

    def ready(self, done):
        nonlocal failed
        if failed or done[0].row < 5:
            return real_ready(self, done)
        failed = True
        self._db.execute("ROLLBACK")  # as SQLite does where the disk is full
        raise JobError("the disk is full")

    def admit(*given, **options):
        if failed:
            late.append(given)
        return real_admit(*given, **options)

    monkeypatch.setattr(workers, "IN_FLIGHT", 2)
    monkeypatch.setattr(pipeline, "MOST_SECONDS", 0.001)
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "ready", ready)
        patched.setattr(Journal, "admit", admit)
        with pytest.raises(JobError, match="disk is full"):
            colour(source, tmp_path / "out")
    assert failed
    assert not late
    assert not archives.leftovers(tmp_path)
    assert colour(source, tmp_path / "out")[0] == 0
    assert len(archives.tree(tmp_path / "out")) == 40


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_a_full_disk_stops_the_job(small_disk, tmp_path, output):
    source = archives.fill(tmp_path / "in", 200)
    for _ in range(2):
        done = archives.colorize(source, "-o", small_disk / output, *archives.QUICK)
        assert done.returncode == 5
        assert "Traceback" not in done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith("fastcolor: error: cannot write ")
        assert "the same command goes on" in last
        # the database reports full disks in its own words
        assert "no space is left" in last or "disk" in last
    subprocess.run(["mount", "-o", "remount,size=20M", str(small_disk)], check=True)
    code, heard = colour(source, small_disk / output)
    assert (code, heard.failures) == (0, {})
    if output == "out":
        assert len(archives.tree(small_disk / output)) == 200
    else:
        assert zipfile.ZipFile(small_disk / output).testzip() is None


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_a_read_only_output_stops_the_job(small_disk, source, output):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = archives.colorize(source, "-o", small_disk / output)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert "cannot write" in done.stderr


def without_privileges(*given):
    """The command, for root too, as one whom permissions bind."""
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"]).returncode:
            pytest.skip("needs setpriv, or not to be root")
    command = [*prefix, *archives.arguments(*given, *archives.QUICK)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_folders_that_may_not_be_written_are_named_before_any_work(tmp_path):
    source = archives.fill(tmp_path / "in", 3)
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    theirs.mkdir(mode=0o555)
    mine.mkdir()
    one = source / "box0" / "000001.jpg"
    for arguments in (
        (source, "-o", theirs / "out"),
        (source, "-o", theirs / "out.zip"),
        (source, "-o", mine / "out", "--report", theirs / "r.html"),
        (one, "-o", theirs / "x.jpg"),
    ):
        done = without_privileges(*arguments)
        assert done.returncode == 5, done.stderr
        assert "writing there is not allowed" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
    assert archives.tree(theirs) == archives.tree(mine) == {}
    theirs.chmod(0o755)
    mounted = theirs / "mounted"
    mounted.mkdir()
    theirs.chmod(0o555)
    done = without_privileges(source, "-o", mounted)  # beside it nothing may be written
    assert f"with a folder inside {mounted} as output it goes there" in done.stderr
    assert without_privileges(source, "-o", mounted / "colour").returncode == 0
    one.chmod(0)
    done = without_privileges(source, "-o", mine / "out")
    assert (done.returncode, len(archives.tree(mine / "out"))) == (1, 2)
    assert f"{one}: cannot be read: Permission denied" in done.stderr


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=100, env=dict(os.environ)
    )


def test_a_log_that_nobody_reads_stops_the_job_in_order(source, tmp_path):
    command = shlex.join(archives.arguments(source, "-o", tmp_path / "out", *archives.QUICK))
    done = shell(f"{command} --json-log --jobs 1 | head -n 1 >/dev/null; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert "cannot write the log: Broken pipe" in done.stderr
    assert not archives.leftovers(tmp_path)
    assert colour(source, tmp_path / "out")[0] == 0


def test_closed_standard_files_are_no_trouble(source, tmp_path):
    (source / "bad.jpg").write_text("no picture")
    command = shlex.join(archives.arguments(source, "-o", tmp_path / "out", *archives.QUICK))
    assert shell(f"{command} <&- >&- 2>&-").returncode == 1
    assert len(archives.tree(tmp_path / "out")) == 12
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"failed:" not in path.read_bytes()
