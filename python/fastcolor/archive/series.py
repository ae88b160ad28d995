"""Throughput over time by stage, in a bounded number of intervals."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

MOST = 240
STAGES = ("read", "decode", "infer", "merge", "encode", "write")


class Series:
    """Counts what happens in intervals of equal length, which doubles when there are too many."""

    def __init__(self) -> None:
        self.started = self._finished = time.monotonic()
        self.seconds = 0.5
        self._intervals: list[defaultdict[str, float]] = []
        self.totals: dict[str, float] = defaultdict(float)

    def add(self, **amounts: float) -> None:
        self._spread(amounts, 0.0)

    def finished(self, **amounts: float) -> None:
        """What is done since the last such call: it took all the time since then."""
        now = time.monotonic()
        self._spread(amounts, now - self._finished)
        self._finished = now

    def worked(self, seconds: dict[str, float]) -> None:
        """What a worker has spent until now, stage by stage, since it began."""
        self._spread(seconds, sum(seconds.values()))

    def _spread(self, amounts: dict[str, float], duration: float) -> None:
        """Adds to the intervals of the last ``duration`` seconds, to each its share of them."""
        end = time.monotonic() - self.started
        while end >= MOST * self.seconds:
            self._halve()
        last = int(end / self.seconds)
        while len(self._intervals) <= last:
            self._intervals.append(defaultdict(float))
        begin = max(0.0, end - duration)
        for index in range(int(begin / self.seconds), last + 1):
            low, high = index * self.seconds, (index + 1) * self.seconds
            share = (min(high, end) - max(low, begin)) / (end - begin) if end > begin else 1.0
            interval = self._intervals[index]
            for name, amount in amounts.items():
                interval[name] += amount * share
        for name, amount in amounts.items():
            self.totals[name] += amount

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def intervals(self) -> list[dict[str, Any]]:
        """{"at": seconds, "length": seconds, name: amount}, one for each."""
        return [
            {"at": round(i * self.seconds, 3), "length": self.seconds}
            | {name: round(value, 4) for name, value in interval.items()}
            for i, interval in enumerate(self._intervals)
        ]

    def _halve(self) -> None:
        merged = self._intervals[::2]
        for into, other in zip(merged, self._intervals[1::2]):  # a last one may be alone
            for name, amount in other.items():
                into[name] += amount
        self._intervals = merged
        self.seconds *= 2
