"""PyTorch: the reference. Eager as a user would write it, torch.compile, and CUDA graphs.

Not yet run on a GPU: the CUDA half of this file.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fastcolor._arrays import Array
from fastcolor.engines import _cuda
from fastcolor.engines._base import BaseEngine, dense
from fastcolor.engines._typed import typed
from fastcolor.errors import EngineError, OutOfMemoryError
from fastcolor.models import ModelSpec

INSTALL = "pip install torch"
MODES = {"torch": "eager", "torch-compile": "compile", "torch-graphs": "graphs"}
MOST_GRAPHS = 8  # captured shapes that are kept


def available(device: str = "cpu", name: str = "torch") -> str | None:
    """Why it cannot be used on this device; None where it can."""
    problem = _cuda.problem() if device == "cuda" else None
    if problem:  # said before a second and 300 MB are spent on the import
        return problem
    try:
        import torch
    except Exception as error:  # a broken installation may raise anything
        return f"{error} ({INSTALL})"
    if device == "cpu":
        return "CUDA graphs need a GPU" if MODES[name] == "graphs" else None
    return None if torch.cuda.is_available() else "PyTorch finds no CUDA device"


def version() -> str:
    import torch

    return str(torch.__version__)


def precisions(device: str) -> tuple[str, ...]:
    return ("fp16", "bf16", "fp32") if device == "cuda" else ("bf16", "fp32")


def typed_files(device: str) -> tuple[str, ...]:
    return ("fp16", "bf16", "int8") if device == "cuda" else ("bf16", "int8")


class TorchEngine(BaseEngine):
    """The graph as PyTorch code. ``threads`` is a setting of the whole process there.

    torch.compile compiles at the first batch, and again when a second shape comes; runs of
    torch-compile and torch-graphs take turns.
    """

    def __init__(
        self, spec: ModelSpec, device: str, precision: str, threads: int, name: str = "torch"
    ) -> None:
        super().__init__(spec, device, precision)
        import torch

        from fastcolor.engines._torch_graph import module_of

        self.name = name
        self._torch: Any = torch
        if threads:
            torch.set_num_threads(threads)
        graph = spec.graph()
        module: Any = module_of(typed(graph, precision if spec.precision == "fp32" else "fp32"))
        if device == "cuda":
            module = module.to("cuda", memory_format=torch.channels_last)
        mode = MODES[name]
        self._module: Any = torch.compile(module) if mode == "compile" else module
        self._turns: AbstractContextManager[Any] = (
            nullcontext() if mode == "eager" else threading.RLock()
        )
        self._graphs: OrderedDict[tuple[int, ...], tuple[Any, Any, Any]] = OrderedDict()
        self._call: Callable[[Any], Any] = self._replay if mode == "graphs" else self._module

    def _run(self, batch: Array) -> Array:
        torch = self._torch
        try:
            with self._turns, torch.inference_mode():
                if self.device == "cpu":
                    answer = self._call(torch.from_numpy(dense(batch)))
                    return answer.contiguous().numpy()
                return self._run_on_gpu(batch)
        except torch.cuda.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfMemoryError(f"PyTorch has no memory for {batch.shape}") from error
        except RuntimeError as error:
            raise EngineError(f"PyTorch failed on {batch.shape}: {error}") from error

    def _run_on_gpu(self, batch: Array) -> Array:
        """On the caller's CuPy stream; the answer is a CuPy array over torch's memory."""
        torch, cupy = self._torch, _cuda.cupy()
        stream = torch.cuda.ExternalStream(_cuda.stream().ptr)
        with torch.cuda.stream(stream):
            luma = torch.as_tensor(batch, device="cuda")
            luma = luma.contiguous(memory_format=torch.channels_last)
            answer = self._call(luma).contiguous()
            answer.record_stream(stream)
            return cupy.from_dlpack(answer)

    def _replay(self, luma: Any) -> Any:
        """The recorded launches of this shape on the luma; recorded when the shape is new."""
        torch, key = self._torch, tuple(luma.shape)
        if key not in self._graphs:
            while len(self._graphs) >= MOST_GRAPHS:
                self._graphs.popitem(last=False)
            source = luma.clone()
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):  # libraries choose their kernels before launches are recorded
                    self._module(source)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                answer = self._module(source)
            self._graphs[key] = (graph, source, answer)
        self._graphs.move_to_end(key)
        graph, source, answer = self._graphs[key]
        source.copy_(luma)
        graph.replay()
        return answer.clone()

    def _close(self) -> None:
        self._module = self._call = None  # type: ignore[assignment]
        self._graphs.clear()
