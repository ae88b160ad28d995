"""What a worker does with one item, which is told by its content."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from fastcolor import jpeg
from fastcolor.archive import kinds
from fastcolor.archive.errors import ItemError, JobError
from fastcolor.archive.journal import Finished
from fastcolor.archive.ledger import ANEW
from fastcolor.archive.lossless import ReencodeError, keep_luma
from fastcolor.archive.names import MOST_SIDECAR, is_archive, is_picture, is_sidecar
from fastcolor.archive.pages import colour_pages
from fastcolor.archive.sink import Staged
from fastcolor.archive.task import OUTPUT, Data, Result, Task, read_data, write_data
from fastcolor.archive.workshop import Workshop
from fastcolor.errors import FastcolorError
from fastcolor.media import codecs
from fastcolor.media.codecs import DamagedError

_LAXER = "; --fail-on none makes what can be made of it"


class Steps(Workshop):
    """The steps of an item, in a workshop of their own."""

    def read(self, task: Task) -> Result:
        result = Result(task)
        with self._noted(result), result.timed("read"):
            result.head, result.data = read_data(task)
        return result

    def compute(self, result: Result) -> Result:
        if result.error is None:
            with self._noted(result), self.spare.busy():
                self._item(result, result.head, result.data)
        result.data = b""
        return result

    def settle(self, result: Result) -> Result:
        if result.error is None and result.finished is not None and result.staged is not None:
            with self._noted(result), result.timed("write"):
                self.sink.settle(result.finished.name, result.staged)
        return result

    @contextmanager
    def _noted(self, result: Result) -> Iterator[None]:
        """Nothing is raised: what went wrong is in the result."""
        try:
            yield
        except (ItemError, JobError) as error:
            result.error = error
        except FastcolorError as error:
            hint = _LAXER if isinstance(error, DamagedError) and error.tolerable else ""
            result.error = ItemError(f"{error}{hint}")
        except MemoryError:
            result.error = ItemError("there is not enough memory for it")
        except OSError as error:
            what = "cannot be read" if error.errno else "unexpected OSError"
            result.error = ItemError(f"{what}: {error.strerror or error}")
        except Exception as error:
            if os.environ.get("FASTCOLOR_DEBUG"):
                traceback.print_exc()
            result.error = ItemError(f"unexpected {type(error).__name__}: {error}")
        if result.error is not None and result.staged is not None:
            result.staged.close()

    def _item(self, result: Result, head: bytes, data: Data) -> None:
        task = result.task
        kind = codecs.sniff(head)
        if kind not in OUTPUT:
            name = task.item.member or task.item.path
            if head.startswith(kinds.APPLE_DOUBLE):
                return self._leave_out(result)
            if is_picture(name):
                what = "is empty" if not head else f"is {kind or 'in no format that is known here'}"
                raise ItemError(f"{what}, not a picture that can be read")
            if is_sidecar(name) and task.item.size <= MOST_SIDECAR:
                return self._carry(result, data)
            if is_archive(name) or (task.item.member and kinds.is_archive_inside(head)):
                raise ItemError("is an archive inside an archive, which is not opened")
            if kind in kinds.NOT_OPENED:
                what = kinds.NOT_OPENED[kind]
                raise ItemError(f"is a {what} archive, which is not opened; unpack it yourself")
            if kind in kinds.PACKED and is_picture(PurePosixPath(name).stem):
                raise ItemError(f"is packed with {kind}, which is not opened; unpack it yourself")
            return self._leave_out(result)
        if kind == "jpeg" and isinstance(data, bytes):
            if not self.settings.force and _has_original(data):
                return self._copy_joined(result, data)
            try:
                return keep_luma(self, result, data)
            except ReencodeError as error:
                if self.settings.lossless_luma == "always":
                    raise ItemError(f"its luma cannot be kept: {error}") from error
                colour_pages(self, result, data, kind, self._anew(str(error)))
        else:
            colour_pages(self, result, data, kind, "")

    def _anew(self, problem: str) -> str:
        """The note about a JPEG whose luma is not kept; no problem: the settings want it so."""
        if self.settings.format not in ("same", "jpg"):
            return ""
        why = f", so revert cannot give the original back: {problem}" if problem else ""
        return ANEW + why

    def _copy_joined(self, result: Result, data: bytes) -> None:
        """However pale its colours are: coloured again, it would lose its original."""
        fail_on = self.settings.fail_on
        with codecs.open_document(data, limits=self.limits, fail_on=fail_on) as document:
            self.copy(result, data, document)

    def _leave_out(self, result: Result) -> None:
        result.finished = Finished(result.task.row, result.task.name, "skipped")
        result.staged = Staged(0)

    def _carry(self, result: Result, data: Data) -> None:
        """A sidecar goes with its picture as it is."""
        task = result.task
        with result.timed("write"):
            result.staged = self.sink.stage(
                task.name, task.item.mtime_ns, lambda file: write_data(file, data)
            )
        result.finished = Finished(task.row, task.name, "sidecar", bytes=result.staged.size)


def _has_original(data: bytes) -> bool:
    """Whether this is a joined file as it was written; a recipe alone may come from another one."""
    if not jpeg.is_joined(data):
        return False
    try:
        jpeg.revert(data)
    except jpeg.JpegError:
        return False
    return True
