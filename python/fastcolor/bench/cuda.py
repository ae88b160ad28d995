"""The kernels' benchmark on CUDA: batches, timed by events, against kornia where it is installed.

Before timing, our result must have the bytes of the CPU's. The peers (kornia on float32 planes,
eager and compiled) compute something close to it, not the same; max_error is ours against the
CPU, and so 0.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import fastcolor
from fastcolor.bench import cases
from fastcolor.bench.measure import Timing
from fastcolor.bench.rows import Row, Settings, Skipped, byte_count, missing_operators
from fastcolor.errors import MissingDependencyError, VerificationError

BATCH = 8
COPY_BYTES = 1 << 30
# Copies that keep the device busy, 10 ms or more, while the host enqueues what is timed: without
# them the events would tell how long Python takes to call an operator.
HOLD_BYTES, HOLD_COPIES = 1 << 28, 60
WARM_UP = 3


def require_cupy() -> Any:
    problem = fastcolor.build_info()["cuda"]["problem"]
    if problem:
        raise fastcolor.DeviceError(f"--device cuda: {problem}; see fastcolor doctor")
    try:
        import cupy
    except ImportError as error:
        raise MissingDependencyError(
            "--device cuda needs CuPy: pip install 'fastcolor[cuda]'"
        ) from error
    return cupy


def timed(module: Any, function: Callable[[], object], repetitions: int) -> Timing:
    """Seconds on the device between two events around one call; ``module`` is cupy.cuda's face."""
    for _ in range(WARM_UP):
        function()
    module.synchronize()
    seconds = [module.seconds(function) for _ in range(repetitions)]
    return Timing(min(seconds), statistics.median(seconds))


class CupyClock:
    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._held = [cupy.zeros(HOLD_BYTES, np.uint8) for _ in range(2)]

    def synchronize(self) -> None:
        self._cupy.cuda.get_current_stream().synchronize()

    def seconds(self, function: Callable[[], object]) -> float:
        start, end = self._cupy.cuda.Event(), self._cupy.cuda.Event()
        for _ in range(HOLD_COPIES):
            self._cupy.copyto(*self._held)
        start.record()
        function()
        end.record()
        end.synchronize()
        return float(self._cupy.cuda.get_elapsed_time(start, end)) / 1e3


class TorchClock:
    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._held = torch.zeros(2, HOLD_BYTES, dtype=torch.uint8, device="cuda")

    def synchronize(self) -> None:
        self._torch.cuda.synchronize()

    def seconds(self, function: Callable[[], object]) -> float:
        start, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
        for _ in range(HOLD_COPIES):
            self._held[0].copy_(self._held[1])
        start.record()
        function()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3


def kornia_peers() -> tuple[dict[str, Callable[..., Any]], Any, str]:
    """Functions of (N, C, H, W) float tensors by case name, torch, and what is not installed."""
    try:
        import kornia
        import torch
    except ImportError as error:
        return {}, None, f"no peer: {error.name} is not installed (pip install torch kornia)"

    def merge(mode: str) -> Callable[..., Any]:
        def run(light: Any, ab: Any) -> Any:
            full = torch.nn.functional.interpolate(ab, light.shape[-2:], mode=mode)
            return kornia.color.lab_to_rgb(torch.cat([light, full], 1)).mul(255).round().byte()

        return run

    functions = {
        "rgb_to_lab u8->f32": lambda image: kornia.color.rgb_to_lab(image.float() / 255),
        "lab_to_rgb f32->u8": lambda lab: kornia.color.lab_to_rgb(lab).mul(255).round().byte(),
        "merge_rgb bilinear u8": merge("bilinear"),
        "clahe u8": lambda grey: kornia.enhance.equalize_clahe(grey.float() / 255, 2.0, (8, 8)),
    }
    return functions, torch, ""


def peer_inputs(torch: Any, name: str, host: tuple[Any, ...]) -> list[Any]:
    """The batch as kornia takes it: planar; L* instead of luma where it merges."""
    arrays = [torch.from_numpy(np.ascontiguousarray(array)).cuda() for array in host]
    first = arrays[0]
    first = first.permute(2, 0, 1).contiguous() if first.ndim == 3 else first[None]
    if name.startswith("merge"):
        first = first.float() * (100 / 255)
    return [array[None].expand(BATCH, *array.shape).contiguous() for array in (first, *arrays[1:])]


