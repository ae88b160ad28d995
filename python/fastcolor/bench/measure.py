"""Clocks: two sides timed in turn, memory bandwidth, and what the machine is."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

COPY_BYTES = 1 << 27  # more than the caches that one core gets


@dataclass(frozen=True)
class Timing:
    minimum: float  # seconds
    median: float


def interleaved(sides: Sequence[Callable[[int], object]], repetitions: int) -> list[Timing]:
    """Times side(round) for every side in turn, after one untimed round.

    A change of the machine's speed thus meets all sides. A side picks the buffers of its round by
    the number it gets, so that caches do not hold them.
    """
    seconds: list[list[float]] = [[] for _ in sides]
    for number in range(repetitions + 1):
        for side, list_ in zip(sides, seconds):
            start = perf_counter()
            side(number)
            if number > 0:
                list_.append(perf_counter() - start)
    return [Timing(min(list_), statistics.median(list_)) for list_ in seconds]


def copy_bandwidth(threads: int) -> float:
    """Bytes read and written in a second by plain copies of large arrays, the best of several."""
    source = [np.ones(COPY_BYTES // threads, np.uint8) for _ in range(threads)]
    target = [np.zeros_like(array) for array in source]
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(7):
            start = perf_counter()
            list(pool.map(np.copyto, target, source))
            best = min(best, perf_counter() - start)
    return 2 * COPY_BYTES / best


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((ln.split(": ", 1)[1] for ln in lines if ln.startswith("model name")), "unknown")


def cpu_count() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str | None:
    """The commit of the working tree that the package lies in; None outside of one."""
    if "FASTCOLOR_COMMIT" in os.environ:
        return os.environ["FASTCOLOR_COMMIT"]
    folder = Path.cwd()
    if not (folder / "csrc").is_dir():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
