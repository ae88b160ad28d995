"""Just enough of CuPy's face, over host memory, to drive a build whose kernels are emulated."""

from __future__ import annotations

from typing import ClassVar

import numpy as np


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

    def transpose(self, *axes: int) -> ndarray:
        return ndarray(self.host.transpose(*axes))


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

    class _Stream:
        ptr = 0

    @staticmethod
    def get_current_stream() -> _Stream:
        return cuda._Stream()


def empty(shape: tuple[int, ...], dtype: object) -> ndarray:
    # Filled with rubbish, so that a sample which a kernel forgets cannot look right by chance.
    host = np.empty(shape, dtype)
    host.view(np.uint8).reshape(-1)[:] = 0xA5
    return ndarray(host)


def asarray(host: np.ndarray) -> ndarray:
    return ndarray(host)


def asnumpy(array: ndarray) -> np.ndarray:
    return array.host
