"""Throughput over time by stage, in a bounded number of intervals."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

MOST = 240


class Series:
    """Counts what happens in intervals of equal length, which doubles when there are too many."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.seconds = 0.5
        self._intervals: list[dict[str, float]] = []
        self.totals: dict[str, float] = defaultdict(float)

    def add(self, **amounts: float) -> None:
        index = int((time.monotonic() - self.started) / self.seconds)
        while index >= MOST:
            self._halve()
            index //= 2
        while len(self._intervals) <= index:
            self._intervals.append({})
        interval = self._intervals[index]
        for name, amount in amounts.items():
            interval[name] = interval.get(name, 0.0) + amount
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
        merged = []
        for i in range(0, len(self._intervals), 2):
            pair = self._intervals[i : i + 2]
            merged.append({k: sum(p.get(k, 0.0) for p in pair) for k in set().union(*pair)})
        self._intervals = merged
        self.seconds *= 2
