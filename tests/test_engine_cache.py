"""The cache of compiled engines: whole files only, damage found, one builder at a time."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pwd
import subprocess
import sys
import threading
import time
from pathlib import Path

import onnx_files
import pytest

from fastcolor.engines import KINDS, _cache, choose, open_engine, problem_of
from fastcolor.models import load_spec

KEY = {"engine": "tensorrt", "version": "11.4", "model": "fast", "gpu": "H100", "precision": "fp16"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTCOLOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def never():
    raise AssertionError("was built again")


def test_builds_once_and_keeps():
    assert _cache.get(KEY, lambda: b"engine") == b"engine"
    assert _cache.get(dict(reversed(KEY.items())), never) == b"engine"
    (entry,) = _cache.entries()
    assert entry.key == KEY
    assert entry.path.name.startswith("tensorrt-fast-")
    assert entry.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", KEY)
def test_every_part_of_the_key_counts(name):
    _cache.get(KEY, lambda: b"one")
    assert _cache.get({**KEY, name: "other"}, lambda: b"two") == b"two"
    assert _cache.get(KEY, never) == b"one"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(_cache.MAGIC) + 3],
        lambda content: b"",
        lambda content: b"something else entirely\n" + content,
        lambda content: content[:-3] + b"X" + content[-2:],
        lambda content: content.replace(b"H100", b"A100"),
        lambda content: _cache.MAGIC + b"[1, 2]\n" + b"engine",
    ],
)
def test_damaged_and_foreign_files_are_built_again_with_one_warning(damage):
    _cache.get(KEY, lambda: b"an engine")
    path = _cache.path_of(KEY)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(
        _cache.CacheWarning, match="is damaged or foreign and is built again"
    ) as said:
        assert _cache.get(KEY, lambda: b"another") == b"another"
    assert len(said) == 1
    assert _cache.get(KEY, never) == b"another"


def test_damage_is_found_wherever_it_is():
    _cache.get(KEY, lambda: b"an engine")
    path = _cache.path_of(KEY)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        with pytest.warns(_cache.CacheWarning) as said:
            assert _cache.load(KEY) is None
        assert len(said) == 1


def test_one_takes_over_from_a_builder_that_is_killed():
    code = (
        "import sys, time\nfrom fastcolor.engines import _cache\n"
        "def build():\n    print('builds', flush=True)\n    time.sleep(60)\n"
        f"_cache.get({KEY!r}, build)"
    )
    first = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "builds\n"
    built = []
    waiting = threading.Thread(
        target=lambda: built.append(_cache.get(KEY, lambda: b"by the second"))
    )
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    first.kill()
    first.wait()
    first.stdout.close()
    waiting.join(20)
    assert built == [b"by the second"]
    assert _cache.get(KEY, never) == b"by the second"


def test_a_build_that_fails_leaves_nothing():
    with pytest.raises(AssertionError):
        _cache.get(KEY, never)
    assert _cache.entries() == []
    assert _cache.get(KEY, lambda: b"engine") == b"engine"


def test_a_folder_that_cannot_be_written(folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.warns(_cache.CacheWarning, match="no engine cache"):
        assert _cache.get(KEY, lambda: b"engine") == b"engine"
    with pytest.warns(_cache.CacheWarning, match="not written"):
        _cache.keep(KEY, b"timings")


@pytest.mark.parametrize("what", ["no home", "a path that cannot be"])
def test_without_any_folder_it_goes_on(monkeypatch, what):
    def nobody(number):
        raise KeyError(number)

    for name in ("FASTCOLOR_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if what == "no home":  # of a container's user, say
        monkeypatch.setattr(pwd, "getpwuid", nobody)
        with pytest.raises(OSError, match="no home folder; FASTCOLOR_CACHE names another"):
            _cache.folder()
    else:
        monkeypatch.setenv("FASTCOLOR_CACHE", "/" + "x" * 5000)
    with pytest.warns(_cache.CacheWarning, match="no engine cache"):
        assert _cache.get(KEY, lambda: b"engine") == b"engine"
    with pytest.warns(_cache.CacheWarning, match="not written"):
        _cache.keep(KEY, b"timings")
    assert _cache.load(KEY) is None
    _cache.forget(KEY)
    assert choose(load_spec("fast"))[0].name in KINDS


def test_what_is_kept_on_read_only_media_is_used(monkeypatch):
    _cache.get(KEY, lambda: b"engine")

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(_cache.tempfile, "mkstemp", refuse)
    assert _cache.get(KEY, never) == b"engine"
    with pytest.warns(_cache.CacheWarning) as said:
        assert _cache.get({**KEY, "gpu": "other"}, lambda: b"another") == b"another"
    assert len(said) == 1


def test_a_file_system_without_locks(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_cache.fcntl, "flock", refuse)
    with pytest.warns(_cache.CacheWarning, match="no lock in the engine cache: .*No locks"):
        assert _cache.get(KEY, lambda: b"engine") == b"engine"
    assert _cache.get(KEY, never) == b"engine"


def test_a_full_disk_keeps_nothing_half(monkeypatch, folder):
    def refuse(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.warns(_cache.CacheWarning, match="the engine was not kept: .*No space") as said:
        assert _cache.get(KEY, lambda: b"engine") == b"engine"
    assert len(said) == 1
    assert [path.suffix for path in (folder / "engines").iterdir()] == [".lock"]


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for cache, xdg, wanted in [
        (tmp_path / "a", tmp_path / "b", tmp_path / "a"),
        ("relative", tmp_path / "b", Path("relative")),
        ("", tmp_path / "b", tmp_path / "b" / "fastcolor"),
        ("", "", tmp_path / "home" / ".cache" / "fastcolor"),
        ("", "relative", tmp_path / "home" / ".cache" / "fastcolor"),  # as its specification says
    ]:
        monkeypatch.setenv("FASTCOLOR_CACHE", str(cache))
        monkeypatch.setenv("XDG_CACHE_HOME", str(xdg))
        assert _cache.folder() == wanted


def test_one_builds_while_the_others_wait():
    built, results = [], []

    def build():
        built.append(1)
        time.sleep(0.1)
        return b"engine"

    threads = [
        threading.Thread(target=lambda: results.append(_cache.get(KEY, build))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert results == [b"engine"] * 8


def test_killed_while_writing_leaves_no_engine(folder):
    code = (
        "import os\nfrom fastcolor.engines import _cache\n"
        "os.fsync = lambda number: os._exit(9)\n"
        f"_cache.get({KEY!r}, lambda: b'engine' * 1000)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert _cache.entries() == []
    assert _cache.get(KEY, lambda: b"engine") == b"engine"
    assert _cache.clear() == (1, _cache.MAGIC.__len__() + len(said(b"engine")) + 6)
    assert list((folder / "engines").iterdir()) == []


def said(content):
    digest = hashlib.sha256(content).hexdigest()
    return json.dumps({"key": KEY, "sha256": digest}).encode() + b"\n"


def test_what_libraries_keep_themselves_is_listed_and_cleared(folder):
    _cache.get(KEY, lambda: b"engine")
    theirs = folder / "onnxruntime-tensorrt" / "fast-1234-fp16_sm90.engine"
    theirs.parent.mkdir()
    theirs.write_bytes(b"12345")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "mine.txt").write_text("not ours")
    assert [entry.key["engine"] for entry in _cache.entries()] == [
        KEY["engine"],
        theirs.parent.name,
    ]
    assert _cache.clear()[0] == 2
    assert not theirs.exists()
    assert (folder / "elsewhere" / "mine.txt").exists()


def test_openvino_uses_it_and_survives_what_it_cannot_import(tmp_path, rng):
    if problem_of(KINDS["openvino"], "cpu"):
        pytest.skip("OpenVINO is not installed")

    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    with open_engine(model, "openvino", precision="fp32"):
        pass
    (entry,) = _cache.entries()
    assert entry.key["engine"] == "openvino"
    stamp = entry.modified
    with open_engine(model, "openvino", precision="fp32"):
        assert _cache.entries()[0].modified == stamp
    _cache._write(entry.path, entry.key, b"whole, and nothing that OpenVINO knows")
    with pytest.warns(_cache.CacheWarning, match="OpenVINO refuses .*, which is built") as said:
        engine = open_engine(model, "openvino", precision="fp32")
    assert len(said) == 1
    with engine:
        assert engine.run(rng.random((1, 1, 8, 8), "f4")).shape == (1, 2, 2, 2)
    with open_engine(model, "openvino", precision="fp32"):  # it was kept
        pass
