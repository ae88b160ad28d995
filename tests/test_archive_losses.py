"""What a job must never cost anybody: originals, files of others, outputs that were worked on."""

from __future__ import annotations

import signal
import subprocess
import zipfile
from pathlib import Path

import archives
import pytest
from archives import SETTINGS, Settings, colour

from fastcolor import jpeg
from fastcolor.archive.errors import JobError
from fastcolor.archive.sink import temporary_name

OUTPUTS = pytest.mark.parametrize("output", ["out.zip", "out.tar"])


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 9)


@pytest.mark.parametrize("second", [{}, {"format": "png"}, {"lossless_luma": "never"}])
def test_coloured_again_files_keep_their_originals(source, tmp_path, second):
    """However pale they are: with these colours they would count as grey."""
    once, twice = tmp_path / "once", tmp_path / "twice"
    colour(source, once, Settings(size=32, jobs=2, saturation=0.01))
    code, heard = colour(once, twice, Settings(size=32, jobs=2, **second))
    assert code == 0 and set(heard.outcomes.values()) == {"copied"}
    assert archives.tree(twice) == archives.tree(once)
    for path in source.rglob("*.jpg"):
        made = twice / path.relative_to(source)
        assert jpeg.revert(made.read_bytes()) == path.read_bytes()


def test_force_takes_the_luma_where_the_original_is_lost(tmp_path):
    joined = tmp_path / "joined"
    colour(archives.fill(tmp_path / "in", 2), joined)
    changed = joined / "box0" / "000001.jpg"
    data = bytearray(changed.read_bytes())
    data[data.index(b"\xff\xdb") + 9] += 1  # of the quantisation
    changed.write_bytes(data)
    with pytest.raises(jpeg.JpegError, match="after fastcolor wrote it"):
        jpeg.revert(bytes(data))
    out = tmp_path / "out"
    code, heard = colour(joined, out, Settings(size=32, jobs=2, force=True, saturation=0.5))
    assert (code, set(heard.outcomes.values())) == (0, {"coloured"})
    made = (out / "box0" / "000001.jpg").read_bytes()
    assert jpeg.is_luma_only(made)
    assert jpeg.revert(made) == jpeg.drop_chroma(bytes(data))
    original = (tmp_path / "in" / "box0" / "000000.jpg").read_bytes()
    assert jpeg.revert((out / "box0" / "000000.jpg").read_bytes()) == original


@pytest.mark.parametrize("force", [False, True])
def test_a_grey_file_with_the_recipe_of_another_is_an_original(tmp_path, force):
    (tmp_path / "in").mkdir()
    segment = b"fastcolor\0\1\0\0\0\1" + bytes(60)  # a program may have kept it
    grey = archives.jpeg(1)
    grey = grey[:2] + b"\xff\xe9" + (len(segment) + 2).to_bytes(2, "big") + segment + grey[2:]
    assert jpeg.is_joined(grey)
    (tmp_path / "in" / "a.jpg").write_bytes(grey)
    code, heard = colour(tmp_path / "in", tmp_path / "out", Settings(size=32, force=force))
    assert (code, set(heard.outcomes.values())) == (0, {"coloured"})
    assert jpeg.revert((tmp_path / "out" / "a.jpg").read_bytes()) == grey


@OUTPUTS
def test_an_interrupted_job_does_not_replace_what_was_put_there_since(tmp_path, output):
    source, target = archives.fill(tmp_path / "in", 300), tmp_path / output
    command = archives.arguments(source, "-o", target, "--json-log")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if '"event": "done"' in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130 and not target.exists()
    target.write_text("precious")
    again = archives.colorize(source, "-o", target)
    assert again.returncode != 0 and "is not of this job; --force" in again.stderr
    assert target.read_text() == "precious"
    target.unlink()
    assert archives.colorize(source, "-o", target).returncode == 0


@OUTPUTS
@pytest.mark.parametrize("change", [lambda data: data[:500], lambda data: b"precious"])
def test_a_finished_container_that_was_changed_is_named(source, tmp_path, output, change):
    target = tmp_path / output
    colour(source, target)
    whole = target.read_bytes()
    target.write_bytes(change(whole))
    with pytest.raises(JobError, match=r"has been changed since it was written; --restart"):
        colour(source, target)
    assert target.read_bytes() == change(whole)
    assert colour(source, target, restart=True)[0] == 0
    assert target.read_bytes() == whole
    assert colour(source, target)[1].outcomes == {}


