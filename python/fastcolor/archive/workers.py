"""Threads that take tasks and hand back results; with none, the caller does the work itself."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import TracebackType
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
Task = TypeVar("Task")
Result = TypeVar("Result")

THREADS = 2  # for each picture that is worked on: others read the next, or wait for the disk
IN_FLIGHT = 8  # tasks for each such picture: bounds memory, and hides uneven ones


class Workers(Generic[Task, Result]):
    """``work`` on ``THREADS`` threads for each of ``count``; how many of them compute at a time is
    told by Spare. It must not raise. Results come in any order."""

    def __init__(self, count: int, work: Callable[[Task], Result]) -> None:
        self.most_in_flight = max(1, count * IN_FLIGHT)
        self.in_flight = 0
        self._work = work
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"worker-{number}", daemon=True)
            for number in range(count * THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task) -> None:
        self.in_flight += 1
        if self._threads:
            self._tasks.put(task)
        else:
            self._results.put(self._work(task))

    def result(self, timeout: float | None) -> Result | None:
        """The next result, or None when there is none within ``timeout`` seconds."""
        try:
            result = self._results.get(timeout=timeout)
        except queue.Empty:
            return None
        self.in_flight -= 1
        return result

    def __enter__(self) -> Workers[Task, Result]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._results.put(self._work(task))


class Budget:
    """Bytes that pictures in work may take together; one that wants more than all waits to be
    alone. ``holding(size)`` waits for its share."""

    def __init__(self, most: int) -> None:
        self._most = self._free = most
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    def take(self, size: int) -> int:
        """Waits for its turn: small ones do not pass by a large one for ever."""
        size, ticket = min(size, self._most), object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._free >= size)
            self._waiting.popleft()
            self._free -= size
            self._changed.notify_all()
        return size

    def take_now(self, size: int) -> bool:
        """Whether there was room, which is taken then."""
        with self._changed:
            if self._waiting or self._free < size:
                return False
            self._free -= size
            return True

    def give(self, size: int) -> None:
        with self._changed:
            self._free += size
            self._changed.notify_all()


class Spare:
    """Lets ``count`` threads compute at a time, whoever they compute for: more than there are CPUs
    would only take each other's caches. One that is idle may work ahead for a busy one."""

    def __init__(self, count: int, budget: Budget) -> None:
        self._idle = threading.Semaphore(max(1, count))
        self._budget = budget
        self._pool = ThreadPoolExecutor(max(1, count), "spare")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Around what a worker computes."""
        with self._idle:
            yield

    @contextmanager
    def ahead(self, size: int, work: Callable[[], Answer]) -> Iterator[Callable[[], Answer]]:
        """Gives what waits for ``work``, which is begun at once where a worker is idle and there is
        room for ``size`` bytes. It has ended when this has."""
        if not self._idle.acquire(blocking=False):
            yield work
            return
        if not self._budget.take_now(size):
            self._idle.release()
            yield work
            return
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # no more threads can be started
            self._idle.release()
            self._budget.give(size)
            yield work
            return
        future.add_done_callback(lambda _: self._idle.release())
        try:
            yield future.result
        finally:
            wait([future])
            self._budget.give(size)

    def close(self) -> None:
        self._pool.shutdown()
