"""Ctrl-C and SIGTERM: the first asks a job to stop, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """A context manager. ``code`` is the exit code once a stop was asked for, else 0."""

    def __init__(self, asked: Callable[[], None]) -> None:
        self.code = 0
        self._asked = asked
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.code:
            sys.stderr.write("\nfastcolor: stopped at once; the same command goes on\n")
            sys.stderr.flush()
            os._exit(self.code)
        self.code = 128 + number
        self._asked()
