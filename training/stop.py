"""Ctrl-C and SIGTERM while a run trains: it ends after the step, with a checkpoint."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FIRST = b"\nstopping after this step, with a checkpoint; once more stops at once\n"


class StopRequest:
    """A context manager. ``code`` is the exit code once a stop was asked for, else 0."""

    def __init__(self) -> None:
        self.code = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.code:
            os._exit(self.code)
        os.write(2, FIRST)
        self.code = 128 + number
