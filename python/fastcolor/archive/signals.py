"""Ctrl-C and SIGTERM: the first asks a job to stop, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

FIRST = b"\nfastcolor: stopping: what is in work will be finished; once more stops at once\n"
SECOND = b"\nfastcolor: stopped at once; the same command goes on\n"


class StopRequest:
    """A context manager. ``code`` is the exit code once a stop was asked for, else 0."""

    def __init__(self) -> None:
        self.code = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Straight to the descriptor: the interrupted code may be inside a print of its own.
        os.write(2, SECOND if self.code else FIRST)
        if self.code:
            os._exit(self.code)
        self.code = 128 + number
