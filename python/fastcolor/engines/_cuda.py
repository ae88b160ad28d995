"""The GPU as engines see it: CuPy, the caller's stream, and why there is none."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

INSTALL = "pip install 'fastcolor[cuda]'"
DRIVER = Path("/dev/nvidiactl")  # there where NVIDIA's driver is


def cupy() -> Any:
    import cupy

    return cupy


@cache
def problem() -> str | None:
    """Why nothing can run on a GPU here; None where it can."""
    import fastcolor

    cuda = fastcolor.build_info()["cuda"]
    if cuda["problem"]:
        return f"no CUDA: {cuda['problem']}"
    try:
        module = cupy()
    except Exception as error:  # a broken installation may raise anything
        return f"CuPy does not work: {error} ({INSTALL})"
    if not hasattr(module, "RawModule"):
        return "the CUDA kernels are emulated: no GPU"
    try:
        return None if module.cuda.runtime.getDeviceCount() else "no GPU"
    except module.cuda.runtime.CUDARuntimeError as error:
        return f"no CUDA: {error}"


def unused() -> str:
    """The end of a sentence about an engine on the CPU: why not the GPU, where there is one."""
    if not DRIVER.exists():
        return ""
    return f"; the GPU is not used: {problem() or 'no engine that serves it is installed'}"


def stream() -> Any:
    """The caller's current stream."""
    return cupy().cuda.get_current_stream()


def describe() -> dict[str, str]:
    """Name and compute capability of the current GPU, for cache keys and reports."""
    module = cupy()
    device = module.cuda.Device()
    properties = module.cuda.runtime.getDeviceProperties(device.id)
    name = properties["name"]
    return {
        "gpu": name.decode() if isinstance(name, bytes) else str(name),
        "compute_capability": str(device.compute_capability),
    }
