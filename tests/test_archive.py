"""fastcolor colorize: what is read, and what is written where."""

from __future__ import annotations

import json
import os
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import archives
import numpy as np
import pytest
import tifffile
from archives import SETTINGS, colour, make_archive
from PIL import Image

from fastcolor import jpeg
from fastcolor.archive import Settings, run
from fastcolor.archive.errors import JobError
from fastcolor.archive.names import output_name
from fastcolor.archive.steps import Steps
from fastcolor.archive.task import Result
from fastcolor.archive.workers import IN_FLIGHT


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 12)


def test_a_folder_is_mirrored_and_its_jpegs_can_be_reverted(source, tmp_path):
    (source / "box0" / "colour.jpg").write_bytes(archives.colour_jpeg(1))
    os.utime(source / "box0" / "000001.jpg", (1e9, 1e9))
    code, heard = colour(source, tmp_path / "out")
    assert (code, heard.failures) == (0, {})
    out = tmp_path / "out"
    assert set(archives.tree(out)) == set(archives.tree(source))
    for path in source.rglob("*.jpg"):
        made = (out / path.relative_to(source)).read_bytes()
        if path.name == "colour.jpg":
            assert made == path.read_bytes()
        else:
            assert jpeg.revert(made) == path.read_bytes()
            with Image.open(out / path.relative_to(source)) as picture:
                assert np.ptp(np.asarray(picture.convert("YCbCr"))[..., 1:]) > 0
    assert (out / "box0" / "000001.jpg").stat().st_mtime == 1e9
    with Image.open(out / "box0" / "000009.png") as picture:
        assert picture.mode == "RGB"


def everything(folder: Path) -> Path:
    """Inputs of every kind, for comparing runs."""
    archives.fill(folder / "tree", 10)
    make_archive(folder / "a.zip", "zip")
    make_archive(folder / "b.tar.gz", "tar.gz")
    (folder / "one.jpg").write_bytes(archives.jpeg(77, 90, 31))
    Image.fromarray(archives.grey(5, 70, 20)).save(folder / "two.tif", compression="tiff_lzw")
    grey = archives.grey(6, 21, 64)
    Image.fromarray(np.stack([grey] * 3, axis=2)).save(folder / "rgb.jpg", quality=95)
    return folder


@pytest.mark.parametrize("output", ["out", "out.zip", "out.tar"])
def test_outputs_do_not_depend_on_jobs_batch_or_order(tmp_path, output):
    folder = everything(tmp_path / "in")
    inputs = sorted(folder.iterdir())
    results = []
    for number, (jobs, batch, order) in enumerate(
        [(0, 8, inputs), (1, 1, inputs[::-1]), (2, 3, inputs[3:] + inputs[:3]), (5, 64, inputs)]
    ):
        target = tmp_path / str(number) / output
        size = None if output == "out" else 32  # once as it is used, else quickly
        settings = Settings(jobs=jobs, batch=batch, size=size)
        code, heard = colour(list(order), target, settings)
        assert (code, heard.failures) == (0, {})
        results.append(archives.tree(target) if target.is_dir() else target.read_bytes())
    assert all(result == results[0] for result in results)
    if output == "out":
        assert {"tree/box0/000000.jpg", "a/0.jpg", "b/0.jpg", "one.jpg"} <= set(results[0])


