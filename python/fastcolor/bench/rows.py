"""What the kernels' benchmarks are asked, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fastcolor.ops
from fastcolor.bench import cases


@dataclass(frozen=True)
class Settings:
    device: str = "cpu"
    megapixels: float = 8.0
    threads: int = 1
    repetitions: int = 7
    only: str = ""


@dataclass(frozen=True)
class Row:
    """One operator. Times are the fastest round's; ``*_median`` the middle one's. ``scaling`` is
    how many times faster ``scaling_threads`` threads are than one."""

    name: str
    device: str
    threads: int
    ours_ms_per_mp: float
    peer: str | None
    peer_ms_per_mp: float | None
    ratio: float | None
    max_error: float | None
    bandwidth_fraction: float
    ours_ms_per_mp_median: float
    peer_ms_per_mp_median: float | None
    scaling: float | None = None
    scaling_threads: int | None = None


@dataclass(frozen=True)
class Skipped:
    name: str
    reason: str


def missing_operators(case: cases.Case) -> list[str]:
    return [name for name in case.operators if not hasattr(fastcolor.ops, name)]


def byte_count(arrays: Any) -> int:
    group = arrays if isinstance(arrays, (tuple, list)) else [arrays]
    return sum(int(array.nbytes) for array in group)
