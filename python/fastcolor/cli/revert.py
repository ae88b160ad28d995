"""fastcolor revert: joined files in, their originals out."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastcolor import jpeg
from fastcolor.archive import target
from fastcolor.archive.container import CONTAINERS, ContainerSink
from fastcolor.archive.errors import ItemError, JobError
from fastcolor.archive.item import Item
from fastcolor.archive.journal import Finished, Journal
from fastcolor.archive.names import folded, format_of, is_picture, printable
from fastcolor.archive.sink import temporary_name
from fastcolor.archive.source import Inputs
from fastcolor.archive.task import write_data
from fastcolor.errors import FastcolorError
from fastcolor.media import codecs
from fastcolor.media.metadata import is_coloured_here

LUMA_ONLY = "only the luma of a colour-encoded file, whose chroma colorize did not keep"
NO_WAY_BACK = (
    "was coloured by fastcolor and has no original in it: it was encoded anew, or another program "
    "wrote it since"
)


@dataclass
class Counts:
    restored: int = 0
    luma: int = 0  #: of these the output holds all that is left of the original
    there: int = 0
    left: int = 0
    failed: int = 0


def revert(inputs: list[str], output: Path, *, max_file: int, force: bool, quiet: bool) -> int:
    """Restores every joined file of the inputs below ``output``; gives the exit code.

    What was not joined is left out, which is a failure only for a file that was named itself, or
    whose provenance says that it came from here. A
    single file goes to ``output`` when that has the suffix of a picture, else into that folder,
    .zip or .tar. The input - is a list on stdin.
    """
    if "-" in inputs and len(inputs) > 1:
        raise ValueError("INPUT: - (a list on stdin) cannot stand beside other inputs")
    listed = inputs == ["-"]
    given: Any = Inputs.of_list if listed else Inputs
    found: Inputs = given(sys.stdin.buffer if listed else inputs, output, [], max_file)
    found.require()
    target.check(output)
    one = is_picture(output.name) and not output.is_dir()
    if one:
        _check_picture(output, found)
    named = set() if listed else {os.path.abspath(path) for path in inputs}
    counts = Counts()
    with _place(output, found, one, force) as place:
        for item in found:
            try:
                luma = _restore(item, place, counts, named=item.path in named)
                if luma and not quiet:
                    sys.stderr.write(f"fastcolor: {item.label}: {LUMA_ONLY}\n")
            except FastcolorError as error:
                if isinstance(error, JobError):
                    raise
                counts.failed += 1
                sys.stderr.write(f"fastcolor: {item.label}: {printable(error)}\n")
        if counts.restored + counts.luma + counts.there:
            place.finish()
        elif not counts.failed:
            raise ItemError(
                "nothing in the input was joined by fastcolor: there is nothing to restore"
            )
    if not quiet:
        print(printable(f"{output}: {_summary(counts)}"))
    return 1 if counts.failed else 0


def _summary(counts: Counts) -> str:
    words = [
        f"{counts.restored} restored",
        f"{counts.there} there already" if counts.there else "",
        f"{counts.left} left out (not joined by fastcolor)" if counts.left else "",
        f"{counts.failed} failed" if counts.failed else "",
    ]
    text = ", ".join(word for word in words if word)
    if counts.luma:
        hold = "holds" if counts.luma == 1 else "hold"
        text += f"; {counts.luma} {hold} only the luma of a colour-encoded file"
    return text


def _check_picture(output: Path, inputs: Inputs) -> None:
    if not inputs.only_file():
        raise JobError(
            f"the output {output} is named like one picture; name a folder, .zip or .tar"
        )
    if format_of(output.name) != "jpg":
        raise JobError(f"{output.name} cannot be written: originals are JPEG files, name a .jpg")


def _restore(item: Item, place: Place, counts: Counts, *, named: bool) -> bool:
    """Counts what became of an item; True when its output is only the luma of its original."""
    named = named and not item.member
    if item.problem or item.read is None:
        raise ItemError(item.problem or "cannot be read")
    data = item.read() if item.member or _may_be_jpeg(Path(item.path)) else b""
    if not jpeg.is_joined(data):
        if named:
            raise ItemError("was not joined by fastcolor: there is nothing to go back to")
        if _is_coloured_here(data):
            raise ItemError(NO_WAY_BACK)
        counts.left += 1
        return False
    there = place.put(item, jpeg.revert(data))
    luma_only = jpeg.is_luma_only(data)
    counts.luma += luma_only
    counts.there += there and not luma_only
    counts.restored += not there and not luma_only
    return luma_only


def _is_coloured_here(data: bytes) -> bool:
    if codecs.sniff(data) != "jpeg":
        return False
    try:
        with codecs.open_document(data, fail_on="none") as document:
            return is_coloured_here(document.page(0).metadata)
    except FastcolorError:
        return False


class Place(Protocol):
    """Where originals go."""

    def put(self, item: Item, original: bytes) -> bool:
        """False when it was written, True when it lay there already; else ItemError."""
        ...

    def finish(self) -> None: ...


@contextmanager
def _place(output: Path, inputs: Inputs, one: bool, force: bool) -> Iterator[Place]:
    if output.suffix.lower() not in CONTAINERS or output.is_dir():
        yield _Files(output, inputs, one, force)
        return
    output = Path(os.path.abspath(output))
    if os.path.lexists(output) and not force:
        raise JobError(f"{output} exists; --force replaces it")
    theirs = output.with_name(target.journal_name(output))
    if theirs.exists():
        raise JobError(f"{output} is the output of a job, as {theirs} says; name another one")
    with closing(Journal(None)) as journal:
        journal.begin({}, False)
        with closing(ContainerSink(output, journal, restart=True, force=force)) as sink:
            try:
                yield _Members(sink, journal)
            finally:
                sink.abandon()


class _Files:
    """A folder, or ``one`` file."""

    def __init__(self, output: Path, inputs: Inputs, one: bool, force: bool) -> None:
        self._output, self._inputs, self._one, self._force = output, inputs, one, force
        self._names: set[str] = set()

    def put(self, item: Item, original: bytes) -> bool:
        target = self._output if self._one else self._output / item.name
        if folded(str(target)) in self._names:
            raise ItemError(f"another input restores to {target} too")
        self._names.add(folded(str(target)))
        if self._inputs.owns(target):
            raise ItemError(f"{target} is one of the inputs, which nothing may replace")
        try:
            if target.is_file() and target.read_bytes() == original:
                return True
            if os.path.lexists(target) and (not self._force or target.is_dir()):
                raise ItemError(f"{target} exists; --force replaces files")
            _write(target, original, item.mtime_ns)
        except OSError as error:
            if isinstance(error, (FileExistsError, NotADirectoryError)) and self._output.is_dir():
                raise ItemError(f"{target} needs a folder where a file is") from error
            kind = ItemError if error.errno == errno.ENAMETOOLONG else JobError
            raise kind(f"cannot write {target}: {error.strerror or error}") from error
        return False

    def finish(self) -> None:
        pass


class _Members:
    """A .zip or .tar, which is there when all is in it; its journal knows the names in use."""

    def __init__(self, sink: ContainerSink, journal: Journal) -> None:
        self._sink, self._journal = sink, journal

    def put(self, item: Item, original: bytes) -> bool:
        admission = self._journal.admit(item, "same", False)
        if admission.action != "do":
            raise ItemError(admission.note or "comes twice")
        staged = self._sink.stage(item.name, item.mtime_ns, lambda file: write_data(file, original))
        finished = Finished(admission.row, admission.name, "coloured", bytes=staged.size)
        self._sink.publish([(finished, staged)])
        return False

    def finish(self) -> None:
        self._sink.finish()


def _may_be_jpeg(path: Path) -> bool:
    """False saves reading a large file of another kind."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\xff\xd8"
    except OSError as error:
        raise ItemError(f"cannot be read: {error.strerror or error}") from error


def _write(target: Path, data: bytes, mtime_ns: int) -> None:
    """Under a temporary name until it is complete and on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(temporary_name(target.name))  # who is killed leaves it to the next
    try:
        temporary.unlink(missing_ok=True)  # a link there would be written through
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mtime_ns:
            os.utime(temporary, ns=(mtime_ns, mtime_ns))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
