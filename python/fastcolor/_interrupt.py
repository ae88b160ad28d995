"""Ctrl-C in the command line: one sentence and exit code 130, at whatever instant it comes; where
something is to be removed, SIGTERM in the same way with 143.

Imports nothing that takes long: it must be there before the rest is loaded. While a job runs,
fastcolor.archive.signals takes its place.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

_unwinding = False


def end_at_once() -> None:
    """From here on there is nothing to tidy up. A KeyboardInterrupt would not do: libraries that
    are being imported lose it, or make another error of it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, _on_interrupt)


def unwind() -> None:
    """From here on the first one raises an exception, so that what was begun is removed."""
    global _unwinding
    _unwinding = True
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # it removes nothing by itself
        signal.signal(signal.SIGTERM, _on_interrupt)


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    global _unwinding
    with suppress(OSError):  # it is closed
        os.write(2, b"fastcolor: interrupted\n")
    if not _unwinding:
        os._exit(128 + number)
    _unwinding = False
    if number == signal.SIGTERM:
        sys.exit(128 + number)
    raise KeyboardInterrupt
