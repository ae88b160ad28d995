"""What every engine does: checks of batches, closing, and the names of precisions and devices."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fastcolor._arrays import Array, adopt, dtype_of, is_cuda, shape_of
from fastcolor.errors import EngineError
from fastcolor.models import ModelSpec


@runtime_checkable
class Engine(Protocol):
    """A model made ready to run.

    ``run`` takes float32 (N,1,h,w) on the engine's own device (NumPy on "cpu"; on "cuda" any CUDA
    array, worked on in the caller's current CuPy stream) and gives float32 beside it. It may be
    called from many threads. ``precision`` is that of the arithmetic, ``choice`` says why this
    engine was taken where that was left to open_engine.
    """

    spec: ModelSpec
    name: str
    device: str
    precision: str
    choice: str

    def run(self, batch: Array) -> Array: ...
    def close(self) -> None: ...
    def __enter__(self) -> Engine: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def dense(batch: Array) -> Any:
    """A NumPy batch as libraries take it: contiguous, and writeable though nobody writes."""
    array = np.ascontiguousarray(batch)
    return array if array.flags.writeable else array.copy()


class BaseEngine:
    """run() and close() around a subclass's _run and _close.

    close() waits for runs in other threads, so that nothing is freed under them; closing again does
    nothing.
    """

    name = ""

    def __init__(self, spec: ModelSpec, device: str, precision: str) -> None:
        self.spec, self.device, self.precision = spec, device, precision
        self.choice = ""
        self._gate = threading.Condition()
        self._running = 0
        self._closed = False

    def run(self, batch: Array) -> Array:
        batch = self._checked(batch)
        with self._gate:
            if self._closed:
                raise EngineError(f"the {self.name} engine of {self.spec.name} is closed")
            self._running += 1
        try:
            return self._run(batch)
        finally:
            with self._gate:
                self._running -= 1
                self._gate.notify_all()

    def close(self) -> None:
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._gate.wait_for(lambda: self._running == 0)
        self._close()

    def __enter__(self) -> BaseEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, batch: Array) -> Array:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _checked(self, batch: Array) -> Any:
        array = adopt(batch, "batch")
        shape, step = shape_of(array, "batch"), self.spec.multiple_of
        if dtype_of(array, "batch") != np.float32:
            raise TypeError(f"batch must be float32, got {dtype_of(array, 'batch').name}")
        if len(shape) != 4 or shape[1] != 1:
            raise ValueError(f"batch must have the shape (N,1,h,w), got {shape}")
        if min(shape) < 1:
            raise ValueError(f"batch must not be empty, got the shape {shape}")
        if shape[2] % step or shape[3] % step:
            raise ValueError(
                f"batch must have sides divisible by {step} for {self.spec.name}, got {shape}"
            )
        if is_cuda(array) != (self.device == "cuda"):
            where = "on the GPU" if self.device == "cuda" else "a NumPy array"
            raise TypeError(f"batch must be {where}: the engine runs on {self.device}")
        return array
