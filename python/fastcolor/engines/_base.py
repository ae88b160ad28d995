"""What every engine does: checks of batches, closing, and the names of precisions and devices."""

from __future__ import annotations

import os
import threading
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fastcolor._arrays import Array, adopt, dtype_of, is_cuda, shape_of
from fastcolor.errors import EngineError, ModelError
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
    def __exit__(self, *error: object) -> None: ...


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
    forkable = False  # whether it also runs in processes that this one forks

    def __init__(self, spec: ModelSpec, device: str, precision: str) -> None:
        self.spec, self.device, self.precision = spec, device, precision
        self.choice = ""
        self._gate = threading.Condition()
        self._running = 0
        self._closed = False
        self._process = os.getpid()

    def run(self, batch: Array) -> Array:
        batch = self._checked(batch)
        if self._process != os.getpid() and not self.forkable:  # it would wait for ever
            raise EngineError(
                f"the {self.name} engine of {self.spec.name} was opened before this process was "
                "forked: open one in each process"
            )
        with self._gate:
            if self._closed:
                raise EngineError(f"the {self.name} engine of {self.spec.name} is closed")
            self._running += 1
        try:
            result = self._run(batch)
        finally:
            with self._gate:
                self._running -= 1
                self._gate.notify_all()
        given, found = shape_of(batch, "batch"), shape_of(result, "the answer")
        if found != self.spec.output_shape(given):
            raise self.other_shape(given)
        return result

    def other_shape(self, given: tuple[int, ...]) -> ModelError:
        """The error of a model whose answer to a batch is not of the shape that it states."""
        return ModelError(
            f"{self.spec.path} does not answer {given} with {self.spec.output_shape(given)}, as "
            "its metadata say (chroma_divisor, scale)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("an engine cannot be pickled or copied: open one in each process")

    def close(self) -> None:
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._gate.wait_for(lambda: self._running == 0)
        self._close()

    def __enter__(self) -> BaseEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self, batch: Array) -> Array:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _checked(self, batch: Array) -> Any:
        array = adopt(batch, "batch")
        shape, step = shape_of(array, "batch"), self.spec.multiple_of
        if dtype_of(array, "batch") != np.float32:
            raise TypeError(f"batch must be float32, got {dtype_of(array, 'batch')}")
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
