"""fastcolor revert: joined files in, their originals out."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fastcolor import jpeg
from fastcolor.archive.errors import ItemError, JobError
from fastcolor.archive.item import Item
from fastcolor.archive.names import folded, is_picture, printable
from fastcolor.archive.source import Inputs
from fastcolor.errors import FastcolorError

LUMA_ONLY = "only the luma of a colour-encoded file, whose chroma colorize did not keep"


@dataclass
class Counts:
    restored: int = 0
    luma: int = 0  #: of these the output holds all that is left of the original
    there: int = 0
    left: int = 0
    failed: int = 0
    names: set[str] = field(default_factory=set)


def revert(inputs: list[str], output: Path, *, max_file: int, force: bool, quiet: bool) -> int:
    """Restores every joined file of the inputs below ``output``; gives the exit code.

    What was not joined is left out, which is a failure only for a file that was named itself. A
    single file goes to ``output`` when that has the suffix of a picture, else into that folder.
    """
    found = Inputs(inputs, output, [], max_file)
    found.require()
    one = found.only_file() and is_picture(output.name) and not output.is_dir()
    named = {os.path.abspath(path) for path in inputs}
    counts = Counts()
    for item in found:
        target = output if one else output / item.name
        try:
            luma = _restore(item, target, found, counts, force=force, named=item.path in named)
            if luma and not quiet:
                sys.stderr.write(f"fastcolor: {item.label}: {LUMA_ONLY}\n")
        except FastcolorError as error:
            if isinstance(error, JobError):
                raise
            counts.failed += 1
            sys.stderr.write(f"fastcolor: {item.label}: {printable(error)}\n")
    if counts.restored + counts.luma + counts.there + counts.failed == 0:
        raise ItemError("nothing in the input was joined by fastcolor: there is nothing to restore")
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


def _restore(
    item: Item, target: Path, inputs: Inputs, counts: Counts, *, force: bool, named: bool
) -> bool:
    """Counts what became of an item; True when the target is only the luma of its original."""
    named = named and not item.member
    if item.problem or item.read is None:
        raise ItemError(item.problem or "cannot be read")
    data = item.read() if item.member or _may_be_jpeg(Path(item.path)) else b""
    if not jpeg.is_joined(data):
        if named:
            raise ItemError("was not joined by fastcolor: there is nothing to go back to")
        counts.left += 1
        return False
    original = jpeg.revert(data)
    luma_only = jpeg.is_luma_only(data)
    if folded(str(target)) in counts.names:
        raise ItemError(f"another input restores to {target} too")
    counts.names.add(folded(str(target)))
    if inputs.owns(target):
        raise ItemError(f"{target} is one of the inputs, which nothing may replace")
    if target.is_file() and target.read_bytes() == original:
        counts.luma += luma_only
        counts.there += not luma_only
        return luma_only
    if os.path.lexists(target) and (not force or target.is_dir()):
        raise ItemError(f"{target} exists; --force replaces files")
    try:
        _write(target, original, item.mtime_ns)
    except OSError as error:
        raise JobError(f"cannot write {target}: {error.strerror or error}") from error
    counts.luma += luma_only
    counts.restored += not luma_only
    return luma_only


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
    temporary = target.with_name(f".fastcolor-{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
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
