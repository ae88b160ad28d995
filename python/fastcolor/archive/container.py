"""The sink of .zip and .tar files."""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO

from fastcolor.archive.errors import JobError, cannot_write
from fastcolor.archive.journal import Finished, Journal
from fastcolor.archive.sink import Staged, Write, finished_of, sync_folder

CONTAINERS = (".zip", ".cbz", ".tar")


class ContainerSink:
    """A .zip or .tar. It grows in a file of its own, whose length after each batch is in the
    journal; what lies beyond that when a process died is cut off by the next.

    The journal's "container" is growing, then closing (complete, not yet renamed), then finished.
    """

    ordered = True

    def __init__(self, target: Path, journal: Journal, restart: bool, force: bool) -> None:
        self.target, self._journal = target, journal
        self._part = target.with_name(f".fastcolor-{target.name}.part")
        self._is_zip = target.suffix.lower() != ".tar"
        self._file: IO[bytes] | None = None
        self._end = 0
        state = journal.meta("container")
        if target.exists() and state is None and not force:
            raise JobError(f"{target} exists and is not of this job; --force replaces it")
        if restart or (state == "finished" and not target.exists()):
            journal.forget_container()
            self._part.unlink(missing_ok=True)
            journal.set_meta("container", "growing")

    def recover(self) -> None:
        rows = self._journal.left_ready()
        self._journal.done([finished_of(row) for row in rows])
        self._journal.commit()
        if self._journal.meta("container") == "closing":
            self._rename()
        if not self._closed():
            self._end = int(self._journal.meta("container_end") or 0)
            have = self._part.stat().st_size if self._part.exists() else 0
            if have < self._end:
                raise JobError(f"{self._part} is shorter than the journal says; use --restart")

    def holds(self, name: str, size: int) -> bool:
        return True

    def stage(self, name: str, mtime_ns: int, write: Write) -> Staged:
        buffer = BytesIO()
        write(buffer)
        data = buffer.getvalue()
        return Staged(len(data), data=data, mtime_ns=mtime_ns)

    def drop(self, name: str) -> None:
        pass

    def refusal(self, name: str, ours: bool, force: bool) -> str | None:
        if self._closed():
            return (
                f"{self.target} is finished already and takes no more; "
                "--restart makes it anew with this item"
            )
        if ours:
            return f"has changed since it was written into {self.target}; --restart makes it anew"
        return None

    def publish(self, batch: list[tuple[Finished, Staged]]) -> None:
        done = []
        try:
            file = self._opened()
            for finished, staged in batch:
                if finished.outcome == "skipped":
                    done.append(finished)
                    continue
                start = file.tell()
                crc = zlib.crc32(staged.data)
                for part in self._member(finished.name, staged, crc):
                    file.write(part)
                done.append(replace(finished, start=start, crc=crc))
            self._end = file.tell()
            _sync(file)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self._journal.set_meta("container_end", str(self._end))
        self._journal.set_meta("container", "growing")
        self._journal.ready(done)
        self._journal.done(done)

    def finish(self) -> None:
        """Writes what closes the container, and gives it its name."""
        if self._closed():
            return
        try:
            file = self._opened()
            self._write_end(file)
            _sync(file)
            file.close()
            self._file = None
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self._journal.set_meta("container", "closing")
        self._journal.commit()
        self._rename()

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what it could not write was reported when it was tried
                self._file.close()

    def _closed(self) -> bool:
        return self._journal.meta("container") == "finished"

    def _rename(self) -> None:
        try:
            if self._part.exists():
                os.replace(self._part, self.target)
                sync_folder(self.target.parent)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self._journal.set_meta("container", "finished")
        self._journal.commit()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("r+b" if self._part.exists() else "w+b")
            self._file.truncate(self._end)
            self._file.seek(self._end)
        return self._file

    def _member(self, name: str, staged: Staged, crc: int) -> tuple[bytes, ...]:
        if self._is_zip:
            info = _zip_info(name, staged.mtime_ns, staged.size, crc)
            return info.FileHeader(), staged.data
        header = tarfile.TarInfo(name)
        header.size, header.mtime, header.mode = staged.size, staged.mtime_ns // 10**9, 0o644
        padding = b"\0" * (-staged.size % tarfile.BLOCKSIZE)
        return header.tobuf(tarfile.PAX_FORMAT), staged.data, padding

    def _write_end(self, file: IO[bytes]) -> None:
        if not self._is_zip:
            file.write(b"\0" * (2 * tarfile.BLOCKSIZE))
            return
        with zipfile.ZipFile(file, "w") as archive:  # closing it writes the directory at the end
            for row in self._journal.in_container():
                info = _zip_info(row["name"], row["mtime_ns"], row["bytes"], row["crc"])
                info.header_offset = row["start"]
                archive.filelist.append(info)


def _zip_info(name: str, mtime_ns: int, size: int, crc: int) -> zipfile.ZipInfo:
    when = datetime.fromtimestamp(max(mtime_ns, 0) // 10**9)
    date = (when.year, when.month, when.day, when.hour, when.minute, when.second)
    info = zipfile.ZipInfo(name, min(max(date, (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58)))
    info.external_attr = 0o644 << 16
    info.file_size = info.compress_size = size
    info.CRC = crc
    return info


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
