"""How many threads the operators use on the CPU."""

from __future__ import annotations

from fastcolor import _core
from fastcolor.ops._common import whole


def thread_count() -> int:
    """FASTCOLOR_THREADS, or the processors that this process may use, until it is set."""
    return _core.thread_count()


def set_thread_count(count: int) -> None:
    """From 1 to 1024, for all operators of this process; results do not depend on it."""
    _core.set_thread_count(whole(count, "count"))
