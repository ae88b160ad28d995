"""ONNX Runtime: the engine that is always there."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcolor._arrays import Array
from fastcolor.engines._base import BaseEngine, EngineError
from fastcolor.models import ModelSpec

NAME = "onnxruntime"
INSTALL = "pip install onnxruntime"
PRECISIONS = {"cpu": ("fp32",)}


def available(device: str = "cpu") -> str | None:
    """Why it cannot be used on this device; None where it can."""
    try:
        import onnxruntime  # noqa: F401
    except Exception as error:  # a broken installation may raise anything
        return f"{error} ({INSTALL})"
    return None if device == "cpu" else "not on this device"


def version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


class OrtEngine(BaseEngine):
    """A session on the CPU. Inputs and outputs are bound where they lie: no copies."""

    name = NAME

    def __init__(self, spec: ModelSpec, device: str, precision: str, threads: int) -> None:
        super().__init__(spec, device, precision)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Batches come in many shapes: an arena that keeps the largest of each would only grow.
        options.enable_mem_pattern = False
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(spec.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions share no base class
            raise EngineError(f"ONNX Runtime cannot open {spec.path}: {error}") from error

    def _run(self, batch: Array) -> Array:
        batch = np.ascontiguousarray(batch)
        result = np.empty(self.spec.output_shape(batch.shape), np.float32)
        binding = self._session.io_binding()
        for bind, name, array in (
            (binding.bind_input, self._session.get_inputs()[0].name, batch),
            (binding.bind_output, self._session.get_outputs()[0].name, result),
        ):
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed on {batch.shape}: {error}") from error
        return result

    def _close(self) -> None:
        self._session = None
