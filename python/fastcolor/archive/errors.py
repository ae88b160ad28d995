"""What can go wrong with one item, and what stops a whole job."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastcolor.archive.names import JOURNAL_SUFFIX
from fastcolor.errors import FILES, FastcolorError


class ItemError(FastcolorError):
    """One item cannot be done; the message is the reason that the report gives."""


class JobError(FastcolorError):
    """The job cannot go on; what is done stays done, and the same command continues it."""

    exit_code = FILES


_REASONS = {
    errno.ENOSPC: "no space is left there",
    errno.EFBIG: "a file would grow beyond the size limit of this process (ulimit -f)",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "it is on a read-only file system",
    errno.EACCES: "writing there is not allowed",
    errno.EPERM: "writing there is not allowed",
    errno.EMFILE: "too many files are open (ulimit -n)",
    errno.EIO: "the device reports an input/output error",
}


def cannot_write(path: object, error: OSError) -> JobError:
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    return JobError(
        f"cannot write {path}: {reason}; when that is mended, the same command goes on "
        "where it stopped"
    )


def _elsewhere(journal: Path | None) -> str:
    """A way out for who named the folder at which a disk is mounted."""
    output = journal and journal.with_name(journal.name.removesuffix(JOURNAL_SUFFIX))
    if not output or not output.is_dir() or not os.access(output, os.W_OK | os.X_OK):
        return ""
    return f" (it lies beside the output: with a folder inside {output} as output it goes there)"


@contextmanager
def journal_trouble(path: Path | None) -> Iterator[None]:
    """What SQLite reports about a journal, as JobError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise JobError(
                f"another fastcolor works on this output ({path}); let it end first"
            ) from error
        if "readonly" in text or (path and not os.access(path.parent, os.W_OK | os.X_OK)):
            text = _REASONS[errno.EACCES] + _elsewhere(path)
        raise JobError(
            f"cannot write the journal {path}: {text}; when that is mended, the same "
            "command goes on where it stopped"
        ) from error
    except sqlite3.DatabaseError as error:
        raise JobError(
            f"{path} is not a journal, or is damaged ({error}); move it away to begin anew"
        ) from error
