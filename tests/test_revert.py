"""fastcolor revert, through real processes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import archives
import jpeg_files as files
import pytest

from fastcolor import jpeg
from fastcolor.archive.sink import temporary_name

pytest.importorskip("typer", reason="the command line needs typer")

GREYS = {
    "a.jpg": files.grey(40, 30),
    "box/b.jpg": files.grey(17, 9, progressive=True),
    "box/deep/c.jpeg": files.inserted(files.grey(33, 20), files.icc(files.grey_profile())) + b"end",
}


def joined(grey: bytes) -> bytes:
    info = jpeg.probe(grey)
    return jpeg.join(grey, jpeg.encode_chroma(*files.planes_for(info.width, info.height)))


JOINED = {name: joined(grey) for name, grey in GREYS.items()}


def revert(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fastcolor", "revert", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, **options,
    )  # fmt: skip


def written(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def found(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_is_mirrored(tmp_path):
    source = written(tmp_path / "in", JOINED)
    written(source, {"note.txt": b"text", "colour.jpg": files.colour(), "empty.jpg": b""})
    os.utime(source / "a.jpg", (1e9, 1e9))
    done = revert(source, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'out'}: 3 restored, 3 left out (not joined by fastcolor)\n"
    assert found(tmp_path / "out") == GREYS
    assert (tmp_path / "out" / "a.jpg").stat().st_mtime == 1e9
    again = revert(source, "-o", tmp_path / "out", "--quiet")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_what_is_only_the_luma_of_another_file_is_not_called_restored(tmp_path):
    source = written(tmp_path / "in", JOINED)
    dropped = jpeg.drop_chroma(files.colour(20, 10))
    chroma = jpeg.encode_chroma(*files.planes_for(20, 10))
    written(source, {"sepia.jpg": jpeg.join(dropped, chroma, luma_only=True)})
    for words in ("3 restored", "0 restored, 3 there already"):
        done = revert(source, "-o", tmp_path / "out")
        assert done.returncode == 0
        assert done.stdout == (
            f"{tmp_path / 'out'}: {words}; 1 holds only the luma of a colour-encoded file\n"
        )
        assert done.stderr == (
            f"fastcolor: {source / 'sepia.jpg'}: only the luma of a colour-encoded file, "
            "whose chroma colorize did not keep\n"
        )
        assert found(tmp_path / "out") == {**GREYS, "sepia.jpg": dropped}
    alone = revert(source / "sepia.jpg", "-o", tmp_path / "x.jpg", "--quiet")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archives(kind, tmp_path):
    path = tmp_path / f"scans.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in {
                **JOINED,
                "note.txt": b"text",
                "../evil.jpg": JOINED["a.jpg"],
            }.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            for name, data in {
                **JOINED,
                "note.txt": b"text",
                "../evil.jpg": JOINED["a.jpg"],
            }.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    done = revert(path, "-o", tmp_path / "deep" / "out")
    assert done.returncode == 1
    assert "evil.jpg" in done.stderr and "'..'" in done.stderr and done.stderr.count("\n") == 1
    assert found(tmp_path / "deep" / "out") == GREYS
    assert not (tmp_path / "deep" / "evil.jpg").exists()


def test_one_file_to_one_file(tmp_path):
    written(tmp_path, {"x.jpg": JOINED["a.jpg"]})
    assert revert(tmp_path / "x.jpg", "-o", tmp_path / "y.jpg").returncode == 0
    assert (tmp_path / "y.jpg").read_bytes() == GREYS["a.jpg"]
    assert revert(tmp_path / "x.jpg", "-o", tmp_path / "folder").returncode == 0
    assert (tmp_path / "folder" / "x.jpg").read_bytes() == GREYS["a.jpg"]


def test_what_was_coloured_here_and_has_no_way_back_is_named(tmp_path):
    grey = written(tmp_path / "grey", {"a.jpg": GREYS["a.jpg"], "b.jpg": GREYS["a.jpg"]})
    assert archives.colorize(grey, "-o", tmp_path / "in", *archives.QUICK).returncode == 0
    data = (tmp_path / "in" / "b.jpg").read_bytes()
    (tmp_path / "in" / "b.jpg").write_bytes(files.without(data, 0xE9))
    done = revert(tmp_path / "in", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "b.jpg: was coloured by fastcolor and has no original in it" in done.stderr
    assert "1 restored, 1 failed" in done.stdout
    assert found(tmp_path / "out") == {"a.jpg": GREYS["a.jpg"]}


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    bad = JOINED["a.jpg"].replace(b"JFIF", b"JFIX")
    source = written(tmp_path / "in", {**JOINED, "bad.jpg": bad})
    done = revert(source, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "bad.jpg: it was changed after fastcolor wrote it" in done.stderr
    assert "3 restored, 1 failed" in done.stdout
    assert found(tmp_path / "out") == GREYS


def test_what_exists_is_kept_unless_forced(tmp_path):
    source = written(tmp_path / "in", {"a.jpg": JOINED["a.jpg"]})
    out = written(tmp_path / "out", {"a.jpg": b"mine"})
    done = revert(source, "-o", out)
    assert done.returncode == 1 and "exists; --force" in done.stderr
    assert found(out) == {"a.jpg": b"mine"}
    assert revert(source, "-o", out, "--force").returncode == 0
    assert found(out) == {"a.jpg": GREYS["a.jpg"]}


def test_inputs_are_never_replaced(tmp_path):
    source = written(tmp_path / "in", {"a.jpg": JOINED["a.jpg"]})
    for output in (source, source / "a.jpg"):
        done = revert(source / "a.jpg", "-o", output, "--force")
        assert done.returncode in (1, 5), done.stderr
        assert found(source) == {"a.jpg": JOINED["a.jpg"]}


def test_exit_codes(tmp_path):
    written(tmp_path, {"grey.jpg": files.grey(), "note.txt": b"x", "j.jpg": JOINED["a.jpg"]})
    written(tmp_path / "others", {"note.txt": b"x"})
    for arguments, code, words in (
        ([tmp_path / "grey.jpg", "-o", tmp_path / "out"], 1, "not joined by fastcolor"),
        ([tmp_path / "others", "-o", tmp_path / "out"], 1, "nothing to restore"),
        ([tmp_path / "none.jpg", "-o", tmp_path / "out"], 5, "there is no such file"),
        ([tmp_path / "j.jpg", "-o", tmp_path / "note.txt" / "out"], 5, "cannot write"),
        ([tmp_path / "j.jpg"], 2, "--output"),
    ):
        done = revert(*arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_partial_file_stays_where_the_disk_is_full(tmp_path):
    big = files.grey(600, 500, quality=95)
    source = written(tmp_path / "in", {"a.jpg": joined(big)})
    done = subprocess.run(
        f"ulimit -f 8; exec {sys.executable} -m fastcolor revert {source} -o {tmp_path / 'out'}",
        shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "cannot write" in done.stderr
    assert found(tmp_path / "out") == {}


def members(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_originals_may_go_into_a_container(tmp_path, name):
    source = written(tmp_path / "in", {**JOINED, "A.jpg": JOINED["a.jpg"], "note.txt": b"text"})
    target = tmp_path / "deep" / name
    done = revert(source, "-o", target)
    assert done.returncode == 1
    assert "a.jpg: its output a.jpg differs from A.jpg" in done.stderr
    expected = {**GREYS, "A.jpg": GREYS["a.jpg"]}
    del expected["a.jpg"]
    assert members(target) == expected
    again = revert(source, "-o", target)
    assert (again.returncode, again.stderr.count("\n")) == (5, 1)
    assert f"{target} exists; --force replaces it" in again.stderr
    (source / "A.jpg").unlink()
    forced = revert(source, "-o", target, "--force")
    assert (forced.returncode, forced.stderr) == (0, "")
    assert "3 restored, 1 left out" in forced.stdout
    assert members(target) == GREYS
    assert os.listdir(target.parent) == [name]


def test_a_list_on_stdin(tmp_path):
    source = written(tmp_path / "in", {**JOINED, "note.txt": b"text"})
    lines = "\n".join(map(str, [*sorted(source.rglob("*.*")), source / "none.jpg"]))
    done = revert("-", "-o", tmp_path / "out", input=lines)
    assert done.returncode == 1
    assert done.stderr == f"fastcolor: {source / 'none.jpg'}: there is no such file\n"
    assert "3 restored, 1 left out" in done.stdout
    assert found(tmp_path / "out") == GREYS
    assert revert("-", source, "-o", tmp_path / "out", input=lines).returncode == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.png", "named like one picture"),
        ("x.jpg", "named like one picture"),
        ("x.tar.gz", "archives are written as .zip or .tar"),
        ("x.txt", "cannot be written"),
    ],
)
def test_a_name_that_promises_something_else_is_refused(tmp_path, name, words):
    source = written(tmp_path / "in", JOINED)
    done = revert(source, "-o", tmp_path / name)
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert words in done.stderr
    one = revert(source / "a.jpg", "-o", tmp_path / "y.png")
    assert (one.returncode, one.stderr.count("\n")) == (5, 1)
    assert "originals are JPEG files" in one.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path):
    source = written(tmp_path / "in", JOINED)
    dying = (
        "import os, pathlib; from fastcolor.cli import revert; os.replace = lambda *a: os._exit(9);"
        f"revert.revert([{str(source)!r}], pathlib.Path({str(tmp_path / 'out')!r}),"
        "max_file=0, force=False, quiet=True)"
    )
    assert subprocess.run([sys.executable, "-c", dying]).returncode == 9
    assert len(found(tmp_path / "out")) == 1
    assert revert(source, "-o", tmp_path / "out").returncode == 0
    assert found(tmp_path / "out") == GREYS


def test_what_cannot_be_written_is_named_beside_its_neighbours(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in ("a.jpg", "a.jpg/b.jpg", "c.jpg"):
            archive.writestr(name, JOINED["a.jpg"])
    done = revert(tmp_path / "in.zip", "-o", tmp_path / "out")
    assert done.returncode == 1 and "a.jpg/b.jpg needs a folder where a file is" in done.stderr
    assert found(tmp_path / "out") == dict.fromkeys(("a.jpg", "c.jpg"), GREYS["a.jpg"])


def test_the_unfinished_container_of_a_job_is_left_alone(tmp_path):
    source = written(tmp_path / "in", JOINED)
    (tmp_path / "out.zip.fastcolor.sqlite").write_bytes(b"")
    (tmp_path / ".fastcolor-out.zip.part").write_bytes(b"half of it")
    done = revert(source, "-o", tmp_path / "out.zip", "--force")
    assert done.returncode == 5 and "is the output of a job" in done.stderr
    assert (tmp_path / ".fastcolor-out.zip.part").read_bytes() == b"half of it"


def test_nothing_is_written_through_a_link(tmp_path):
    source, victim = written(tmp_path / "in", JOINED), tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / temporary_name("a.jpg")).symlink_to(victim)
    assert revert(source, "-o", tmp_path / "out").returncode == 0
    assert victim.read_text() == "precious"
    assert found(tmp_path / "out") == GREYS
