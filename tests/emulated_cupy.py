"""Just enough of CuPy's face, over host memory, to drive a build whose kernels are emulated."""

from __future__ import annotations

import threading
import weakref
from typing import ClassVar

import numpy as np

room: int | None = None  # bytes of arrays that empty() may have made at a time; None: any
_taken = 0
_counting = threading.RLock()


class ndarray:  # noqa: N801 - CuPy's own name
    def __init__(self, host: np.ndarray) -> None:
        self.host = host

    @property
    def __cuda_array_interface__(self) -> dict[str, object]:
        face = self.host.__array_interface__
        return {
            "shape": self.host.shape,
            "typestr": self.host.dtype.str,
            "data": (face["data"][0], not self.host.flags.writeable),
            "strides": self.host.strides,
            "version": 3,
        }

    @property
    def device(self) -> cuda.Device:
        return cuda.Device(0)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.host.shape

    @property
    def dtype(self) -> np.dtype:
        return self.host.dtype

    @property
    def ndim(self) -> int:
        return self.host.ndim

    def __getitem__(self, key: object) -> ndarray:
        return ndarray(self.host[key])

    def __len__(self) -> int:
        return len(self.host)

    def __imul__(self, factor: object) -> ndarray:
        self.host *= factor
        return self

    def transpose(self, *axes: int) -> ndarray:
        return ndarray(self.host.transpose(*axes))

    def set(self, host: np.ndarray, stream: object = None) -> None:
        self.host[...] = host

    def get(self, stream: object = None, out: object = None, blocking: bool = True) -> np.ndarray:
        if out is None:
            return self.host.copy()
        out[...] = self.host
        return out


class cuda:  # noqa: N801
    class Device:
        def __init__(self, number: int) -> None:
            self.id = number

        def __enter__(self) -> cuda.Device:
            return self

        def __exit__(self, *error: object) -> None:
            """There is one device."""

    class runtime:  # noqa: N801
        @staticmethod
        def pointerGetAttributes(pointer: int) -> cuda.runtime:  # noqa: N802
            return cuda.runtime()

        device = 0

    class ExternalStream:
        waited_for: ClassVar[list[int]] = []

        def __init__(self, pointer: int) -> None:
            self.pointer = pointer

        def synchronize(self) -> None:
            self.waited_for.append(self.pointer)

    class Event:
        def synchronize(self) -> None:
            """Everything is done at once."""

    class Stream:
        ptr = 0

        def __init__(self, non_blocking: bool = False) -> None:
            self.non_blocking = non_blocking

        def __enter__(self) -> cuda.Stream:
            return self

        def __exit__(self, *error: object) -> None:
            """Work is done at once, on any stream."""

        def record(self) -> cuda.Event:
            return cuda.Event()

        def wait_event(self, event: cuda.Event) -> None:
            """Nothing to wait for."""

        def synchronize(self) -> None:
            """Nothing to wait for."""

    class memory:  # noqa: N801
        class OutOfMemoryError(MemoryError):
            pass

    @staticmethod
    def get_current_stream() -> cuda.Stream:
        return cuda.Stream()

    @staticmethod
    def alloc_pinned_memory(size: int) -> bytearray:
        return bytearray(size)


class _Pool:
    def free_all_blocks(self) -> None:
        """There is none."""


def get_default_memory_pool() -> _Pool:
    return _Pool()


def concatenate(arrays: list[ndarray]) -> ndarray:
    return ndarray(np.concatenate([array.host for array in arrays]))


def empty(shape: tuple[int, ...], dtype: object) -> ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if room is not None and _taken + size > room:
        raise cuda.memory.OutOfMemoryError(f"{size} bytes are not to be had")
    _take(size)
    # Filled with rubbish, so that a sample which a kernel forgets cannot look right by chance.
    host = np.empty(shape, dtype)
    host.view(np.uint8).reshape(-1)[:] = 0xA5
    weakref.finalize(host, _take, -size)
    return ndarray(host)


def _take(size: int) -> None:
    global _taken
    with _counting:
        _taken += size


def asarray(host: object) -> ndarray:
    return ndarray(np.asarray(host))


def asnumpy(array: ndarray) -> np.ndarray:
    return array.host