def time_peers(name: str, host: tuple[Any, ...], repetitions: int) -> list[tuple[str, Timing]]:
    """kornia's time, as it is and compiled."""
    functions, torch, _ = kornia_peers()
    if torch is None or name not in functions:
        return []
    inputs = peer_inputs(torch, name, host)
    made = []
    for kind, wrap in (("eager", lambda f: f), ("torch.compile", torch.compile)):
        function = wrap(functions[name])
        try:
            timing = timed(TorchClock(torch), partial(function, *inputs), repetitions)
        except Exception as error:  # a compiler that is missing there is the peer's trouble
            print(f"{name}: kornia {kind} failed: {str(error).splitlines()[0]}")
            continue
        made.append((f"kornia {kind}", timing))
    return made


def copy_bandwidth(cupy: Any) -> float:
    source = cupy.zeros(COPY_BYTES, np.uint8)
    target = cupy.empty_like(source)
    timing = timed(CupyClock(cupy), lambda: cupy.copyto(target, source), 20)
    return 2 * COPY_BYTES / timing.minimum


def to_host(cupy: Any, result: Any) -> list[Any]:
    group = result if isinstance(result, (tuple, list)) else [result]
    flat = [item for each in group for item in (each if isinstance(each, list) else [each])]
    return [cupy.asnumpy(item) for item in flat]


def verify(cupy: Any, case: cases.Case, host: tuple[Any, ...]) -> None:
    on_cpu = case.ours(*host, case.output(*host))
    there = tuple(cupy.asarray(array) for array in host)
    got = to_host(cupy, case.ours(*there, None))
    expected = list(on_cpu) if isinstance(on_cpu, tuple) else [on_cpu]
    for a, b in zip(got, expected, strict=True):
        if a.shape != b.shape or a.tobytes() != b.tobytes():
            raise VerificationError(f"{case.name}: CUDA and CPU differ: not timed")


def bench_case(cupy: Any, case: cases.Case, settings: Settings, bandwidth: float) -> list[Row]:
    """One row for each peer, or one without."""
    host = case.make(cases.Pictures(settings.megapixels, 0))
    verify(cupy, case, host)
    batches = []
    for seed in range(2):
        made = [case.make(cases.Pictures(settings.megapixels, seed * BATCH + i)) for i in range(4)]
        batch = [[cupy.asarray(m[i]) for m in made * (BATCH // 4)] for i in range(len(host))]
        batches.append(batch)
    turn = iter(range(1 << 30))
    pixels = host[0].shape[0] * host[0].shape[1] * BATCH

    def ours() -> None:
        case.ours(*batches[next(turn) % 2], None)

    timing = timed(CupyClock(cupy), ours, settings.repetitions)
    moved = (byte_count(host) + byte_count(case.output(*host))) * BATCH
    scale = 1e9 / pixels

    def row(peer: tuple[str, Timing] | None) -> Row:
        return Row(
            name=case.name,
            device="cuda",
            threads=1,
            ours_ms_per_mp=timing.minimum * scale,
            peer=peer[0] if peer else None,
            peer_ms_per_mp=peer[1].minimum * scale if peer else None,
            ratio=peer[1].minimum / timing.minimum if peer else None,
            max_error=0.0,
            bandwidth_fraction=moved / timing.minimum / bandwidth,
            ours_ms_per_mp_median=timing.median * scale,
            peer_ms_per_mp_median=peer[1].median * scale if peer else None,
        )

    peers = time_peers(case.name, host, settings.repetitions)
    return [row(peer) for peer in peers] or [row(None)]


def run(settings: Settings) -> tuple[list[Row], list[Skipped], dict[str, Any], str]:
    cupy = require_cupy()
    bandwidth = copy_bandwidth(cupy)
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for case in cases.cases():
        if settings.only not in case.name or "cuda" not in case.devices:
            continue
        missing = missing_operators(case)
        if missing:
            skipped.append(Skipped(case.name, f"this build has no {', '.join(missing)}"))
        else:
            rows += bench_case(cupy, case, settings, bandwidth)
            cupy.get_default_memory_pool().free_all_blocks()
    cuda = fastcolor.build_info()["cuda"]
    hardware = {
        "gpu": cuda["devices"][0],
        "driver_cuda": cuda["driver"],
        "toolkit": cuda["toolkit"],
        "batch": BATCH,
        "copy_gb_per_s": bandwidth / 1e9,
    }
    return rows, skipped, hardware, kornia_peers()[2]
