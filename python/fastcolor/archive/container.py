"""The sink of .zip and .tar files."""

from __future__ import annotations

import io
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from sqlite3 import Row
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast

from fastcolor.archive.errors import JobError, cannot_write
from fastcolor.archive.journal import Finished, Journal
from fastcolor.archive.layout import Member, layout_of, zip_date
from fastcolor.archive.sink import Staged, Write, finished_of, settle, sync_folder

CONTAINERS = (".zip", ".cbz", ".tar")
_CHANGED = "has been changed since it was written"
_PIECE = 1 << 20  # that is copied at a time
_MOST_IN_MEMORY = 8 << 20  # of an output that waits for its turn


class _Spool(SpooledTemporaryFile[bytes]):
    """What becomes large lies in a file without a name."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")  # who asks would get a file at once

    def seek(self, *given: int) -> int:  # Python 3.10's says nothing
        super().seek(*given)
        return self.tell()

    def readable(self) -> bool:
        return True

    writable = seekable = readable


class ContainerSink:
    """A .zip or .tar. It grows in a file of its own, whose length after each batch is in the
    journal; what lies beyond that when a process died is cut off by the next.

    The journal's "container" is growing, then closing (that file is complete, not yet renamed),
    then finished. A finished one that is to take more is growing again: what comes lies in such a
    file beside it, counted from "container_base", its size. Then, and where members came in another
    order than the items or were replaced ("container_loose"), all are copied in order into a third
    file; the container is joined until that has the name, and finished. "container_size" is what
    the job's own one has: another file under its name is never taken for it.
    """

    ordered = True

    def __init__(self, target: Path, journal: Journal, restart: bool, force: bool) -> None:
        self.target, self._journal = target, journal
        self._part = target.with_name(f".fastcolor-{target.name}.part")
        self._whole = target.with_name(f".fastcolor-{target.name}.whole")
        self._layout = layout_of(target)
        self._file: IO[bytes] | None = None
        self._end = 0
        state = journal.meta("container")
        if target.exists() and not self._is_ours(state) and not force:
            raise JobError(f"{target} exists and is not of this job; --force replaces it")
        if state in ("finished", "growing") and not restart and self._was_changed():
            raise JobError(f"{target} {_CHANGED}; --restart makes it anew")
        needed = state == "finished" or self._number("base") or state == "joined"
        lost = needed and not target.exists() and not (state == "joined" and self._whole.exists())
        if restart or lost:
            journal.forget_container()
            self._begin(0)

    def _is_ours(self, state: str | None) -> bool:
        """Whether what lies under the name was put there by this job."""
        if self._number("size"):
            return True
        named = state == "closing" and not self._part.exists()  # died just after the renaming
        return named or state in ("finished", "joined") or self._number("base") > 0

    def _was_changed(self) -> bool:
        size = self._number("size")
        return size > 0 and self.target.exists() and self.target.stat().st_size != size

    def recover(self) -> None:
        rows = self._journal.left_ready()
        self._journal.done([finished_of(row) for row in rows])
        self._journal.commit()
        state = self._journal.meta("container")
        if state in ("closing", "joined"):
            self._rename(self._part if state == "closing" else self._whole)
        try:
            self._whole.unlink(missing_ok=True)
            if self._closed():
                self._part.unlink(missing_ok=True)
                return
            have = self._part.stat().st_size if self._part.exists() else 0
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self._end = self._number("end")
        if have < self._end:
            raise JobError(f"{self._part} is shorter than the journal says; use --restart")

    def holds(self, name: str, size: int) -> bool:
        return True

    def stage(self, name: str, mtime_ns: int, write: Write) -> Staged:
        file = _Spool(_MOST_IN_MEMORY, dir=str(self.target.parent))
        try:
            write(cast("BinaryIO", file))
            size, crc = file.seek(0, os.SEEK_END), 0
            file.seek(0)
            while piece := file.read(_PIECE):
                crc = zlib.crc32(piece, crc)
        except BaseException as error:
            file.close()
            if isinstance(error, OSError) and error.errno:
                raise cannot_write(self.target, error) from error
            raise  # an encoder's
        return Staged(size, file, mtime_ns=mtime_ns, crc=crc)

    def settle(self, name: str, staged: Staged) -> None:
        pass  # with its batch

    def drop(self, name: str) -> None:
        pass

    def refusal(self, name: str, written: int | None, force: bool) -> str | None:
        return None

    def publish(self, batch: list[tuple[Finished, Staged]]) -> None:
        replacing = self._journal.has_member(finished.row for finished, _ in batch)
        writing = any(finished.outcome != "skipped" for finished, _ in batch)
        done = []
        try:
            if self._closed() and (writing or replacing):
                self._begin(self.target.stat().st_size)
            base = self._number("base")
            for finished, staged in batch:
                if finished.outcome == "skipped":
                    done.append(finished)
                    continue
                file = self._opened()
                start = base + file.tell()
                header = self._layout.header(
                    finished.name, staged.mtime_ns, staged.size, staged.crc
                )
                file.write(header)
                if staged.file is not None:
                    staged.file.seek(0)
                    shutil.copyfileobj(staged.file, file, _PIECE)
                file.write(self._layout.padding(staged.size))
                done.append(replace(finished, start=start, crc=staged.crc))
            if writing:
                self._end = self._opened().tell()
                settle(self._opened())
        except OSError as error:
            raise cannot_write(self.target, error) from error
        finally:
            for _, staged in batch:
                staged.close()
        self._note("end", self._end)
        if replacing:
            self._note("loose", 1)
        if not self._closed():
            self._journal.set_meta("container", "growing")
        self._journal.ready(done)
        self._journal.done(done)

    def finish(self) -> None:
        """Makes the container complete, and gives it its name."""
        if self._closed():
            return
        base, loose = self._number("base"), self._number("loose")
        if base or loose or not self._journal.lies_in_order():
            return self._join(base)
        try:
            file = self._opened()
            self._layout.end(file, self._members())
            settle(file)
            self.close()
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self._journal.set_meta("container", "closing")
        self._journal.commit()
        self._rename(self._part)

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what it could not write was reported when it was tried
                self._file.close()
            self._file = None

    def abandon(self) -> None:
        """Leaves nothing of what is not finished."""
        self.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _closed(self) -> bool:
        return self._journal.meta("container") == "finished"

    def _number(self, what: str) -> int:
        return int(self._journal.meta(f"container_{what}") or 0)

    def _note(self, what: str, value: int) -> None:
        self._journal.set_meta(f"container_{what}", str(value))

    def _begin(self, base: int) -> None:
        """An empty part of what is to stand behind so many bytes of the finished container."""
        self._end = 0
        for what, value in (("base", base), ("end", 0), ("loose", 0)):
            self._note(what, value)
        self._journal.set_meta("container", "growing")

    def _rename(self, made: Path) -> None:
        try:
            if made.exists():
                os.replace(made, self.target)
                sync_folder(self.target.parent)
            self._part.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self._note("base", 0)
        self._note("size", self.target.stat().st_size)
        self._journal.set_meta("container", "finished")
        self._journal.commit()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            if self._part.is_symlink() or not self._end:  # nothing is written through a link
                self._part.unlink(missing_ok=True)
            self._file = self._part.open("r+b" if self._end else "x+b")
            self._file.truncate(self._end)
            self._file.seek(self._end)
        return self._file

    def _members(self) -> Iterator[Member]:
        for row in self._journal.in_container():
            date = zip_date(row["mtime_ns"])
            yield Member(row["name"], row["start"], row["bytes"], row["crc"], date)

    def _join(self, base: int) -> None:
        """A new container of all members, those of the finished one and of the part, in order."""
        rows, members = [], []
        self.close()
        try:
            with ExitStack() as stack:
                self._whole.unlink(missing_ok=True)
                made = stack.enter_context(self._whole.open("xb"))
                old = stack.enter_context(self.target.open("rb")) if base else made
                part = stack.enter_context(self._part.open("rb")) if self._end else made
                if base and os.fstat(old.fileno()).st_size != base:
                    raise self._meddled()
                for row in self._journal.in_container("items"):
                    start = int(row["start"])
                    place = (old, start) if start < base else (part, start - base)
                    members.append(self._copied(*place, row, made))
                    rows.append(row["id"])
                self._layout.end(made, members)
                settle(made)
        except BaseException as error:
            with suppress(OSError):
                self._whole.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise cannot_write(self.target, error) from error
            raise
        self._journal.move_members((member.start, row) for member, row in zip(members, rows))
        self._journal.set_meta("container", "joined")
        self._journal.commit()
        self._rename(self._whole)

    def _copied(self, source: IO[bytes], start: int, row: Row, made: IO[bytes]) -> Member:
        """Writes a member as it lies in ``source``, checked against the journal."""
        name, size, crc = row["name"], row["bytes"], row["crc"]
        try:
            header, date = self._layout.header_at(source, start)
        except ValueError as error:
            raise self._meddled() from error
        member = Member(name, made.tell(), size, crc, date)
        made.write(header)
        source.seek(start + len(header))
        left, found = size, 0
        while left and (piece := source.read(min(_PIECE, left))):
            found = zlib.crc32(piece, found)
            made.write(piece)
            left -= len(piece)
        if left or found != crc:
            raise self._meddled()
        made.write(self._layout.padding(size))
        return member

    def _meddled(self) -> JobError:
        return JobError(
            f"{self.target} {_CHANGED}, so nothing can be added to it; --restart makes it anew"
        )
