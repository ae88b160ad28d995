"""What a job is asked to write to: nothing of the user's is replaced, no name promises too much."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys

import archives
import pytest

from fastcolor.archive import Settings, run
from fastcolor.archive.errors import JobError


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 3)


def test_a_report_never_replaces_a_picture_or_a_page_of_others(source, tmp_path):
    picture = next(source.rglob("*.jpg"))
    before = picture.read_bytes()
    page = tmp_path / "index.html"
    page.write_text("<html>my own page about fastcolor</html>")
    for report in (picture, tmp_path / "out" / "0.jpg", page, tmp_path):
        with pytest.raises(JobError, match="report"):
            run([source], tmp_path / "out", archives.SETTINGS, report=report)
    assert picture.read_bytes() == before
    assert "my own page" in page.read_text()
    assert not (tmp_path / "out").exists()
    ours = tmp_path / "r.html"
    for _ in range(2):  # one of ours is renewed
        run([source], tmp_path / "out", archives.SETTINGS, report=ours)
    assert "<title>fastcolor:" in ours.read_text()


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_no_folder_is_made_for_a_report_but_that_of_the_output(source, tmp_path, output):
    out = tmp_path / output
    for folder in (tmp_path / "typo" / "deeper", tmp_path / "in" / "typo", out / "deeper"):
        with pytest.raises(JobError, match=f"there is no folder {folder}"):
            run([source], out, archives.SETTINGS, report=folder / "r.html")
    if out.suffix:
        with pytest.raises(JobError, match="there is no folder"):
            run([source], out, archives.SETTINGS, report=out / "r.html")
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    if not out.suffix:
        run([source], out, archives.SETTINGS, report=out / "r.html")
        assert "<title>fastcolor:" in (out / "r.html").read_text()
        assert run([source], out, archives.SETTINGS, report=out / "r.html").exit_code == 0


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.7z", "x.rar", "x.txt", "x.jp2", "x.bmp"])
def test_a_name_that_is_not_written_is_refused(source, tmp_path, name):
    with pytest.raises(JobError, match="cannot be written"):
        run([next(source.rglob("*.jpg"))], tmp_path / name, archives.SETTINGS)
    assert not (tmp_path / name).exists()


def test_a_name_that_contradicts_the_format_is_refused(source, tmp_path):
    with pytest.raises(JobError, match="contradicts --format jpg"):
        run([next(source.rglob("*.jpg"))], tmp_path / "s.png", Settings(size=32, format="jpg"))


def test_a_folder_may_have_a_dot(source, tmp_path):
    assert run([source], tmp_path / "scans.1920", archives.SETTINGS).exit_code == 0


def test_names_that_lead_nowhere_or_are_too_long_are_refused(source, tmp_path):
    (tmp_path / "way").symlink_to(tmp_path / "nowhere")
    for output, words in (
        (tmp_path / "way", "leads nowhere"),
        ("/", "has no name"),
        (tmp_path / ("x" * 240 + ".zip"), "has 244 bytes, more than 230"),
    ):
        with pytest.raises(JobError, match=words):
            run([source], output, archives.SETTINGS)
    with pytest.raises(JobError, match="empty name"):
        run([source, ""], tmp_path / "out", archives.SETTINGS)
    assert run([source], tmp_path / ("x" * 226 + ".zip"), archives.SETTINGS).exit_code == 0
    long = tmp_path / ("x" * 251 + ".jpg")
    assert run([next(source.rglob("*.jpg"))], long, archives.SETTINGS).exit_code == 0


@pytest.mark.parametrize("command", ["colorize", "revert"])
def test_an_empty_output_is_not_the_working_folder(source, tmp_path, command):
    line = [sys.executable, "-m", "fastcolor", command, str(source), "-o", ""]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "it is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def remembered(path) -> bool:
    """Whether pages of the file lie in the system's memory; asked without reading any."""
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as pages:
        states = (ctypes.c_ubyte * -(-len(pages) // mmap.PAGESIZE))()
        first = ctypes.c_char.from_buffer(pages)
        failed = libc.mincore(ctypes.byref(first), ctypes.c_size_t(len(pages)), states)
        del first  # or the mapping cannot be closed
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return any(state & 1 for state in states)


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_outputs_do_not_crowd_out_what_others_keep_in_memory(source, tmp_path, output):
    probe = tmp_path / "probe"
    with probe.open("wb") as file:
        file.write(bytes(100_000))
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if remembered(probe):
        pytest.skip("this file system lives in memory")
    probe.write_bytes(bytes(100_000))
    assert remembered(probe)
    made = tmp_path / output
    run([source], made, archives.SETTINGS)
    files = [made] if made.is_file() else [path for path in made.rglob("*") if path.is_file()]
    assert files and not [file for file in files if remembered(file)]
