"""Chroma from luma for many threads at once."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor._arrays import Array
from fastcolor._staging import Staging, Window
from fastcolor.archive.settings import Settings
from fastcolor.colorizer import Colorizer
from fastcolor.media.codecs import to_stored, to_upright

Plane = NDArray[Any]
Asked = tuple["Future[Any]", Plane]


class Inference:
    """The network of a job. ``ab`` may be called from many threads.

    Results must not depend on what else is in work, nor on how much memory a GPU has left. Batches
    of different sizes differ in their last bits, so every engine gets one picture at a time: on the
    CPU many run side by side on one thread each, and a batch would not be faster; on a GPU up to
    ``batch`` of them go up, are run one behind the other and come down together, while the next
    are on their way.
    """

    def __init__(self, settings: Settings) -> None:
        self.colorizer = Colorizer(
            settings.model,
            device=settings.device,
            engine=settings.engine,
            size=settings.size,
            chroma=settings.chroma,
            saturation=settings.saturation,
            threads=1,
        )
        self._batcher: Batcher | None = None
        if self.colorizer.engine.device == "cuda":
            self._batcher = Batcher(self.colorizer, settings.batch)

    @property
    def effective_batch(self) -> int:
        """Pictures that go to a GPU together, fewer once memory ran out; 0: there is none."""
        return self._batcher.size if self._batcher is not None else 0

    def run(self, tensor: Plane) -> Plane:
        """The network's answer (2, h, w), in Lab units, to one picture (1, 1, h, w)."""
        if self._batcher is not None:
            answer: Plane = self._batcher(tensor)
            return answer
        answer = self.colorizer.chroma(tensor)[0]
        return answer

    @property
    def saturation(self) -> float:
        return self.colorizer.saturation

    def ab(self, luma: Plane, orientation: int = 1) -> Plane:
        """(2, h, w) in Lab units for luma (H, W), which the network sees upright."""
        upright = np.ascontiguousarray(to_upright(luma, orientation))
        found = self.ab_of(self.colorizer.prepare(upright), upright.shape)
        return np.ascontiguousarray(to_stored(found, orientation, planar=True))

    def ab_of(self, tensor: Plane, shape: Sequence[int]) -> Plane:
        """(2, h, w) for what prepare() made of upright luma of this shape."""
        return np.ascontiguousarray(self.colorizer.crop(self.run(tensor), shape))

    def describe(self) -> str:
        engine, spec = self.colorizer.engine, self.colorizer.spec
        return f"model {spec.name} on {engine.name} ({engine.device}, {engine.precision})"

    def influencing(self) -> dict[str, Any]:
        """What of the model and the engine outputs depend on."""
        engine, spec = self.colorizer.engine, self.colorizer.spec
        return {
            "model": f"{spec.name} {spec.network_sha256[:16]}",
            "engine": f"{engine.name} {engine.device} {engine.precision}",
            "size": self.colorizer.size,
            "saturation": self.saturation,
        }

    def __enter__(self) -> Inference:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._batcher:
            self._batcher.close()
        self.colorizer.close()


class Batcher:
    """Brings pictures of many threads to a GPU engine, as many as wait, at most ``most``."""

    def __init__(self, colorizer: Colorizer, most: int) -> None:
        self._colorizer, self._most = colorizer, most
        self._staging = Staging()
        self._asked: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="batcher", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        return min(self._most, self._colorizer.effective_batch)

    def __call__(self, tensor: Plane) -> Plane:
        """The network's answer (2, h, w), in Lab units, to one picture (1, 1, h, w)."""
        future: Future[Any] = Future()
        self._asked.put((future, tensor))
        answer: Plane = future.result()
        return answer

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()

    def _serve(self) -> None:
        window = Window(self._staging, self._compute, Future.set_result, self._colorizer.halve)
        pending: list[Asked] = []
        while not self._closing or len(window):
            taken = self._take(wait=not len(window))
            pending = [asked for asked in pending if not asked[0].done()] + taken
            if not self._moved(window, taken):
                self._one_by_one(window, pending)
        self._staging.settle()

    def _moved(self, window: Window, taken: list[Asked]) -> bool:
        """Whether it went well; the exception is let go of, for it holds on to arrays."""
        try:
            if taken:
                window.push(taken)
            elif len(window):
                window.pop()
        except Exception:
            return False
        return True

    def _one_by_one(self, window: Window, pending: list[Asked]) -> None:
        """What went wrong with one picture is not the fault of those beside it."""
        while len(window):
            with contextlib.suppress(Exception):
                window.pop()
        for asked in pending:
            if asked[0].done():
                continue
            try:
                window.push([asked])
                window.drain()
            except Exception as error:
                asked[0].set_exception(error)

    def _take(self, wait: bool) -> list[Asked]:
        """What waits, or, with ``wait``, what comes next; nothing when this closes."""
        taken: list[Asked] = []
        with contextlib.suppress(queue.Empty):
            while not self._closing and len(taken) < self.size:
                found = self._asked.get(block=wait and not taken)
                if found is None:
                    self._closing = True
                else:
                    taken.append(found)
        return taken

    def _compute(self, tensors: list[Array]) -> list[Array]:
        return [self._colorizer.chroma(tensor)[0] for tensor in tensors]
