"""Bad items: each is named with a reason, its neighbours go on, and the exit code is 1."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import archives
import pytest
from archives import Heard, colour, make_archive
from PIL import Image

from fastcolor import jpeg
from fastcolor.archive import Settings


def reason(heard: Heard, name: str) -> str:
    found = [text for label, text in heard.failures.items() if label.endswith(name)]
    assert len(found) == 1, (name, heard.failures)
    return found[0]


def png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_bad_files(tmp_path):
    source = archives.fill(tmp_path / "in", 6)
    (source / "empty.jpg").touch()
    (source / "text.jpg").write_text("no picture")
    (source / "cut.jpg").write_bytes(archives.jpeg(1, 400, 300)[:3000])
    (source / "cut.png").write_bytes(archives.png(1)[:-200])
    (source / "bomb.png").write_bytes(png_of_size(60_000, 60_000))
    (source / "absurd.png").write_bytes(png_of_size(2_000_000_000, 2))
    (source / "wrong.png").write_bytes(archives.jpeg(3))
    (source / "letter.txt").write_text("not a picture, and not called one")
    (source / "way.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (tmp_path / "elsewhere.jpg").write_bytes(archives.jpeg(4))
    Image.fromarray(archives.grey(1)).convert("CMYK").save(source / "cmyk.jpg")
    report = tmp_path / "report.html"
    code, heard = colour(source, tmp_path / "out", report=report)
    assert code == 1
    assert "is empty" in reason(heard, "empty.jpg")
    assert "not a picture" in reason(heard, "text.jpg")
    assert reason(heard, "/cut.jpg")
    assert reason(heard, "/cut.png")
    assert "--max-pixels" in reason(heard, "bomb.png")
    assert "--max-pixels" in reason(heard, "absurd.png")
    assert "symbolic link" in reason(heard, "way.jpg")
    assert "CMYK" in reason(heard, "cmyk.jpg")
    assert len(heard.failures) == 8
    page = report.read_text()
    for label in heard.failures:
        assert label in page
    assert "its name says .png, it is JPEG" in page
    out = archives.tree(tmp_path / "out")
    assert set(out) == {*archives.tree(source / "box0")} | {"wrong.png"} or len(out) == 7
    assert "letter.txt" not in out
    allowed = Settings(size=32, jobs=2, max_pixels=0, max_bytes=0)
    _, heard = colour(source, tmp_path / "out", allowed)
    assert "--max-pixels" not in reason(heard, "bomb.png")


def test_names(tmp_path):
    source = archives.fill(tmp_path / "in", 2)
    (source / "A.jpg").write_bytes(archives.jpeg(1))
    (source / "a.jpg").write_bytes(archives.jpeg(2))
    with open(os.fsencode(source) + b"/K\xf6ln.jpg", "wb") as file:
        file.write(archives.jpeg(3))
    (source / "line\nend.jpg").write_bytes(archives.jpeg(4))
    code, heard = colour(source, tmp_path / "out")
    assert code == 1
    assert "only in letter case" in reason(heard, "/a.jpg")
    assert "not UTF-8" in reason(heard, "K\\xf6ln.jpg".replace("\\xf6", "\\udcf6"))
    assert len(heard.failures) == 2
    assert (tmp_path / "out" / "line\nend.jpg").exists()


def bad_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good/one.jpg", archives.jpeg(1))
        archive.writestr("../escape.jpg", archives.jpeg(2))
        archive.writestr("/rooted.jpg", archives.jpeg(3))
        archive.writestr("C:\\drive.jpg", archives.jpeg(3))
        archive.writestr("good/../../up.jpg", archives.jpeg(3))
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("good/one.jpg", archives.jpeg(4))
        archive.writestr("GOOD/one.jpg", archives.jpeg(5))
        archive.writestr("l" * 300 + ".jpg", archives.jpeg(6))
        archive.writestr("inner.zip", b"PK\x03\x04 and so on")
        archive.writestr("__MACOSX/._one.jpg", b"clutter")
        archive.writestr("wind\\ows.jpg", archives.jpeg(7))
        archive.writestr("wrongcrc.jpg", archives.jpeg(8))
        archive.writestr("last.jpg", archives.jpeg(9))
    data = path.read_bytes()
    at = data.index(archives.jpeg(8))
    path.write_bytes(data[: at + 300] + b"damaged" + data[at + 307 :])


def test_bad_zip_members(tmp_path):
    bad_zip(tmp_path / "in.zip")
    code, heard = colour(tmp_path / "in.zip", tmp_path / "deep" / "out")
    assert code == 1
    assert "'..'" in reason(heard, ": ../escape.jpg")
    assert "'..'" in reason(heard, "/../up.jpg")
    assert "absolute" in reason(heard, ": /rooted.jpg")
    assert "absolute" in reason(heard, "drive.jpg")
    assert "symbolic link" in reason(heard, ": link.jpg")
    assert "already that of" in reason(heard, ": good/one.jpg")
    assert "letter case" in reason(heard, ": GOOD/one.jpg")
    assert "304 bytes" in reason(heard, "llll.jpg")
    assert "archive inside an archive" in reason(heard, "inner.zip")
    assert "CRC" in reason(heard, "wrongcrc.jpg")
    assert len(heard.failures) == 10
    assert set(archives.tree(tmp_path)) - {"in.zip", "deep/out.fastcolor.sqlite"} == {
        "deep/out/good/one.jpg", "deep/out/last.jpg", "deep/out/wind/ows.jpg",
    }  # fmt: skip


def test_non_utf8_names_in_a_zip(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("XXXX.jpg", archives.jpeg(1))
        archive.writestr("fine.jpg", archives.jpeg(2))
    (tmp_path / "in.zip").write_bytes(buffer.getvalue().replace(b"XXXX", b"K\xf6ln"))
    code, heard = colour(tmp_path / "in.zip", tmp_path / "out")
    assert code == 1
    assert ["not UTF-8" in text for text in heard.failures.values()] == [True]
    (tmp_path / "in.zip").write_bytes(buffer.getvalue().replace(b"XXXX", "\u00e9\u00e9".encode()))
    assert colour(tmp_path / "in.zip", tmp_path / "out2")[0] == 0
    assert "\u00e9\u00e9.jpg" in archives.tree(tmp_path / "out2")


def test_password(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("locked.jpg", archives.jpeg(1))
        archive.writestr("open.jpg", archives.jpeg(2))
    data = bytearray((tmp_path / "in.zip").read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    (tmp_path / "in.zip").write_bytes(bytes(data))
    code, heard = colour(tmp_path / "in.zip", tmp_path / "out")
    assert (code, list(archives.tree(tmp_path / "out"))) == (1, ["open.jpg"])
    assert "password" in reason(heard, "locked.jpg")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_damaged_archives(tmp_path, kind, keep):
    """Cut or scrambled at some place: what comes before is done, and the archive is named."""
    whole = make_archive(tmp_path / f"whole.{kind}", kind).read_bytes().rstrip(b"\0")
    for name, data in (
        ("cut", whole[: int(len(whole) * keep)]),
        ("scrambled", whole[: int(len(whole) * keep)] + os.urandom(len(whole) // 2)),
    ):
        path = tmp_path / f"{name}.{kind}"
        path.write_bytes(data)
        code, heard = colour(path, tmp_path / f"out-{name}")
        assert code == 1
        assert heard.failures
        assert all(str(path) in label for label in heard.failures)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_good_archives(tmp_path, kind):
    path = make_archive(tmp_path / f"in.{kind}", kind)
    code, heard = colour(path, tmp_path / "out")
    assert (code, heard.failures) == (0, {})
    assert list(archives.tree(tmp_path / "out")) == [f"{n}.jpg" for n in range(5)]
    if kind != "zip":
        assert (tmp_path / "out" / "0.jpg").stat().st_mtime == 1_000_000_000


def test_tar_links_and_devices(tmp_path):
    with tarfile.open(tmp_path / "in.tar", "w") as archive:
        for name, kind in (("s.jpg", tarfile.SYMTYPE), ("h.jpg", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("dev.jpg")
        info.type = tarfile.CHRTYPE
        archive.addfile(info)
        info = tarfile.TarInfo("../out.jpg")
        info.size = len(archives.jpeg(1))
        archive.addfile(info, io.BytesIO(archives.jpeg(1)))
    code, heard = colour(tmp_path / "in.tar", tmp_path / "out")
    assert code == 1
    assert len(heard.failures) == 4
    assert not (tmp_path / "out").exists() or not archives.tree(tmp_path / "out")


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_zip_of_many_entries(tmp_path, count):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"{number % 100}/{number}.txt"), b"no picture")
        archive.writestr("one.jpg", archives.jpeg(1))
    code, heard = colour(tmp_path / "in.zip", tmp_path / "out")
    assert (code, heard.failures) == (0, {})
    assert list(archives.tree(tmp_path / "out")) == ["one.jpg"]


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_the_former_output_of_what_became_bad_stays(tmp_path, output):
    source = archives.fill(tmp_path / "in", 4)
    paths = sorted(source.rglob("*.jpg"))
    target, words = tmp_path / output, "; its former output stays"
    colour(source, target)
    before = archives.tree(target) if target.is_dir() else target.read_bytes()
    paths[0].write_bytes(archives.jpeg(0)[:-300])
    paths[1].unlink()
    paths[1].symlink_to(paths[2])
    (source / "new.jpg").write_text("never was good")
    page = tmp_path / "report.html"
    for _ in range(2):
        code, heard = colour(source, target, report=page)
        assert code == 1
        ends = {os.path.basename(name): r.endswith(words) for name, r in heard.failures.items()}
        assert ends == {paths[0].name: True, paths[1].name: True, "new.jpg": False}
        assert page.read_text().count(words) == 2
        assert before == (archives.tree(target) if target.is_dir() else target.read_bytes())
    if target.is_dir():
        (target / "box0" / paths[0].name).unlink()
        assert not colour(source, target)[1].failures[str(paths[0])].endswith(words)
    else:
        (source / "more.jpg").write_bytes(archives.jpeg(9))
        colour(source, target)
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == 5
            original = jpeg.revert(archive.read(f"box0/{paths[0].name}"))
            assert original == archives.jpeg(0)


def test_scans_of_progressive_jpegs_have_a_limit_and_an_option(tmp_path):
    source = tmp_path / "scans.jpg"
    Image.fromarray(archives.grey(1)).save(source, progressive=True)
    few = archives.colorize(source, "-o", tmp_path / "out", *archives.QUICK, "--max-scans", 3)
    assert few.returncode == 1
    assert "scans, more than the limit of 3 scans; --max-scans N raises it, 0 lifts" in few.stderr
    any_number = archives.colorize(
        source, "-o", tmp_path / "out", *archives.QUICK, "--max-scans", 0
    )
    assert any_number.returncode == 0


def test_what_is_no_file_is_not_waited_for(tmp_path):
    source = archives.fill(tmp_path / "in", 2)
    os.mkfifo(source / "pipe.jpg")
    named = {str(source / "pipe.jpg"): "is neither a file nor a folder"}
    assert colour(source, tmp_path / "out")[1].failures == named
    _, heard = colour([source, source / "pipe.jpg", Path("/dev/zero")], tmp_path / "named")
    assert reason(heard, "pipe.jpg") == reason(heard, "zero") == "is neither a file nor a folder"


@pytest.mark.parametrize("output", ["out", "out.zip", "out.tar"])
def test_absurd_times_and_sizes_are_no_trouble(tmp_path, output):
    source = archives.fill(tmp_path / "in", 3)
    for number, year in enumerate((-138, 430, 8)):  # after 1970
        path = source / "box0" / f"{number:06}.jpg"
        os.utime(path, ns=(0, year * 365 * 86400 * 10**9))
    info = tarfile.TarInfo("huge.jpg")
    info.size = 1 << 70
    (source / "b.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    code, heard = colour(source, tmp_path / output)
    assert (code, len(heard.outcomes)) == (1, 3)
    assert "--max-file" in reason(heard, "huge.jpg")
    assert colour(source, tmp_path / output)[1].outcomes == {}


def test_a_colon_in_a_name_is_no_drive(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "A: harbour.jpg").write_bytes(archives.jpeg(1))
    with zipfile.ZipFile(source / "z.zip", "w") as archive:
        archive.writestr("C:/evil.jpg", archives.jpeg(2))
        archive.writestr("C:\\evil.jpg", archives.jpeg(2))
    _, heard = colour(source, tmp_path / "out")
    assert set(archives.tree(tmp_path / "out")) == {"A: harbour.jpg"}
    assert set(heard.failures.values()) == {"its name is an absolute path"}


def test_a_zip_whose_members_lie_before_its_start(tmp_path):
    source = archives.fill(tmp_path / "in", 2)
    data = bytearray(make_archive(source / "z.zip", "zip").read_bytes())
    at = data.rindex(b"PK\x05\x06") + 16  # where the directory begins
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "little") + 999).to_bytes(4, "little")
    (source / "z.zip").write_bytes(data)
    code, heard = colour(source, tmp_path / "out")
    assert (code, len(heard.outcomes)) == (1, 2)
    reasons = set(heard.failures.values())
    assert reasons
    assert all("cannot be unpacked" in text or "is damaged" in text for text in reasons)
    assert not any("Errno" in text for text in reasons)
