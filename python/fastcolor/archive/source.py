"""Sources: files, folders, archives and lists on stdin as one stream of items, ordered by path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from fastcolor.archive import containers, kinds
from fastcolor.archive.errors import ItemError, JobError
from fastcolor.archive.item import Item
from fastcolor.archive.names import archive_stem, is_archive, is_clutter, is_picture, problem


class Inputs:
    """What a job reads.

    The outputs mirror the inputs below their deepest common folder: one folder or archive is
    mirrored from its inside. Items come in the order of their paths, whatever the order of the
    arguments, so that nothing depends on it. ``output`` and ``ours`` (files of the job) are never
    items.
    """

    def __init__(
        self, inputs: Iterable[str | Path], output: Path, ours: Iterable[Path], most_bytes: int
    ) -> None:
        self._most_bytes = most_bytes
        self._ours = {os.path.realpath(path) for path in (output, *ours)}
        inputs = list(inputs)
        if any(not os.fspath(path) for path in inputs):
            raise JobError("an input has an empty name")
        self._roots = sorted({Path(os.path.abspath(path)) for path in inputs})
        if not self._roots:
            raise JobError("there is no input: name files, folders, archives, or - for a list")
        self._listed_only = False
        self.base = Path(os.path.commonpath([self._inside(root) for root in self._roots]))
        self._base_prefix = os.path.join(self.base, "")

    @classmethod
    def of_list(
        cls, stream: BinaryIO, output: Path, ours: Iterable[Path], most_bytes: int
    ) -> Inputs:
        """The paths on a stream, separated by line ends or by NUL; what is missing is an item."""
        data = stream.read().removeprefix(b"\xef\xbb\xbf")
        lines = (line.removesuffix(b"\r") for line in data.split(b"\n"))
        paths = data.split(b"\0") if b"\0" in data else lines
        inputs = cls([os.fsdecode(path) for path in paths if path], output, ours, most_bytes)
        inputs._listed_only = True
        return inputs

    def require(self) -> None:
        """JobError where an input that was named is missing or is the output itself."""
        for root in self._roots:
            if not os.path.lexists(root) and not self._listed_only:
                raise JobError(f"{root}: there is no such file or folder")
            if os.path.realpath(root) in self._ours and not os.path.isfile(root):
                raise JobError(f"the output {root} is the input itself; choose another folder")
            if os.path.realpath(root) in self._ours:
                raise JobError(f"the output {root} is one of the inputs; choose another name")

    def only_file(self) -> bool:
        """Whether this is one picture."""
        root = self._roots[0]
        return len(self._roots) == 1 and os.path.isfile(root) and _kind_of(root) is None

    def owns(self, target: Path) -> bool:
        """Whether this path is that of an original, which nothing may replace.

        What lies in an output folder inside an input is none.
        """
        real = Path(os.path.realpath(target))
        within = {str(path) for path in (real, *real.parents)}
        for root in self._roots:
            origin = Path(os.path.realpath(root))
            inside = {path for path in self._ours if origin in Path(path).parents}
            if real == origin or (origin in real.parents and not inside & within):
                return True
        return False

    def vanished(self, item: Item) -> str | None:
        """The input that was there at the start and is gone, or None when only the item is."""
        if self._listed_only:
            return None
        path = Path(item.path)
        root = next((r for r in self._roots if r == path or r in path.parents), None)
        if root is None or (len(self._roots) > 1 and root == path):
            return None
        return None if os.path.exists(root) else str(root)

    def count(self) -> int | None:
        """The number of items, or None where only reading a whole tar would tell."""
        total = 0
        for path, named, wrong in self._files():
            if wrong or not self._is_archive(path, named):
                total += 1
                continue
            try:
                found = containers.count(Path(path))
            except OSError:  # it is named when it is read
                found = 1
            if found is None:
                return None
            total += found
        return total

    def __iter__(self) -> Iterator[Item]:
        for path, named, wrong in self._files():
            name = self._relative(path)
            item = Item(path, "", 0, name, 0, 0)
            if wrong:
                yield item.bad(wrong)
                continue
            try:
                if self._is_archive(path, named):
                    inside = os.path.relpath(self._inside(Path(path)), self.base)
                    prefix = "" if inside == "." else inside
                    yield from containers.members(Path(path), prefix, self._most_bytes)
                else:
                    yield self._file(path, name)
            except FileNotFoundError:
                yield item.bad("has vanished since it was listed")
            except OSError as error:
                yield item.bad(f"cannot be read: {error.strerror or error}")

    def _relative(self, path: str) -> str:
        if path.startswith(self._base_prefix):  # nearly always, and much quicker
            return path[len(self._base_prefix) :]
        return os.path.relpath(path, self.base)

    def _file(self, path: str, name: str) -> Item:
        about = os.stat(path)
        wrong = problem(name) or containers.too_big(about.st_size, self._most_bytes)
        read = None if wrong else partial(read_file, path)
        return Item(path, "", 0, name, about.st_size, about.st_mtime_ns, wrong, read)

    def _inside(self, root: Path) -> Path:
        """The folder that an input stands for: itself, the stem of an archive, a file's parent."""
        if os.path.isdir(root):
            return root
        if self._is_archive(str(root), named=True):
            return root.with_name(archive_stem(root)) if os.path.isfile(root) else root.parent
        return root.parent

    def _is_archive(self, path: str, named: bool) -> bool:
        """By content. What only the name says is an archive is one that must be named as damaged;
        documents that are zip files inside are archives only where they were ``named`` themselves.
        """
        if not named and is_picture(path):
            return False
        if is_archive(path):
            return not os.path.isfile(path) or not kinds.is_picture_inside(Path(path))
        if not os.path.isfile(path):
            return False
        return _kind_of(Path(path)) is not None if named else _holds_files(Path(path))

    def _files(self) -> Iterator[tuple[str, bool, str | None]]:
        """(path, whether it was named itself, what is wrong with it) of all files, archives not
        opened. Paths are text, which is much quicker than pathlib."""
        for root in map(str, self._roots):
            if os.path.isdir(root):
                for path, wrong in self._walk(root):
                    yield path, False, wrong
            else:
                yield root, True, _trouble(root)

    def _walk(self, folder: str) -> Iterator[tuple[str, str | None]]:
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield folder, f"the folder cannot be read: {error.strerror or error}"
            return
        real = os.path.realpath(folder)
        for entry in listed:
            path = entry.path
            if is_clutter(entry.name) or os.path.join(real, entry.name) in self._ours:
                continue
            if entry.is_symlink():
                if is_picture(entry.name) or is_archive(entry.name) or _is_wanted(Path(path)):
                    yield path, "is a symbolic link, which is not followed"
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(path)
            elif entry.is_file(follow_symlinks=False):
                yield path, None
            elif is_picture(entry.name) or is_archive(entry.name):
                yield path, "is neither a file nor a folder"


def _trouble(path: str) -> str | None:
    """Why this cannot be an item; None for a file."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError as error:
        return f"cannot be read: {error.strerror or error}"
    except (OSError, ValueError):
        return "there is no such file"
    return None if regular else "is neither a file nor a folder"


def _kind_of(path: Path) -> str | None:
    try:
        return kinds.kind_of(path)
    except OSError:  # it is named when it is read
        return None


def _holds_files(path: Path) -> bool:
    try:
        return kinds.holds_files(path)
    except OSError:
        return False


def _is_wanted(path: Path) -> bool:
    """Whether there is a folder, a picture or an archive, whatever it is called."""
    if path.is_file():
        return kinds.is_picture_inside(path) or _holds_files(path)
    return path.is_dir()


def read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise ItemError("has vanished since it was listed") from error
    except OSError as error:
        raise ItemError(f"cannot be read: {error.strerror or error}") from error