@OUTPUTS
def test_a_restart_that_was_stopped_goes_on(source, tmp_path, output):
    """The former container still has the name then, and is the job's own."""
    target = tmp_path / output
    colour(source, target)
    whole = target.read_bytes()

    class Stop(archives.Heard):
        def done(self, *about):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archives.run([source], target, SETTINGS, restart=True, progress=Stop())
    assert target.read_bytes() == whole
    assert colour(source, target)[0] == 0
    assert target.read_bytes() == whole


def test_outputs_that_were_worked_on_stay(source, tmp_path):
    out = tmp_path / "out"
    colour(source, out)
    before = archives.tree(out)
    edited, missing = out / "box0" / "000001.jpg", out / "box0" / "000002.jpg"
    edited.write_bytes(edited.read_bytes() + b"a title")
    missing.unlink()
    for _ in range(2):
        code, heard = colour(source, out)
        assert code == 1
        (reason,) = heard.failures.values()
        assert "000001.jpg was changed since it was written; --force replaces it" in reason
        assert edited.read_bytes().endswith(b"a title")
        assert archives.tree(out)["box0/000002.jpg"] == before["box0/000002.jpg"]
    assert colour(source, out, Settings(size=32, jobs=2, force=True))[0] == 0
    assert archives.tree(out) == before
    edited.write_bytes(b"")
    assert colour(source, out, restart=True)[0] == 0
    assert archives.tree(out) == before


def test_nothing_is_written_through_a_link(source, tmp_path):
    out, victim = tmp_path / "out", tmp_path / "victim"
    victim.write_text("precious")
    (out / "box0").mkdir(parents=True)
    (out / "box0" / temporary_name("box0/000001.jpg")).symlink_to(victim)
    assert colour(source, out)[0] == 0
    made = out / "box0" / "000001.jpg"
    assert victim.read_text() == "precious" and not made.is_symlink()
    assert jpeg.is_joined(made.read_bytes())
    (tmp_path / ".fastcolor-out.zip.part").symlink_to(victim)
    assert colour(source, tmp_path / "out.zip")[0] == 0
    assert victim.read_text() == "precious" and not (tmp_path / "out.zip").is_symlink()


def test_names_of_mac_clutter_do_not_hide_pictures(tmp_path):
    source = tmp_path / "in"
    for name in ("._scan.jpg", "._old/1.jpg", ".fastcolor-album/2.jpg", "3.jpg"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(archives.jpeg(len(name)))
    (source / "._3.jpg").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000))
    (source / "__MACOSX").mkdir()
    (source / "__MACOSX" / "._3.jpg").write_bytes(b"\0\5\x16\7")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in sorted(source.rglob("*.jpg")):
            archive.write(path, path.relative_to(source))
    for given, output in ((source, "a"), (tmp_path / "in.zip", "b")):
        code, heard = colour(given, tmp_path / output)
        names = {Path(label.split(": ")[-1]).name: what for label, what in heard.outcomes.items()}
        assert code == 0
        assert names.pop("._3.jpg") == "skipped"
        assert names == dict.fromkeys(("._scan.jpg", "1.jpg", "2.jpg", "3.jpg"), "coloured")
        assert not (tmp_path / output / "._3.jpg").exists()


def test_an_input_that_is_spelled_anew_is_the_same(source, tmp_path):
    out = tmp_path / "out"
    colour(source, out)
    before = archives.tree(out)
    path = source / "box0" / "000001.jpg"
    path.rename(path.with_suffix(".JPG"))
    for _ in range(2):
        code, heard = colour(source, out)
        assert (code, heard.outcomes, heard.failures) == (0, {}, {})
    assert archives.tree(out) == before


def test_members_with_untidy_names_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for number, name in enumerate(("./a/1.jpg", "a//2.jpg", "a/./3.jpg", "./../4.jpg")):
            archive.writestr(name, archives.jpeg(number))
    code, heard = colour(tmp_path / "in.zip", tmp_path / "out")
    assert code == 1 and len(heard.failures) == 1
    assert set(archives.tree(tmp_path / "out")) == {"a/1.jpg", "a/2.jpg", "a/3.jpg"}
