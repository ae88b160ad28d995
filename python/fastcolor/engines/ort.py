"""ONNX Runtime: always there on the CPU; CUDA and TensorRT where its GPU build is installed.

Not yet run on a GPU: the providers "cuda" and "tensorrt".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcolor._arrays import Array
from fastcolor._onnx_write import encode
from fastcolor.engines import _cache, _cuda
from fastcolor.engines._base import BaseEngine
from fastcolor.engines._typed import typed
from fastcolor.errors import EngineError, OutOfMemoryError
from fastcolor.models import ModelSpec

INSTALL = {"cpu": "pip install onnxruntime", "cuda": "pip install onnxruntime-gpu"}
PROVIDERS = {
    "onnxruntime": "CUDAExecutionProvider",
    "onnxruntime-tensorrt": "TensorrtExecutionProvider",
}
OTHER_SHAPE = ("computed output shape", "shape verification failed")
NO_MEMORY = ("Failed to allocate memory", "out of memory", "OutOfMemory", "CUDA error 2")


def available(device: str = "cpu", name: str = "onnxruntime") -> str | None:
    """Why it cannot be used on this device; None where it can."""
    try:
        import onnxruntime
    except Exception as error:  # a broken installation may raise anything
        return f"{error} ({INSTALL[device]})"
    onnxruntime.disable_telemetry_events()  # where others imported it before us
    if device == "cpu":
        return None
    problem = _cuda.problem()
    if problem is None and PROVIDERS[name] not in onnxruntime.get_available_providers():
        problem = f"this build of ONNX Runtime has no {PROVIDERS[name]} ({INSTALL['cuda']})"
    return problem


def version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def precisions(device: str) -> tuple[str, ...]:
    return ("fp16", "fp32") if device == "cuda" else ("fp32",)


def typed_files(device: str) -> tuple[str, ...]:
    """fp16 runs on the CPU too, in float32 behind casts."""
    return ("fp16", "int8")


class OrtEngine(BaseEngine):
    """A session whose inputs and outputs are bound where they lie: no copies.

    On CUDA everything happens on the CuPy stream that is current when the engine is opened; runs on
    other streams are ordered behind it by events.
    """

    def __init__(
        self, spec: ModelSpec, device: str, precision: str, threads: int, name: str = "onnxruntime"
    ) -> None:
        super().__init__(spec, device, precision)
        import onnxruntime

        self.name, self.forkable = name, device == "cpu"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Batches come in many shapes: patterns kept for each of them would only grow.
        options.enable_mem_pattern = False
        model = spec.content()
        providers: list[Any] = ["CPUExecutionProvider"]
        if device == "cuda":
            self._stream: Any = _cuda.stream()
            providers.insert(0, (PROVIDERS[name], self._provider_options(name)))
            if precision != spec.precision:
                model = encode(typed(spec.graph(), precision))
        try:
            self._session: Any = onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its exceptions share no base class
            raise EngineError(f"ONNX Runtime cannot open {spec.path}: {error}") from error
        if device == "cuda" and PROVIDERS[name] not in self._session.get_providers():
            raise EngineError(f"ONNX Runtime did not start its {PROVIDERS[name]}")
        self._names = (self._session.get_inputs()[0].name, self._session.get_outputs()[0].name)

    def _provider_options(self, name: str) -> dict[str, str]:
        options = {
            "device_id": str(_cuda.cupy().cuda.Device().id),
            "user_compute_stream": str(self._stream.ptr),
        }
        if name == "onnxruntime":
            # Searching the algorithms anew for every shape would take seconds each time.
            return {
                **options,
                "cudnn_conv_algo_search": "HEURISTIC",
                "arena_extend_strategy": "kSameAsRequested",
                "do_copy_in_default_stream": "1",
                "use_tf32": "0",
            }
        try:
            kept = _cache.folder() / name
            kept.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _cache.warn(f"no engine cache: {error}")
            return options
        prefix = f"{self.spec.name}-{self.spec.network_sha256[:16]}-{self.precision}"
        return {
            **options,
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(kept),
            "trt_engine_cache_prefix": prefix,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(kept),
        }

    def _run(self, batch: Array) -> Array:
        if self.device == "cpu":
            batch = np.ascontiguousarray(batch)
            result = np.empty(self.spec.output_shape(batch.shape), np.float32)
            self._bound(batch.shape, "cpu", 0, batch.ctypes.data, result.shape, result.ctypes.data)
            return result
        cupy, caller = _cuda.cupy(), _cuda.stream()
        batch = cupy.ascontiguousarray(cupy.asarray(batch))
        result = cupy.empty(self.spec.output_shape(batch.shape), np.float32)
        place = batch.device.id
        self._stream.wait_event(caller.record())
        self._bound(batch.shape, "cuda", place, batch.data.ptr, result.shape, result.data.ptr)
        caller.wait_event(self._stream.record())
        return result

    def _bound(
        self,
        shape: tuple[int, ...],
        device: str,
        place: int,
        source: int,
        result_shape: tuple[int, ...],
        target: int,
    ) -> None:
        binding = self._session.io_binding()
        binding.bind_input(self._names[0], device, place, np.float32, shape, source)
        binding.bind_output(self._names[1], device, place, np.float32, result_shape, target)
        options = None
        if device == "cuda":
            import onnxruntime

            options = onnxruntime.RunOptions()
            # The caller's stream is ordered behind ours: the host need not wait.
            options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        try:
            self._session.run_with_iobinding(binding, options)
        except Exception as error:
            if any(sign in str(error) for sign in NO_MEMORY):
                raise OutOfMemoryError(f"ONNX Runtime has no memory for {shape}") from error
            if any(sign in str(error) for sign in OTHER_SHAPE):
                raise self.other_shape(shape) from error
            raise EngineError(f"ONNX Runtime failed on {shape}: {error}") from error

    def _close(self) -> None:
        self._session = None
