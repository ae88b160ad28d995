"""Sinks: where outputs go. Nothing is seen under its final name before it is complete.

A worker stages an output, and settles it: it is on the disk then. The job's own thread publishes
batches: it has the journal commit them as ready, and gives them their names.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from fastcolor.archive.errors import ItemError, JobError, cannot_write
from fastcolor.archive.journal import Finished, Journal
from fastcolor.archive.names import JOURNAL_SUFFIX, folded

Write = Callable[[BinaryIO], None]
_TEMPORARY = re.compile(r"\.fastcolor-[0-9a-f]{20}\.part")
TOO_LONG = "the path of its output is longer than is possible there"


@dataclass(frozen=True)
class Staged:
    """A complete output: a file, which is under a temporary name where ``temporary`` says so. It is
    open until it is settled there, and else until it is published."""

    size: int
    file: IO[bytes] | None = None
    temporary: str = ""
    mtime_ns: int = 0
    crc: int = 0

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


class Sink(Protocol):
    #: whether outputs must be published in the order of the items
    ordered: bool

    def recover(self) -> None: ...
    def holds(self, name: str, size: int) -> bool: ...
    def stage(self, name: str, mtime_ns: int, write: Write) -> Staged: ...
    def settle(self, name: str, staged: Staged) -> None: ...
    def drop(self, name: str) -> None: ...
    def refusal(self, name: str, written: int | None, force: bool) -> str | None: ...
    def publish(self, batch: list[tuple[Finished, Staged]]) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


class FolderSink:
    """A folder that mirrors the input tree. Paths are text, which is quicker than pathlib."""

    ordered = False

    def __init__(self, root: Path, journal: Journal, owned: Callable[[Path], bool]) -> None:
        self._root = os.path.join(root, "")
        self._journal, self._owned = journal, owned

    def recover(self) -> None:
        """Renames what was ready when a former process died, and deletes what was not."""
        left, lost = self._journal.left_ready(), set()
        for row in left:
            temporary = self._temporary(row["name"])
            try:
                if os.path.exists(temporary):
                    os.replace(temporary, self._root + row["name"])
                elif row["outcome"] != "skipped" and not self.holds(row["name"], row["bytes"]):
                    lost.add(row["id"])
            except OSError as error:
                raise cannot_write(self._root + row["name"], error) from error
        self._journal.done([finished_of(row) for row in left if row["id"] not in lost])
        for row in lost:
            self._journal.redo(row)
        self._journal.commit()
        if self._journal.broken_off:
            self._sweep()

    def _sweep(self) -> None:
        """Temporary files may be of items that no run meets again. Other jobs' folders are left."""
        for folder, folders, files in os.walk(self._root):
            folders[:] = [name for name in folders if name + JOURNAL_SUFFIX not in files]
            for name in files:
                if _TEMPORARY.fullmatch(name):
                    with suppress(OSError):
                        os.unlink(os.path.join(folder, name))

    def holds(self, name: str, size: int) -> bool:
        try:
            return os.stat(self._root + name).st_size == size
        except OSError:
            return False

    def stage(self, name: str, mtime_ns: int, write: Write) -> Staged:
        temporary = self._temporary(name)
        try:
            file = _created(temporary)
            try:
                write(file)
                file.flush()
                size = os.fstat(file.fileno()).st_size
                os.utime(temporary, ns=(mtime_ns, mtime_ns))
            except BaseException:
                with suppress(OSError):  # of what was not flushed: the first error tells why
                    file.close()
                raise
        except BaseException as error:
            self.drop(name)
            if isinstance(error, (FileExistsError, NotADirectoryError)):
                parents = Path(temporary).parents
                file_there = next((p for p in parents if p.exists() and not p.is_dir()), parents[0])
                raise ItemError(
                    f"its output {name} needs a folder where {file_there} is a file"
                ) from error
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
                raise ItemError(TOO_LONG) from error
            if isinstance(error, OSError) and error.errno:
                raise cannot_write(self._root + name, error) from error
            raise  # an encoder's
        return Staged(size, file, temporary)

    def settle(self, name: str, staged: Staged) -> None:
        if staged.file is None:
            return
        try:
            with staged.file:
                settle(staged.file)
        except OSError as error:
            self.drop(name)
            raise cannot_write(self._root + name, error) from error

    def drop(self, name: str) -> None:
        """No temporary file stays for an item that failed."""
        with suppress(OSError):  # the folder is gone, or read-only: this run left nothing there
            os.unlink(self._temporary(name))

    def refusal(self, name: str, written: int | None, force: bool) -> str | None:
        """Why nothing may be put there. ``written``: the size of what this job did put there."""
        try:
            os.lstat(self._root + name)
        except OSError as error:
            return TOO_LONG if error.errno == errno.ENAMETOOLONG else None
        target = Path(self._root + name)
        if target.is_dir():
            return f"its output {target} is a folder that exists"
        if self._owned(target):
            return f"its output {target} would replace an original"
        if force or (written is not None and self.holds(name, written)):
            return None
        if written is not None:
            return f"its output {target} was changed since it was written; --force replaces it"
        if self._journal.path is None:  # of a single picture: nothing is kept about it
            return f"{target} exists; --force replaces it"
        return f"{target} exists and is not of this job; --force replaces it"

    def publish(self, batch: list[tuple[Finished, Staged]]) -> None:
        try:
            self._journal.ready([finished for finished, _ in batch])
        except JobError:
            for finished, _ in batch:
                self.drop(finished.name)
            raise
        folders = set()
        for finished, staged in batch:
            if not staged.temporary:
                continue
            target = self._root + finished.name
            try:
                os.replace(staged.temporary, target)
            except OSError as error:
                raise cannot_write(target, error) from error
            folders.add(os.path.dirname(target))
        for folder in folders:
            sync_folder(folder)
        self._journal.done([finished for finished, _ in batch])

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _temporary(self, name: str) -> str:
        folder, slash, _ = name.rpartition("/")
        return self._root + folder + slash + temporary_name(name)


def _created(path: str) -> BinaryIO:
    """A new file, in a folder that is made where it is missing. What lies there, as a link that
    somebody laid may, is replaced and never written to."""
    try:
        return open(path, "xb+")
    except FileExistsError:
        os.unlink(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    return open(path, "xb+")


def temporary_name(name: str) -> str:
    """Beside the target, and the same in every run: who does the item again replaces it."""
    token = hashlib.sha256(folded(name).encode()).hexdigest()[:20]
    return f".fastcolor-{token}.part"


def finished_of(row: Any) -> Finished:
    return Finished(row["id"], row["name"], row["outcome"])


def settle(file: IO[bytes]) -> None:
    """Bring what was written to the disk, and let the system forget it.

    An archive is larger than memory: its outputs would only crowd out what other programs keep
    there, and every file would wait for fresh pages.
    """
    file.flush()
    os.fsync(file.fileno())
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # mere advice
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: str | Path) -> None:
    with suppress(OSError):  # it may not be read, and some network file systems know no such thing
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