def test_containers_hold_what_folders_hold(source, tmp_path):
    colour(source, tmp_path / "out")
    expected = {n: (tmp_path / "out" / n).read_bytes() for n in archives.tree(tmp_path / "out")}
    colour(source, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == expected
    colour(source, tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as archive:
        assert {m.name: archive.extractfile(m).read() for m in archive} == expected


def test_colour_pictures_are_copied_unless_forced(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "c.jpg").write_bytes(archives.colour_jpeg(1))
    sepia = np.stack([archives.grey(3)] * 3, axis=2) * np.array([1.0, 0.93, 0.8])
    Image.fromarray(sepia.astype(np.uint8)).save(source / "sepia.png")
    converted = Settings(size=32, jobs=0, format="png")
    code, heard = colour(source, tmp_path / "out", converted)
    assert code == 0
    assert sorted(heard.outcomes.values()) == ["coloured", "copied"]
    assert (tmp_path / "out" / "c.jpg").read_bytes() == archives.colour_jpeg(1)
    assert colour(source, tmp_path / "out", converted)[1].outcomes == {}
    forced = Settings(size=32, jobs=0, format="png", force=True)
    assert set(colour(source, tmp_path / "out", forced)[1].outcomes.values()) == {"coloured"}
    assert (tmp_path / "out" / "c.png").exists()


def test_formats_and_depth(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    deep = archives.grey(1).astype(np.uint16) * 257
    Image.fromarray(deep).save(source / "deep.png")
    (source / "j.jpeg").write_bytes(archives.jpeg(2))
    for format, suffix in (("png", ".png"), ("tiff", ".tif"), ("jpg", ".jpg"), ("webp", ".webp")):
        out = tmp_path / format
        code, heard = colour(source, out, Settings(size=32, format=format))
        assert (code, heard.failures) == (0, {})
        expected = {f"deep{suffix}", "j.jpeg" if format == "jpg" else f"j{suffix}"}
        assert set(archives.tree(out)) == expected
    import tifffile

    assert tifffile.imread(tmp_path / "tiff" / "deep.tif").dtype == np.uint16
    assert output_name("a/b.JPG", "jpg") == "a/b.JPG"
    assert output_name("notes.txt", "png") == "notes.txt"
    assert output_name("scan", "png") == "scan.png"


def test_pages_stay_pages(tmp_path):
    pages = [Image.fromarray(archives.grey(n, 50 + n, 40)) for n in range(4)]
    pages[2] = Image.open(__import__("io").BytesIO(archives.colour_jpeg(1)))
    pages[0].save(tmp_path / "many.tif", save_all=True, append_images=pages[1:])
    assert colour(tmp_path / "many.tif", tmp_path / "out")[0] == 0
    with Image.open(tmp_path / "out" / "many.tif") as picture:
        assert picture.n_frames == 4
        for number in range(4):
            picture.seek(number)
            assert picture.mode == "RGB"
            assert picture.width == (40 if number == 2 else 50 + number)
        picture.seek(2)
        assert np.array_equal(np.asarray(picture), np.asarray(pages[2]))
    code, heard = colour(tmp_path / "many.tif", tmp_path / "png", Settings(format="png"))
    assert code == 1
    assert "has 4 pages" in next(iter(heard.failures.values()))


def test_one_picture_to_one_file(tmp_path):
    (tmp_path / "a.jpg").write_bytes(archives.jpeg(1))
    assert colour(tmp_path / "a.jpg", tmp_path / "b.jpg")[0] == 0
    assert jpeg.revert((tmp_path / "b.jpg").read_bytes()) == archives.jpeg(1)
    assert colour(tmp_path / "a.jpg", tmp_path / "b.png")[0] == 0
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.format == "PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "b.jpg", "b.png"]
    _, again = colour(tmp_path / "a.jpg", tmp_path / "b.png")
    reason = f"{tmp_path / 'b.png'} exists; --force replaces it"
    assert again.failures == {str(tmp_path / "a.jpg"): reason}
    (tmp_path / "folder").mkdir()
    with pytest.raises(JobError, match="named like one picture"):
        colour(tmp_path / "folder", tmp_path / "c.jpg")


def test_lists_on_stdin(source, tmp_path):
    alone = archives.colorize(
        "-", "-o", tmp_path / "1", *archives.QUICK, input=str(archives.__file__)
    )
    assert alone.stderr.startswith("fastcolor: 1 item; model fast")
    assert ", 1 no picture" in alone.stdout
    paths = sorted(source.rglob("*.jpg"))[:3] + [tmp_path / "none.jpg"]
    paths[0] = paths[0].rename(source / "box0" / "carriage\rreturn.jpg")
    for number, end in enumerate(("\n", "\r\n")):
        out = tmp_path / f"out{number}"
        listed = "".join(f"{path}{end}" for path in paths)
        done = archives.colorize("-", "-o", out, *archives.QUICK, input=listed)
        assert done.returncode == 1
        assert "none.jpg: there is no such file" in done.stderr
        assert len(archives.tree(out)) == 3


def test_zero_jobs_run_in_the_callers_thread(source, tmp_path, monkeypatch):
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda t: (started.append(t), start(t)))
    run([source], tmp_path / "out", Settings(size=32, jobs=0))
    assert started == []


def test_logs(source, tmp_path):
    (source / "bad.jpg").write_text("no")
    done = archives.colorize(source, "-o", tmp_path / "out", "--json-log", *archives.QUICK)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["begin", "end"]
    assert events[0]["total"] == 13
    assert events[-1]["counts"] == {
        "coloured": 12, "copied": 0, "sidecar": 0, "skipped": 0, "failed": 1, "todo": 0
    }  # fmt: skip
    steps = {"read", "decode", "infer", "merge", "encode", "write"}
    assert all(set(e["seconds"]) == steps for e in events if e["event"] == "done")
    quiet = archives.colorize(source, "-o", tmp_path / "out", "--quiet", *archives.QUICK)
    assert quiet.stderr.count("\n") == 1
    assert "bad.jpg" in quiet.stderr


def test_turned_scans_are_coloured_as_they_are_looked_at(tmp_path):
    upright = archives.grey(3, 96, 64)
    (tmp_path / "in").mkdir()
    Image.fromarray(upright).save(tmp_path / "in" / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise for looking at it
    Image.fromarray(np.rot90(upright)).save(tmp_path / "in" / "turned.png", exif=exif)
    assert colour(tmp_path / "in", tmp_path / "out", Settings(jobs=0))[0] == 0
    with Image.open(tmp_path / "out" / "upright.png") as one:
        expected = np.asarray(one).astype(int)
    with Image.open(tmp_path / "out" / "turned.png") as other:
        assert other.getexif()[0x0112] == 6
        turned = np.rot90(np.asarray(other), -1).astype(int)
    assert np.abs(turned - expected).max() <= 2


def test_what_waits_for_its_place_in_a_container_is_bounded(tmp_path, monkeypatch):
    """A slow first picture must not let the results of all others pile up."""
    source = archives.fill(tmp_path / "in", 60)
    work, most, seen = Steps.compute, [], []
    second_done = threading.Event()

    def slow(self: Steps, result: Result) -> Result:
        number = result.task.number
        if number == 0:
            second_done.wait(20)
            time.sleep(0.5)
            seen.append(max(most))
        else:
            most.append(number)
            second_done.set()
        return work(self, result)

    monkeypatch.setattr(Steps, "compute", slow)
    run([source], tmp_path / "out.zip", SETTINGS)
    assert seen[0] <= 2 * IN_FLIGHT
    assert len(zipfile.ZipFile(tmp_path / "out.zip").namelist()) == 60


def test_large_tiffs_are_coloured_in_bands_with_the_same_result(tmp_path, monkeypatch):
    from fastcolor.archive import pages

    grey = np.linspace(3000, 60000, 300 * 200).reshape(300, 200).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", grey, compression="zlib")
    assert colour(tmp_path / "deep.tif", tmp_path / "whole", Settings(size=32))[0] == 0
    monkeypatch.setattr(pages, "BAND_BYTES", 100_000)
    assert colour(tmp_path / "deep.tif", tmp_path / "bands", Settings(size=32))[0] == 0
    whole = (tmp_path / "whole" / "deep.tif").read_bytes()
    assert whole == (tmp_path / "bands" / "deep.tif").read_bytes()
    assert tifffile.imread(tmp_path / "bands" / "deep.tif").dtype == np.uint16


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_sidecars_go_with_their_pictures(tmp_path, output):
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"words " * 9000 + b"</x:xmpmeta>"
    files = {"a.jpg": archives.jpeg(1), "a.xmp": xmp, "b.png": archives.png(2), "b.png.XMP": xmp}
    source = tmp_path / "in"
    source.mkdir()
    for name, data in {**files, "notes.txt": b"words"}.items():
        (source / name).write_bytes(data)
    with zipfile.ZipFile(source / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    target = tmp_path / output
    outcome = run([source], target, Settings(size=32, format="jpg"), report=tmp_path / "r.html")
    counts = outcome.counts
    assert (counts["coloured"], counts["sidecar"], counts["skipped"], counts["failed"]) == (
        4,
        4,
        1,
        0,
    )
    assert "<b>4</b><span>sidecars, copied" in (tmp_path / "r.html").read_text()
    expected = {f"{folder}{name}" for folder in ("", "z/") for name in ("a.xmp", "b.jpg.XMP")}
    if output.endswith("zip"):
        with zipfile.ZipFile(target) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
    else:
        found = {name: (target / name).read_bytes() for name in archives.tree(target)}
    assert {name for name in found if name.lower().endswith("xmp")} == expected
    assert all(found[name] == xmp for name in expected)
    assert run([source], target, Settings(size=32, format="jpg")).done_now == 0
