"""Compiled engines on disk, under the user's cache folder.

One file for each key, which names everything that a compiled engine depends on. A file starts with
its key and the sha256 of what follows; damaged and foreign files are rebuilt with one warning.
Files appear whole (written aside, synced, renamed); a lock lets one process build, others wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on this system: two processes may then build the same engine
    fcntl = None  # type: ignore[assignment]

MAGIC = b"fastcolor engine 1\n"
SUFFIX = ".engine"
FOLDERS = ("onnxruntime-tensorrt",)  # where libraries keep engines themselves
Key = Mapping[str, str]


class CacheWarning(RuntimeWarning):
    """The cache could not be used; work goes on without it."""


@dataclass(frozen=True)
class Entry:
    path: Path
    key: dict[str, str]  # empty: damaged or foreign
    size: int
    modified: float  # seconds since 1970


def folder() -> Path:
    """$FASTCOLOR_CACHE, or fastcolor/ in the user's cache folder; OSError where there is none."""
    named = os.environ.get("FASTCOLOR_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():  # others are to be ignored
        return Path(base) / "fastcolor"
    try:
        return Path.home() / ".cache" / "fastcolor"
    except RuntimeError as error:
        raise FileNotFoundError(
            "this user has no home folder; FASTCOLOR_CACHE names another"
        ) from error


def path_of(key: Key) -> Path:
    digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()
    return folder() / "engines" / f"{key['engine']}-{key['model']}-{digest[:32]}{SUFFIX}"


def get(key: Key, build: Callable[[], bytes]) -> bytes:
    """The engine of this key from the cache, or built now and kept."""
    try:
        path = path_of(key)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warn(f"no engine cache: {error}")
        return build()
    found = _read(path, key, warned=False)
    if found is not None:  # on read-only media, too
        return found
    with _lock(path) as locked:
        found = _read(path, key)
        if found is not None:
            return found
        content = build()
        if not locked:
            return content
        try:
            _write(path, key, content)
        except OSError as error:
            warn(f"the engine was not kept: {error}")
        return content


def has(key: Key) -> bool:
    try:
        return path_of(key).exists()
    except OSError:
        return False


def load(key: Key) -> bytes | None:
    """What keep() kept under this key, if anything."""
    return _read(path_of(key), key) if has(key) else None


def keep(key: Key, content: bytes) -> None:
    """Keeps something small and unimportant, such as timings: the last writer wins."""
    try:
        path = path_of(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, key, content)
    except OSError as error:
        warn(f"the engine cache is not written: {error}")


def forget(key: Key) -> None:
    """Removes what a library refused, so that the next get() builds it again."""
    with contextlib.suppress(OSError):
        path_of(key).unlink()


def entries() -> list[Entry]:
    """Ours, and what libraries keep in folders of theirs."""
    found = []
    for path in sorted(folder().glob("*/*")):
        theirs = path.parent.name in FOLDERS
        if not theirs and (path.parent.name != "engines" or path.suffix != SUFFIX):
            continue
        with contextlib.suppress(OSError):  # gone meanwhile
            key = {"engine": path.parent.name, "model": path.stem} if theirs else _head(path)[0]
            status = path.stat()
            found.append(Entry(path, key, status.st_size, status.st_mtime))
    return found


def clear() -> tuple[int, int]:
    """Removes all engines and locks; how many files of engines, and their bytes."""
    count = size = 0
    for entry in entries():
        entry.path.unlink(missing_ok=True)
        count, size = count + 1, size + entry.size
    for pattern in ("*.lock", "*.part"):
        for path in (folder() / "engines").glob(pattern):
            path.unlink(missing_ok=True)
    return count, size


def warn(message: str) -> None:
    warnings.warn(message, CacheWarning, stacklevel=3)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Held by one at a time; False, with a warning, where nothing can be written."""
    if fcntl is None:
        yield True
        return
    try:
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        warn(f"no engine cache: {error}")
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # some network file systems have none; files still appear whole
            warn(f"no lock in the engine cache: {error}")
        yield True
    finally:
        os.close(descriptor)  # and with it the lock


def _head(path: Path) -> tuple[dict[str, str], str, int]:
    """(key, sha256 of the content, where the content starts); an empty key for foreign files."""
    with path.open("rb") as file:
        if file.readline(len(MAGIC)) != MAGIC:
            return {}, "", 0
        try:
            said = json.loads(file.readline(1 << 16))
            return dict(said["key"]), str(said["sha256"]), file.tell()
        except (ValueError, KeyError, TypeError):
            return {}, "", 0


def _read(path: Path, key: Key, warned: bool = True) -> bytes | None:
    try:
        if not path.exists():
            return None
        found, digest, start = _head(path)
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except OSError as error:
        if warned:
            warn(f"{path} cannot be read and is built again: {error}")
        return None
    if found != dict(key) or hashlib.sha256(content).hexdigest() != digest:
        if warned:
            warn(f"{path} is damaged or foreign and is built again")
        return None
    return content


def _write(path: Path, key: Key, content: bytes) -> None:
    said = json.dumps({"key": dict(key), "sha256": hashlib.sha256(content).hexdigest()})
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(MAGIC + said.encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
