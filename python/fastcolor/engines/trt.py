"""TensorRT: for NVIDIA GPUs, on the caller's CuPy stream.

Not yet run on a GPU; tests/test_trt.py holds every name used here against the real bindings of
TensorRT 10 and 11, and those of the lean runtime.
"""

from __future__ import annotations

import importlib
import threading
from collections import Counter, OrderedDict
from typing import Any

import numpy as np

from fastcolor._arrays import Array
from fastcolor.engines import _cache, _cuda, _trt_build
from fastcolor.engines._base import BaseEngine
from fastcolor.errors import EngineError, OutOfMemoryError
from fastcolor.models import ModelSpec

NAME = "tensorrt"
INSTALL = "pip install 'fastcolor[tensorrt]'"
MODULES = ("tensorrt", "tensorrt_bindings")  # the wheels of the bindings alone have the second
MAX_BATCH = 32
BATCHES = (32, 64, 128, 16, 8, 4, 2, 1)  # that `fastcolor compile` takes
MOST_GRAPHS = 8  # recorded shapes that are kept
REPEATS = 2  # runs of a shape before its launches are recorded


def available(device: str = "cuda") -> str | None:
    """Why it cannot be used on this device; None where it can."""
    if device != "cuda":
        return "serves GPUs only"
    try:
        _module()
    except Exception as error:  # a broken installation may raise anything
        return f"{error} ({INSTALL})"
    return _cuda.problem()


def version() -> str:
    return str(_module().__version__)


def precisions(device: str) -> tuple[str, ...]:
    return ("fp16", "bf16", "fp32")


def typed_files(device: str) -> tuple[str, ...]:
    return ("fp16", "bf16", "int8")


def _module() -> Any:
    problem: ImportError | None = None
    for name in MODULES:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            problem = problem or error
    raise problem or ImportError(NAME)


