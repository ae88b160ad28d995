"""What an item must not do to others: keep their name, pass for them, stop them, or hide them."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import archives
import numpy as np
import pytest
import tifffile
from archives import Meddling, colour
from PIL import Image

from fastcolor.archive import Settings, layout, run, sink, workers
from fastcolor.archive.errors import JobError
from fastcolor.cli import colorize as command


def tif(seed: int) -> bytes:
    """As large as that of any other seed."""
    file = io.BytesIO()
    tifffile.imwrite(file, archives.grey(seed))
    return file.getvalue()


def boxes(folder: Path, kind: str) -> list[Path]:
    """Two sources whose pictures have the same names, sizes and times."""
    found = []
    for box in range(2):
        target = folder / f"box{box}"
        if kind == "zip":
            target = target.with_suffix(".zip")
            with zipfile.ZipFile(target, "w") as archive:
                for page in range(3):
                    archive.writestr(zipfile.ZipInfo(f"page{page}.tif"), tif(box * 3 + page))
        else:
            target.mkdir()
            for page in range(3):
                path = target / f"page{page}.tif"
                path.write_bytes(tif(box * 3 + page))
                os.utime(path, ns=(10**18, 10**18))
        found.append(target)
    return found


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_another_source_does_not_pass_for_the_former(tmp_path, kind):
    first, second = boxes(tmp_path, kind)
    output = tmp_path / "out"
    assert colour(first, output)[0] == 0
    before = archives.tree(output)
    for _ in range(2):
        code, heard = colour(second, output)
        assert code == 1
        assert len(heard.failures) == 3
        assert all("is already that of" in reason for reason in heard.failures.values())
        assert archives.tree(output) == before
    moved = first.rename(first.with_name("moved" + first.suffix))
    outcome = run([moved], output, Settings(size=32))
    assert (outcome.exit_code, outcome.skipped_now, outcome.done_now) == (0, 3, 0)


@pytest.mark.parametrize("jobs", [0, 1, 3])
def test_a_bad_item_leaves_its_name_to_a_good_one(tmp_path, jobs):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.jpg").write_bytes(archives.jpeg(1)[:200])
    (source / "a.tif").write_bytes(tif(1))
    (source / "b.jpg").write_bytes(b"")
    (source / "b.png").write_bytes(archives.png(2)[:100])
    (source / "b.tif").write_bytes(tif(2))
    (source / "Scan.jpg").write_bytes(b"")
    (source / "scan.jpg").write_bytes(archives.jpeg(3))
    settings = Settings(size=32, jobs=jobs, format="jpg")
    for _ in range(2):
        code, heard = colour(source, tmp_path / "out", settings)
        assert code == 1
        assert sorted(Path(item).name for item in heard.failures) == [
            "Scan.jpg", "a.jpg", "b.jpg", "b.png",
        ]  # fmt: skip
        assert sorted(archives.tree(tmp_path / "out")) == ["a.jpg", "b.jpg", "scan.jpg"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_of_which_the_first_is_bad(tmp_path):
    source = tmp_path / "twice.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("x.jpg", archives.jpeg(1)[:300])
        archive.writestr("x.jpg", archives.jpeg(2))
    code, heard = colour(source, tmp_path / "out")
    assert (code, len(heard.failures), len(heard.outcomes)) == (1, 1, 1)
    assert "already" not in next(iter(heard.failures.values()))


def test_a_named_file_that_must_not_be_read_is_one_failure(tmp_path):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("the superuser reads everything, and there is no setpriv")
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    for name in ("a.jpg", "b.jpg", "c.zip"):
        (tmp_path / name).write_bytes(archives.jpeg(1))
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "d.jpg").write_bytes(archives.jpeg(2))
    for path in (tmp_path / "b.jpg", tmp_path / "c.zip", closed):
        path.chmod(0)
    names = ["a.jpg", "b.jpg", "c.zip", "closed/d.jpg"]
    listed = "\n".join(str(tmp_path / name) for name in names)
    line = [*(drop if os.geteuid() == 0 else []), *archives.arguments("-", "-o", tmp_path / "out")]
    done = subprocess.run(
        [*line, *archives.QUICK], input=listed, capture_output=True, text=True, timeout=100
    )
    closed.chmod(0o700)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("Permission denied") == 3
    assert sorted(archives.tree(tmp_path / "out")) == ["a.jpg"]


def test_what_a_killed_job_left_goes_where_its_inputs_are_gone(tmp_path):
    source = archives.fill(tmp_path / "in", 150)
    output = tmp_path / "out"
    for _ in range(20):
        job = subprocess.Popen(
            archives.arguments(source, "-o", output, "--jobs", "4"), stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not archives.leftovers(tmp_path) and job.poll() is None and time.monotonic() < end:
            pass
        job.send_signal(signal.SIGKILL)
        job.wait()
        if archives.leftovers(tmp_path):
            break
        shutil.rmtree(output, ignore_errors=True)
        output.with_name("out.fastcolor.sqlite").unlink(missing_ok=True)
    assert archives.leftovers(tmp_path)
    for path in sorted(source.rglob("*.*"))[:-1]:
        path.unlink()
    assert colour(source, output, Settings())[0] == 0  # asserts that nothing is left


@pytest.mark.parametrize("seconds", [-(2**62), -1, 2**31, 300_000_000_000, 2**53])
def test_a_time_that_no_zip_can_say(seconds):
    """Some file systems keep years of five digits, which stopped the job."""
    assert layout.zip_date(seconds * 10**9)[0] in (1970 + 10, 2038, 2107)


@pytest.mark.parametrize("format", ["jpg", "webp", "png"])
def test_lost_bits_are_named(tmp_path, format):
    source = tmp_path / "in"
    source.mkdir()
    Image.fromarray(archives.grey(1).astype(np.uint16) * 257).save(source / "deep.png")
    report = tmp_path / "report.html"
    assert colour(source, tmp_path / "out", Settings(size=32, format=format), report=report)[0] == 0
    assert ("8 bits of each sample" in report.read_text()) == (format != "png")


def test_a_damaged_page_is_named(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    path = source / "book.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in range(5):
            writer.write(archives.grey(page), compression="zlib")
    with tifffile.TiffFile(path) as file:
        at = file.pages[3].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(data)
    code, heard = colour(source, tmp_path / "out")
    assert code == 1
    assert next(iter(heard.failures.values())).startswith("page 4: ")


def test_an_interrupted_job_does_not_begin_what_only_waits(tmp_path, monkeypatch):
    source = archives.fill(tmp_path / "in", 200)
    monkeypatch.setattr(workers, "IN_FLIGHT", 1000)
    stop = Meddling(1, lambda: os.kill(os.getpid(), signal.SIGINT))
    settings = Settings(jobs=1)  # full size: slow enough
    outcome = run([source], tmp_path / "out", settings, progress=stop)
    assert outcome.exit_code == 130
    assert 0 < outcome.done_now < 150
    assert not archives.leftovers(tmp_path)
    again = run([source], tmp_path / "out", settings)
    assert (again.exit_code, again.skipped_now) == (0, outcome.done_now)
    assert again.done_now == 200 - outcome.done_now


def test_an_interrupt_when_nothing_is_left_does_not_say_stopped(tmp_path):
    source = archives.fill(tmp_path / "in", 3)
    late = Meddling(3, lambda: os.kill(os.getpid(), signal.SIGINT))
    outcome = run([source], tmp_path / "out.zip", Settings(size=32), progress=late)
    assert (outcome.exit_code, outcome.done_now) == (0, 3)
    assert len(zipfile.ZipFile(tmp_path / "out.zip").namelist()) == 3


def test_a_job_that_ends_with_an_error_reports_what_it_can(tmp_path, monkeypatch, capsys):
    source = archives.fill(tmp_path / "in", 30)
    (source / "bad.jpg").write_bytes(b"")
    calls = []
    real = sink.settle

    def failing(file):
        calls.append(1)
        if len(calls) == 20:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(sink, "settle", failing)
    report = tmp_path / "report.html"
    with pytest.raises(JobError, match="space"):
        command.colorize(
            [str(source)], tmp_path / "out", None,
            {"size": 32, "jobs": 1, "report": report, "json_log": True}, restart=False,
        )  # fmt: skip
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("error", 5)
    assert "space" in last["message"]
    assert "bad.jpg" in report.read_text()


def test_what_is_met_twice_is_not_called_former(tmp_path):
    source = archives.fill(tmp_path / "in", 3)
    inside = sorted(source.rglob("*.jpg"))[0]
    outcome = run([source, inside], tmp_path / "out", Settings(size=32))
    assert (outcome.done_now, outcome.skipped_now) == (3, 0)
