"""Between host and GPU: pictures up, answers down, while the GPU works on what came before.

Not yet run on a GPU; tests/test_colorizer_cuda.py runs it over emulated kernels and host memory.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcolor._arrays import Array
from fastcolor.errors import OutOfMemoryError

IN_FLIGHT = 2  # batches between upload and download; the streams need no more to overlap
Compute = Callable[[list[Array]], list[Array]]


def joined(parts: list[Array]) -> Array:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import cupy

    return cupy.concatenate(parts)


@dataclass
class Flight:
    """A batch on its way: where its answers arrive, and what must stay alive until ``done``."""

    done: Any
    arriving: list[Any]  # pinned
    held: tuple[Any, ...]

    def land(self) -> list[Any]:
        """The answers, when they are here."""
        self.done.synchronize()
        return [pinned.copy() for pinned in self.arriving]


class Staging:
    """Three streams, one for each direction and one for the work, and pinned memory."""

    def __init__(self) -> None:
        import cupy

        self._cupy: Any = cupy
        self._up, self._work, self._down = (cupy.cuda.Stream(non_blocking=True) for _ in range(3))
        self._turn = threading.Lock()

    def run(
        self,
        parts: Iterable[list[int]],
        lumas: list[Array],
        results: list[Any],
        compute: Compute,
        halve: Callable[[int], None],
    ) -> None:
        """results[n] = compute(lumas[n]) for all numbers of all parts, one batch for each part."""
        with self._turn:
            window = Window(self, compute, results.__setitem__, halve)
            try:
                for part in parts:
                    window.push([(n, lumas[n]) for n in part])
                window.drain()
            finally:
                self.settle()

    def begin(self, arrays: list[Array], compute: Compute) -> Flight:
        """Starts the upload of the arrays, compute() of them and the download of what it gives.

        Several may be under way; they are worked on in their order. OutOfMemoryError when the GPU
        has no room for this one.
        """
        try:
            return self._begin(arrays, compute)
        except self._cupy.cuda.memory.OutOfMemoryError as error:
            raise OutOfMemoryError(f"the GPU has no memory for {len(arrays)} pictures") from error

    def free(self) -> None:
        """Gives back memory that nothing uses, for another try."""
        self._cupy.get_default_memory_pool().free_all_blocks()

    def settle(self) -> None:
        """After an error too: nothing may be freed that a stream still reads or writes."""
        for stream in (self._up, self._work, self._down):
            stream.synchronize()

    def _begin(self, arrays: list[Array], compute: Compute) -> Flight:
        cupy = self._cupy
        leaving, there = [], []
        with self._up:
            for given in arrays:
                pinned = self._pinned(given.shape, given.dtype)
                pinned[...] = given
                array = cupy.empty(pinned.shape, pinned.dtype)
                array.set(pinned, stream=self._up)
                leaving.append(pinned)
                there.append(array)
        self._work.wait_event(self._up.record())
        with self._work:
            answers = compute(there)
        self._down.wait_event(self._work.record())
        arriving = []
        for answer in answers:
            pinned = self._pinned(answer.shape, answer.dtype)
            answer.get(stream=self._down, out=pinned, blocking=False)
            arriving.append(pinned)
        return Flight(self._down.record(), arriving, (leaving, there, answers))

    def _pinned(self, shape: tuple[int, ...], dtype: Any) -> Any:
        count = int(np.prod(shape))
        memory = self._cupy.cuda.alloc_pinned_memory(count * np.dtype(dtype).itemsize)
        return np.frombuffer(memory, dtype, count).reshape(shape)


class Window:
    """The batches that are under way, of pairs (whom the answer is for, array).

    A batch that finds no memory goes again in halves, after everything before it has left;
    ``halve`` is told its size, and raises when it was of one and nothing else was under way.
    """

    def __init__(
        self,
        staging: Staging,
        compute: Compute,
        deliver: Callable[[Any, Any], None],
        halve: Callable[[int], None],
    ) -> None:
        self._staging, self._compute = staging, compute
        self._deliver, self._halve = deliver, halve
        self._under_way: deque[tuple[list[tuple[Any, Array]], Flight]] = deque()

    def __len__(self) -> int:
        return len(self._under_way)

    def push(self, batch: list[tuple[Any, Array]]) -> None:
        waiting = deque([batch])
        while waiting:
            part = waiting.popleft()
            if not self._begun(part):
                # Behind the exception: it holds on to what was made before memory ran out.
                alone = not len(self)
                self.drain()
                self._staging.free()
                middle = len(part) // 2
                if middle or alone:
                    self._halve(len(part))
                waiting.extendleft(each for each in (part[middle:], part[:middle]) if each)
            if len(self) > IN_FLIGHT:
                self.pop()

    def _begun(self, part: list[tuple[Any, Array]]) -> bool:
        try:
            flight = self._staging.begin([array for _, array in part], self._compute)
        except OutOfMemoryError:
            return False
        self._under_way.append((part, flight))
        return True

    def pop(self) -> None:
        """Waits for the oldest and delivers its answers."""
        part, flight = self._under_way.popleft()
        for (whom, _), answer in zip(part, flight.land()):
            self._deliver(whom, answer)

    def drain(self) -> None:
        while len(self):
            self.pop()
