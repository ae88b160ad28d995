"""The threads of a job: some read, some compute, some see what was made to the disk."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar

Answer = TypeVar("Answer")
Task = TypeVar("Task")
Given = TypeVar("Given", contravariant=True)
Result = TypeVar("Result")

IN_FLIGHT = 8  # tasks for each picture that is computed: bounds memory, and hides uneven ones
MOST_AT_DISKS = 32  # threads that read, and that settle


class Stages(Protocol[Given, Result]):
    """What is done to each task, one after the other. Nothing of it may raise."""

    def read(self, task: Given) -> Result: ...
    def compute(self, result: Result) -> Result: ...
    def settle(self, result: Result) -> Result: ...


class Workers(Generic[Task, Result]):
    """``computing`` threads compute; others read the next for them, and settle the outputs.

    Who computes never waits for a disk. Threads that took turns would do, but a system leaves two
    of them on one CPU for milliseconds while another CPU idles. Results come in any order; where
    ``count`` is 0, the caller does the work itself.
    """

    def __init__(self, count: int, computing: int, stages: Stages[Task, Result]) -> None:
        self.most_in_flight = max(1, count * IN_FLIGHT)
        self.in_flight = 0
        self._stages = stages
        tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        read: queue.SimpleQueue[Result | None] = queue.SimpleQueue()
        made: queue.SimpleQueue[Result | None] = queue.SimpleQueue()
        room: queue.SimpleQueue[None] = queue.SimpleQueue()  # for what is read
        results: queue.SimpleQueue[Result] = queue.SimpleQueue()

        def next_to_read() -> Task | None:
            room.get()
            return tasks.get()

        def next_to_compute() -> Result | None:
            result = read.get()
            room.put(None)
            return result

        beside = min(count, MOST_AT_DISKS)
        for _ in range(beside):
            room.put(None)
        self._tasks, self._results = tasks, results
        self._crews = (
            _Crew("reader", beside, tasks.put, next_to_read, stages.read, read.put),
            _Crew("worker", computing, read.put, next_to_compute, stages.compute, made.put),
            _Crew("settler", beside, made.put, made.get, stages.settle, results.put),
        )
        self._alone = count == 0

    def submit(self, task: Task) -> None:
        self.in_flight += 1
        if self._alone:
            stages = self._stages
            self._results.put(stages.settle(stages.compute(stages.read(task))))
        else:
            self._tasks.put(task)

    def withdraw(self) -> list[Task]:
        """Takes back what no thread has begun."""
        found = []
        with suppress(queue.Empty):
            while (task := self._tasks.get_nowait()) is not None:
                found.append(task)
        self.in_flight -= len(found)
        return found

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

    def __exit__(self, *error: object) -> None:
        for crew in self._crews:
            crew.end()


class _Crew(Generic[Task, Answer]):
    """Threads that ``take``, ``work`` and ``give`` until they take None, which is ``put`` there."""

    def __init__(
        self,
        name: str,
        count: int,
        put: Callable[[None], None],
        take: Callable[[], Task | None],
        work: Callable[[Task], Answer],
        give: Callable[[Answer], None],
    ) -> None:
        def serve() -> None:
            while (task := take()) is not None:
                give(work(task))

        self._put = put
        self._threads = [
            threading.Thread(target=serve, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        for _ in self._threads:
            self._put(None)
        for thread in self._threads:
            thread.join()


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
    """Lets ``count`` threads compute at a time, whoever they compute for: one that is idle may work
    ahead for a busy one."""

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
