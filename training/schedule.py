"""How far a run has come, and how large its steps are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from training.recipe import SchedulePart


class Clock:
    """Active seconds of a run, over all its resumptions.

    A pause of the process (a stop signal, a suspended machine) does not count: a
    tick adds at most five times the usual one. ``now`` may be `time.process_time`: seconds
    of all CPUs that the process uses, which other programs beside it do not shorten.
    """

    def __init__(self, seconds: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._last = now()
        self._usual = 30.0

    def skip(self) -> None:
        """What passed since the last tick was no training: data was decoded, say."""
        self._last = self._now()

    def tick(self) -> None:
        now = self._now()
        spent = now - self._last
        self._last = now
        self.seconds += min(spent, 5 * self._usual)
        self._usual += 0.05 * (min(spent, 2 * self._usual) - self._usual)


def progress(schedule: SchedulePart, step: int, seconds: float) -> float:
    """Part of the run that is done, [0,1], by the schedule's clock."""
    if schedule.clock == "minutes":
        return min(1.0, seconds / (60 * schedule.minutes))
    return min(1.0, step / schedule.steps)


def rate(schedule: SchedulePart, step: int, done: float) -> float:
    """Factor of the peak learning rate: linear warm-up, then a cosine to ``floor``."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup))
    return warm * (schedule.floor + (1 - schedule.floor) * 0.5 * (1 + math.cos(math.pi * done)))