def make_logger(trt: Any) -> Any:
    """A logger that keeps complaints for our own messages instead of printing them."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.messages: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.messages = [*self.messages[-9:], " ".join(message.split())]

    return Logger()


class TensorRtEngine(BaseEngine):
    """A built engine: from the cache, or built now (which takes up to minutes).

    Activations live in CuPy's memory pool, as much as each shape needs. Shapes that repeat are
    replayed as CUDA graphs. Larger batches than ``max_batch`` (0: of what is kept, or 32) run
    in parts.
    """

    name = NAME

    def __init__(
        self,
        spec: ModelSpec,
        device: str,
        precision: str,
        threads: int,
        max_batch: int = 0,
        graphs: bool = True,
    ) -> None:
        super().__init__(spec, device, precision)
        trt = self._trt = _module()
        self._logger = make_logger(trt)
        max_batch = max_batch or self._kept(trt) or MAX_BATCH
        self._profiles = _trt_build.profiles(spec, max_batch)
        key = _trt_build.key_of(trt, spec, precision, max_batch)

        def build() -> bytes:
            return _trt_build.build(trt, self._logger, spec, precision, max_batch)

        self._runtime: Any = trt.Runtime(self._logger)
        engine = self._runtime.deserialize_cuda_engine(_cache.get(key, build))
        if engine is None:  # whole, but refused: a driver or library that says the same version
            _cache.forget(key)
            engine = self._runtime.deserialize_cuda_engine(_cache.get(key, build))
        if engine is None:
            raise EngineError(f"TensorRT cannot load what it built{_trt_build.said(self._logger)}")
        self._engine: Any = engine
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        self._input = inputs[0]
        self._output = next(name for name in names if name not in inputs)
        self._contexts: dict[int, Any] = {}
        self._turn = threading.Lock()
        self._finished: Any = None  # event behind the last launch
        self._seen: Counter[tuple[int, ...]] = Counter()
        self._graphs: OrderedDict[tuple[int, ...], _Recorded] | None = (
            OrderedDict() if graphs else None
        )

    def _kept(self, trt: Any) -> int:
        """The largest batch of an engine that `fastcolor compile` made for this model; 0: none."""
        for size in BATCHES:
            if _cache.has(_trt_build.key_of(trt, self.spec, self.precision, size)):
                return size
        return 0

    def _run(self, batch: Array) -> Array:
        cupy = _cuda.cupy()
        try:
            batch = cupy.ascontiguousarray(cupy.asarray(batch))
            result = cupy.empty(self.spec.output_shape(batch.shape), np.float32)
            with self._turn:
                for begin, end, profile in self._parts(batch.shape):
                    self._part(batch[begin:end], result[begin:end], profile)
        except cupy.cuda.memory.OutOfMemoryError as error:
            with self._turn:
                if self._graphs is not None:
                    self._graphs.clear()
            cupy.get_default_memory_pool().free_all_blocks()
            raise OutOfMemoryError(f"the GPU has no memory for {batch.shape}") from error
        return result

    def _parts(self, shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
        """(begin, end, profile) of the runs that a batch takes."""
        most = self._profiles[-1].most[0]
        for size, index in ((min(shape[0], most), len(self._profiles) - 1), (1, 0)):
            index = 0 if size == 1 and self._profiles[0].holds((1, *shape[1:])) else index
            if self._profiles[index].holds((size, *shape[1:])):
                starts = range(0, shape[0], size)
                return [(begin, min(begin + size, shape[0]), index) for begin in starts]
        raise ValueError(
            f"batch of {shape} is beyond {self._profiles[0].most}, which the engine was built for"
        )

    def _part(self, batch: Any, result: Any, profile: int) -> None:
        """One launch, in the order of launches: contexts and recordings belong to one at a time."""
        stream = _cuda.stream()
        if self._finished is not None:
            stream.wait_event(self._finished)
        if not self._replay(batch, result, profile, stream):
            self._launch(batch, result, profile, stream)
        self._finished = stream.record()

    def _launch(self, batch: Any, result: Any, profile: int, stream: Any) -> Any:
        """Enqueues the network; gives the memory that it works in, to be kept while it runs."""
        cupy = _cuda.cupy()
        context = self._context(profile, stream)
        if not context.set_input_shape(self._input, tuple(batch.shape)):
            raise EngineError(f"TensorRT refuses {batch.shape}{_trt_build.said(self._logger)}")
        scratch = cupy.empty(max(1, context.update_device_memory_size_for_shapes()), np.uint8)
        context.set_device_memory(scratch.data.ptr, scratch.nbytes)
        context.set_tensor_address(self._input, batch.data.ptr)
        context.set_tensor_address(self._output, result.data.ptr)
        if not context.execute_async_v3(stream.ptr):
            raise EngineError(f"TensorRT failed on {batch.shape}{_trt_build.said(self._logger)}")
        return scratch  # of the current stream's pool: reused behind this launch at the earliest

    def _context(self, profile: int, stream: Any) -> Any:
        if profile not in self._contexts:
            strategy = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
            context = self._engine.create_execution_context(strategy)
            if context is None:
                raise EngineError(f"TensorRT has no context{_trt_build.said(self._logger)}")
            context.set_optimization_profile_async(profile, stream.ptr)
            self._contexts[profile] = context
        return self._contexts[profile]

    def _replay(self, batch: Any, result: Any, profile: int, stream: Any) -> bool:
        """Runs a recording of this shape, made when it repeats; False where there is none."""
        if self._graphs is None:
            return False
        shape = tuple(batch.shape)
        if shape not in self._graphs:
            self._seen[shape] += 1
            if self._seen[shape] <= REPEATS:
                return False
            while len(self._graphs) >= MOST_GRAPHS:
                self._graphs.popitem(last=False)
            self._graphs[shape] = self._record(batch, result, profile)
        self._graphs.move_to_end(shape)
        recorded = self._graphs[shape]
        recorded.source[...] = batch
        recorded.graph.launch(stream)
        result[...] = recorded.target
        return True

    def _record(self, batch: Any, result: Any, profile: int) -> _Recorded:
        cupy = _cuda.cupy()
        source, target = cupy.zeros_like(batch), cupy.empty_like(result)
        cupy.cuda.get_current_stream().synchronize()
        side = cupy.cuda.Stream(non_blocking=True)
        with side:
            # Once unrecorded: TensorRT finishes what a new shape needs at its first launch.
            scratch = self._launch(source, target, profile, side)
            side.synchronize()
            context = self._contexts[profile]
            side.begin_capture()
            done = context.execute_async_v3(side.ptr)
            graph = side.end_capture()
        if not done:
            raise EngineError(f"TensorRT cannot be recorded{_trt_build.said(self._logger)}")
        return _Recorded(graph, source, target, scratch)

    def _close(self) -> None:
        if self._finished is not None:
            self._finished.synchronize()
        if self._graphs is not None:
            self._graphs.clear()
        self._contexts.clear()
        self._engine = self._runtime = None


class _Recorded:
    """A CUDA graph and the memory that its launches read and write."""

    def __init__(self, graph: Any, source: Any, target: Any, scratch: Any) -> None:
        self.graph, self.source, self.target, self.scratch = graph, source, target, scratch
