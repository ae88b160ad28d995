"""Pages of one file: one is encoded while the next is coloured, and the file does not show it."""

from __future__ import annotations

import threading
from pathlib import Path

import archives
import numpy as np
import pytest
import tifffile
from archives import colour

from fastcolor.archive import Settings, pages, workers, workshop
from fastcolor.archive.errors import ItemError
from fastcolor.archive.sink import FolderSink


@pytest.fixture
def book(tmp_path) -> Path:
    """Pages of several sizes and depths, the third in colour; large ones are written in bands."""
    path = tmp_path / "book.tif"
    plane = archives.grey(9, 300, 200)
    with tifffile.TiffWriter(path) as writer:
        writer.write(archives.grey(1), photometric="minisblack")
        writer.write(archives.grey(2).astype(np.uint16) * 257, compression="zlib")
        writer.write(np.stack([plane, plane[::-1], 255 - plane], axis=2), photometric="rgb")
        for seed in range(3, 8):
            writer.write(archives.grey(seed, 400, 300), compression="lzw", rowsperstrip=16)
    return path


def test_outputs_do_not_depend_on_who_worked_on_which_page(book, tmp_path, monkeypatch):
    threads = set()
    real = pages._page

    def seen(*given, **options):
        threads.add(threading.current_thread().name.split("-")[0].split("_")[0])
        return real(*given, **options)

    monkeypatch.setattr(pages, "_page", seen)
    monkeypatch.setattr(pages, "BAND_BYTES", 200_000)
    found = []
    for number, (jobs, room) in enumerate([(0, 3 << 30), (1, 3 << 30), (3, 3 << 30), (3, 1)]):
        monkeypatch.setattr(workshop, "IN_WORK_BYTES", room)
        threads.clear()
        settings = Settings(size=32, jobs=jobs)
        assert colour(book, tmp_path / str(number), settings)[0] == 0
        found.append((tmp_path / str(number) / "book.tif").read_bytes())
        assert ("spare" in threads) == (number == 2)  # elsewhere nobody is idle, or no room is
    assert all(data == found[0] for data in found)
    with tifffile.TiffFile(tmp_path / "2" / "book.tif") as file:
        assert len(file.pages) == 8


def test_busy_workers_are_not_asked_for_more(book, tmp_path):
    """However many books there are, no more threads work than --jobs says."""
    spare = workers.Spare(2, workers.Budget(100))
    with spare.busy(), spare.busy(), spare.ahead(1, threading.current_thread) as answer:
        assert answer() is threading.current_thread()
    with spare.busy():
        with spare.ahead(1, threading.current_thread) as answer:
            assert answer() is not threading.current_thread()
            with spare.ahead(1, threading.current_thread) as second:
                second()
        with spare.ahead(101, threading.current_thread) as answer:
            assert answer() is threading.current_thread()
        with pytest.raises(ItemError), spare.ahead(100, threading.current_thread):
            raise ItemError("while the other one works")
        with spare.ahead(100, threading.current_thread) as answer:  # all was given back
            assert answer() is not threading.current_thread()
    spare.close()


def test_a_page_that_fails_fails_its_file_alone(book, tmp_path, monkeypatch):
    data = bytearray(book.read_bytes())
    with tifffile.TiffFile(book) as file:
        start = file.pages[5].dataoffsets[3]
    data[start : start + 40] = b"\xff" * 40
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.tif").write_bytes(data)
    (tmp_path / "in" / "book.tif").write_bytes(book.read_bytes())
    for jobs in (1, 4):
        out = tmp_path / f"out{jobs}"
        code, heard = colour(tmp_path / "in", out, Settings(size=32, jobs=jobs))
        assert (code, list(heard.outcomes)) == (1, [str(tmp_path / "in" / "book.tif")])
        assert "piece 4 of the TIFF's pixels is damaged" in "".join(heard.failures.values())
    real = FolderSink.stage

    def failing(self, name, mtime_ns, write):
        class Full:
            def __init__(self, file):
                self.file = file

            def __getattr__(self, name):
                return getattr(self.file, name)

            def write(self, data):
                if self.file.tell() > 100_000:
                    raise ItemError("there is no more room")
                return self.file.write(data)

        return real(self, name, mtime_ns, lambda file: write(Full(file)))

    monkeypatch.setattr(FolderSink, "stage", failing)
    code, heard = colour(book, tmp_path / "full", Settings(size=32, jobs=3))
    assert (code, list(heard.failures.values())) == (1, ["there is no more room"])
