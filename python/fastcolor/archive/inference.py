"""Chroma from luma for many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor.archive.settings import Settings
from fastcolor.colorizer import Colorizer
from fastcolor.media.codecs import to_stored, to_upright

WAIT_SECONDS = 0.002  # that the first picture of a batch waits for others

Plane = NDArray[Any]


class Inference:
    """The network of a job. ``ab`` may be called from many threads.

    Results must not depend on what else is in work. Batches of different sizes differ in their last
    bits, so a CPU engine gets one picture at a time, on one thread (many run side by side, and a
    batch would not be faster); a GPU engine always gets ``batch`` pictures of one shape, the
    missing ones blank.
    """

    def __init__(self, settings: Settings) -> None:
        self.colorizer = Colorizer(
            settings.model,
            device=settings.device,
            engine=settings.engine,
            size=settings.size or None,
            chroma=settings.chroma,
            saturation=None if settings.saturation < 0 else settings.saturation,
            threads=1,
        )
        self._batcher: Batcher | None = None
        if self.colorizer.engine.device == "cuda":
            self._batcher = Batcher(self._run_cuda, settings.batch)

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
        answer = self.run(self.colorizer.prepare(upright))
        found = self.colorizer.crop(answer, upright.shape)
        return np.ascontiguousarray(to_stored(found, orientation, planar=True))

    def describe(self) -> str:
        engine, spec = self.colorizer.engine, self.colorizer.spec
        return f"model {spec.name} on {engine.name} ({engine.device}, {engine.precision})"

    def influencing(self) -> dict[str, Any]:
        """What of the model and the engine outputs depend on."""
        engine, spec = self.colorizer.engine, self.colorizer.spec
        return {
            "model": f"{spec.name} {spec.weights_sha256[:16]}",
            "engine": f"{engine.name} {engine.device} {engine.precision}",
            "size": self.colorizer.size,
            "saturation": self.saturation,
        }

    def __enter__(self) -> Inference:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._batcher:
            self._batcher.close()
        self.colorizer.close()

    def _run_cuda(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        import cupy

        result: NDArray[np.float32] = cupy.asnumpy(self.colorizer.chroma(cupy.asarray(batch)))
        return result


class Batcher:
    """Gathers pictures of one shape from many threads into batches of exactly ``size``."""

    def __init__(self, run: Callable[[Any], Any], size: int) -> None:
        self._run, self._size = run, size
        self._changed = threading.Condition()
        self._shapes: dict[tuple[int, ...], list[tuple[Any, Future[Any]]]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="batcher", daemon=True)
        self._thread.start()

    def __call__(self, tensor: Any) -> Any:
        """The network's answer (2, h, w) to one picture (1, 1, h, w)."""
        future: Future[Any] = Future()
        with self._changed:
            self._shapes.setdefault(tensor.shape, []).append((tensor, future))
            self._changed.notify()
        return future.result()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._shapes or self._closing)
                if not self._shapes:
                    return
                self._changed.wait_for(self._full, timeout=WAIT_SECONDS)
                shape = max(self._shapes, key=lambda s: len(self._shapes[s]))
                group = self._shapes[shape]
                taken, rest = group[: self._size], group[self._size :]
                if rest:
                    self._shapes[shape] = rest
                else:
                    del self._shapes[shape]
            self._answer(shape, taken)

    def _full(self) -> bool:
        return any(len(group) >= self._size for group in self._shapes.values())

    def _answer(self, shape: tuple[int, ...], taken: list[tuple[Any, Future[Any]]]) -> None:
        try:
            batch = np.zeros((self._size, *shape[1:]), np.float32)
            for row, (tensor, _) in enumerate(taken):
                batch[row] = tensor[0]
            found = self._run(batch)
            for row, (_, future) in enumerate(taken):
                future.set_result(found[row].copy())
        except Exception as error:
            for _, future in taken:
                future.set_exception(error)
