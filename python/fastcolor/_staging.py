"""Between host and GPU: lumas up, pictures down, while the GPU works on what came before.

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


def joined(parts: list[Array]) -> Array:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import cupy

    return cupy.concatenate(parts)


@dataclass
class _Batch:
    """One on its way: what must stay alive until ``done``, and where its pictures arrive."""

    numbers: list[int]
    done: Any
    arriving: list[Any]  # pinned
    held: tuple[Any, ...]


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
        compute: Callable[[list[Array]], list[Array]],
        halve: Callable[[int], None],
    ) -> None:
        """results[n] = compute(lumas[n]) for all numbers of all parts, one batch for each part.

        A part that finds no memory goes again in halves, after everything before it has left.
        """
        with self._turn:
            under_way: deque[_Batch] = deque()
            try:
                for part in parts:
                    waiting = deque([part])
                    while waiting:
                        numbers = waiting.popleft()
                        try:
                            under_way.append(self._begin(numbers, lumas, compute))
                        except (OutOfMemoryError, self._cupy.cuda.memory.OutOfMemoryError):
                            while under_way:
                                self._finish(under_way.popleft(), results)
                            self._cupy.get_default_memory_pool().free_all_blocks()
                            halve(len(numbers))
                            middle = len(numbers) // 2
                            waiting.extendleft([numbers[middle:], numbers[:middle]])
                        if len(under_way) > IN_FLIGHT:
                            self._finish(under_way.popleft(), results)
                while under_way:
                    self._finish(under_way.popleft(), results)
            finally:
                # After an error too: nothing may be freed that a stream still reads or writes.
                for stream in (self._up, self._work, self._down):
                    stream.synchronize()

    def _pinned(self, shape: tuple[int, ...], dtype: Any) -> Any:
        count = int(np.prod(shape))
        memory = self._cupy.cuda.alloc_pinned_memory(count * np.dtype(dtype).itemsize)
        return np.frombuffer(memory, dtype, count).reshape(shape)

    def _begin(
        self,
        numbers: list[int],
        lumas: list[Array],
        compute: Callable[[list[Array]], list[Array]],
    ) -> _Batch:
        cupy = self._cupy
        leaving, there = [], []
        with self._up:
            for n in numbers:
                pinned = self._pinned(lumas[n].shape, lumas[n].dtype)
                pinned[...] = lumas[n]
                array = cupy.empty(pinned.shape, pinned.dtype)
                array.set(pinned, stream=self._up)
                leaving.append(pinned)
                there.append(array)
        self._work.wait_event(self._up.record())
        with self._work:
            pictures = compute(there)
        self._down.wait_event(self._work.record())
        arriving = []
        for picture in pictures:
            pinned = self._pinned(picture.shape, picture.dtype)
            picture.get(stream=self._down, out=pinned, blocking=False)
            arriving.append(pinned)
        return _Batch(numbers, self._down.record(), arriving, (leaving, there, pictures))

    def _finish(self, batch: _Batch, results: list[Any]) -> None:
        batch.done.synchronize()
        for n, pinned in zip(batch.numbers, batch.arriving):
            results[n] = pinned.copy()
