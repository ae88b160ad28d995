"""OpenVINO: the quicker engine on CPUs, most of all where they multiply bfloat16."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future
from functools import cache, partial
from typing import Any

import numpy as np

from fastcolor._arrays import Array
from fastcolor.engines import _cache
from fastcolor.engines._base import BaseEngine, dense
from fastcolor.errors import EngineError, ModelError
from fastcolor.models import ModelSpec

NAME = "openvino"
INSTALL = "pip install 'fastcolor[openvino]'"
HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}
CAPABILITIES = {"bf16": "BF16", "fp16": "FP16"}


def available(device: str = "cpu") -> str | None:
    """Why it cannot be used on this device; None where it can."""
    if device != "cpu":
        return "serves CPUs only here"
    try:
        _core()
    except Exception as error:  # a broken installation may raise anything
        return f"{error} ({INSTALL})"
    return None


def version() -> str:
    import openvino

    return str(openvino.__version__).split("-")[0]


def precisions(device: str) -> tuple[str, ...]:
    """What this CPU computes in, fastest first; types that it lacks would only be emulated."""
    able = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (*(name for name, flag in CAPABILITIES.items() if flag in able), "fp32")


def typed_files(device: str) -> tuple[str, ...]:
    return ("fp16", "bf16", "int8")


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


class OpenVinoEngine(BaseEngine):
    """A compiled model and as many requests as threads ask for, on memory of ours: no copies.

    Where runs take one thread each, that is the caller's own (no streams), and every caller at a
    time has a compiled model to itself, at most one for each CPU.
    """

    name = NAME

    def __init__(self, spec: ModelSpec, device: str, precision: str, threads: int) -> None:
        super().__init__(spec, device, precision)
        import openvino

        self._tensor: Any = openvino.Tensor
        core = _core()
        # A stream runs one batch at a time: one of all cores takes half the time of two of half of
        # them each; where runs shall take fewer threads, several streams run side by side. Handing
        # over to a stream's thread and back is what it costs: 4 % of a job of small pictures.
        self._inline = threads == 1
        streams = 0 if self._inline else max(1, cpu_count() // threads) if threads else 1
        options = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": max(1, streams) * threads,
        }

        def build() -> bytes:
            try:
                compiled = core.compile_model(core.read_model(spec.content()), "CPU", options)
            except ModelError:
                raise
            except Exception as error:  # its exceptions are RuntimeErrors of pages
                raise EngineError(f"OpenVINO cannot open {spec.path}: {first(error)}") from error
            exported = compiled.export_model()
            return bytes(exported.getvalue() if hasattr(exported, "getvalue") else exported)

        key = {
            "engine": NAME,
            "version": str(openvino.__version__),
            "model": spec.name,
            "network": spec.network_sha256,
            "precision": precision,
            "threads": f"{streams}x{threads}",
            "cpu": str(core.get_property("CPU", "FULL_DEVICE_NAME")),
        }
        blob = _cache.get(key, build)
        try:
            self._compiled: Any = core.import_model(blob, "CPU", options)
        except Exception:  # of another build of the library, say
            _cache.warn(f"OpenVINO refuses {_cache.path_of(key)}, which is built again")
            _cache.forget(key)
            blob = _cache.get(key, build)
            self._compiled = core.import_model(blob, "CPU", options)
        self._another: Any = partial(core.import_model, blob, "CPU", options)
        self._idle = [self._compiled.create_infer_request()]
        self._waiting: deque[Future[Any]] = deque()
        self._models, self._most_models = 1, cpu_count()
        self._lock = threading.Lock()

    def _take(self) -> Any:
        """A request that nobody uses, in turn."""
        waits: Future[Any] = Future()
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if not self._inline:
                return self._compiled.create_infer_request()
            wanted = self._models < self._most_models
            self._models += wanted
            if not wanted:
                self._waiting.append(waits)
        if wanted:
            try:
                return self._another().create_infer_request()
            except Exception:  # no memory for it, say: those that are there must do
                with self._lock:
                    self._models -= 1
                    self._most_models = self._models
                return self._take()
        return waits.result()

    def _give(self, request: Any) -> None:
        with self._lock:
            if self._waiting:  # else who gives could take it again before who waits wakes up
                self._waiting.popleft().set_result(request)
            else:
                self._idle.append(request)

    def _run(self, batch: Array) -> Array:
        batch = dense(batch)
        result = np.empty(self.spec.output_shape(batch.shape), np.float32)
        request = self._take()
        try:
            request.set_input_tensor(self._tensor(batch, shared_memory=True))
            answer = self._tensor(result, shared_memory=True)
            request.set_output_tensor(answer)
            request.infer(share_outputs=True)  # other Python threads run meanwhile
        except Exception as error:
            if "set new shape" in str(error):
                raise self.other_shape(batch.shape) from error
            raise EngineError(f"OpenVINO failed on {batch.shape}: {first(error)}") from error
        finally:
            self._give(request)
        if tuple(answer.shape) != result.shape:  # the rest of result is rubbish
            raise self.other_shape(batch.shape)
        return result

    def _close(self) -> None:
        self._idle.clear()
        self._compiled = self._another = None


def cpu_count() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def first(error: Exception) -> str:
    """The sentence of an error that says something: OpenVINO's first lines name its own files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.startswith("Exception from")), "")
