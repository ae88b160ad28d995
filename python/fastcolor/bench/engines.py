"""fastcolor bench engines: every engine and precision here, verified before it is timed.

Each runs in a process of its own (its start and its memory are its own), and the processes take
turns in every case, so that a change of the machine's speed meets all of them. PyTorch eager in
fp32, what a user would write, is the base of ratios and errors; without PyTorch ONNX Runtime in
fp32 is the base of errors and there are no ratios.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import fastcolor
from fastcolor.bench import measure
from fastcolor.bench.engine_process import Worker
from fastcolor.bench.flops import operations
from fastcolor.colorizer import AB_UNIT
from fastcolor.engines import DEVICES, KINDS, _cuda, problem_of
from fastcolor.errors import VerificationError
from fastcolor.models import ModelSpec, load_spec, variant

FP32_TOLERANCE = 1e-3  # of the network's output, anywhere
SHORT_TOLERANCE = 2.0  # mean |a|, |b| in Lab units: the colour error proper is in the metadata
SETTLE_SECONDS = 0.05  # in which the threads of the engine before fall asleep
MATRIX, GPU_MATRIX = 2048, 8192  # sides
KEEPING = ("tensorrt", "onnxruntime-tensorrt", "openvino")  # engines that keep what they compile


@dataclass(frozen=True)
class Settings:
    model: str = "fast"
    sizes: list[int] | tuple[int, ...] = (256, 384, 512)
    batches: list[int] | tuple[int, ...] = (1, 8, 32)
    repetitions: int = 7
    only: str = ""


@dataclass(frozen=True)
class Row:
    """One case, or an engine that was skipped and why. ``ms_per_image`` is of the fastest run;
    p50 and p95 are milliseconds of a whole batch. ``error`` is the largest difference from the base
    in Lab units, ``peak_fraction`` the share of the measured fp32 matrix product of the device."""

    engine: str
    precision: str
    device: str
    size: int | None = None
    batch: int | None = None
    ms_per_image: float | None = None
    images_per_s: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    gflops: float | None = None
    peak_fraction: float | None = None
    ratio: float | None = None
    cold_start_s: float | None = None
    compile_s: float | None = None
    peak_mb: float | None = None
    error: float | None = None
    skipped: str = ""


def candidates(spec: ModelSpec, only: str) -> tuple[list[tuple[str, str, str]], list[Row]]:
    """(engine, device, precision) to run, the base first, and rows of those that cannot."""
    found, skipped = [], []
    for device in DEVICES:
        for kind in KINDS.values():
            if device not in kind.devices or only not in kind.name:
                continue
            problem = problem_of(kind, device)
            if problem is not None:
                skipped.append(Row(kind.name, "", device, skipped=problem))
                continue
            precisions = list(kind.precisions(device))
            if spec.precision != "fp32":
                precisions = [spec.precision] if spec.precision in kind.typed(device) else []
            elif "int8" in kind.typed(device) and not kind.name.startswith("torch"):
                precisions += ["int8"] if variant(spec, "int8") else []
            found += [(kind.name, device, precision) for precision in precisions]
    bases = [("torch", "fp32"), ("onnxruntime", "fp32"), ("openvino", "fp32")]
    found.sort(key=lambda e: bases.index((e[0], e[2])) if (e[0], e[2]) in bases else len(bases))
    return found, skipped


def matrix_peak() -> float:
    """GFLOP/s of a large fp32 matrix product of NumPy on all cores."""
    left = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - start)
    return 2 * MATRIX**3 / best / 1e9


def gpu_matrix_peak() -> float | None:
    """GFLOP/s of a large fp32 matrix product of CuPy; None where there is none. Not yet run on a
    GPU."""
    if _cuda.problem() is not None:
        return None
    try:
        cupy = _cuda.cupy()
        square = cupy.ones((GPU_MATRIX, GPU_MATRIX), np.float32)
        best = float("inf")
        for _ in range(5):
            cupy.cuda.Device().synchronize()
            start = time.perf_counter()
            square @ square
            cupy.cuda.Device().synchronize()
            best = min(best, time.perf_counter() - start)
    except Exception:  # no cuBLAS, or no memory beside the engines: then there is no share to tell
        return None
    return 2 * GPU_MATRIX**3 / best / 1e9


def verify(answer: Any, base: Any, precision: str, who: str) -> float:
    """The largest difference in Lab units; VerificationError where it is too large."""
    difference = np.abs(answer - base)
    if answer.shape != base.shape or not np.isfinite(answer).all():
        raise VerificationError(f"{who} gives {answer.shape}, or numbers that are none")
    worst = float(difference.max())
    mean = float(difference.mean()) * AB_UNIT
    if worst > FP32_TOLERANCE if precision == "fp32" else mean > SHORT_TOLERANCE:
        raise VerificationError(
            f"{who} differs by up to {worst * AB_UNIT:.3g} (mean {mean:.3g}) Lab units: not timed"
        )
    return worst * AB_UNIT


def bench_case(
    workers: list[Worker], spec: ModelSpec, size: int, batch: int, repetitions: int
) -> list[Row]:
    """Rows of all workers for one size and batch; a worker that fails has its problem set."""
    errors: dict[Worker, float] = {}
    base: Any = None
    with tempfile.TemporaryDirectory() as folder:
        for number, worker in enumerate(workers):
            target = Path(folder) / f"{number}.npy"
            worker.ask(size=size, batch=batch, save=str(target))
            if worker.problem:
                continue
            answer = np.load(target)
            base = answer if base is None else base
            try:
                who = f"{worker.engine} {worker.precision}"
                errors[worker] = verify(answer, base, worker.precision, who)
            except VerificationError as error:
                worker.problem = str(error)
    seconds: dict[Worker, list[float]] = {worker: [] for worker in errors}
    for _ in range(repetitions):
        for worker in seconds:
            time.sleep(SETTLE_SECONDS)
            said = worker.ask(size=size, batch=batch, runs=2)
            seconds[worker] += said.get("seconds", [])[1:]  # the first wakes its threads
    work = operations(spec.graph(), size, size) * batch
    first = workers[0]
    eager = min(seconds[first]) if first.engine == "torch" and seconds.get(first) else None
    rows = []
    for worker, timed in seconds.items():
        if worker.problem or not timed:
            continue
        best = min(timed)
        rows.append(
            Row(
                worker.engine,
                worker.precision,
                worker.device,
                size,
                batch,
                ms_per_image=best / batch * 1e3,
                images_per_s=batch / best,
                p50_ms=float(np.percentile(timed, 50)) * 1e3,
                p95_ms=float(np.percentile(timed, 95)) * 1e3,
                gflops=work / best / 1e9,
                ratio=eager / best if eager else None,
                cold_start_s=worker.start["cold_start_s"],
                compile_s=worker.start.get("compile_s"),
                peak_mb=worker.peak_mb,
                error=errors[worker],
            )
        )
    return rows


def open_workers(
    spec: ModelSpec, wanted: list[tuple[str, str, str]], size: int, workers: list[Worker]
) -> list[Row]:
    """Adds every engine to ``workers``, and gives rows of those that fail. Engines that keep what
    they compile are opened twice: first with nothing kept, then as users meet it. torch.compile
    compiles within the cold start."""
    failed = []
    for engine, device, precision in wanted:
        worker = first = Worker(spec, engine, device, precision, size)
        if engine in KEEPING and not first.problem:
            first.close()
            worker = Worker(spec, engine, device, precision, size)
        if worker.problem:
            worker.close()
            failed.append(Row(engine, precision, device, skipped=worker.problem))
            continue
        if worker is not first:
            seconds = first.start["cold_start_s"] - worker.start["cold_start_s"]
            worker.start["compile_s"] = max(0.0, seconds)
        workers.append(worker)
    return failed


def cases(
    spec: ModelSpec, settings: Settings, wanted: list[tuple[str, str, str]], skipped: list[Row]
) -> Iterator[tuple[str, list[Row]]]:
    """(what, its rows) of every size and batch; workers that fail become rows of ``skipped``."""
    workers: list[Worker] = []
    try:
        failed = open_workers(spec, wanted, settings.sizes[0], workers)
        skipped += failed
        for size in settings.sizes:
            for batch in settings.batches:
                able = [worker for worker in workers if not worker.problem]
                if able:
                    found = bench_case(able, spec, size, batch, settings.repetitions)
                    yield f"{size}x{size}, batch {batch}", found
        for worker in workers:
            if worker.problem:
                name = (worker.engine, worker.precision, worker.device)
                skipped.append(Row(*name, skipped=worker.problem))
    finally:
        for worker in workers:
            worker.close()


def run(settings: Settings) -> dict[str, Any]:
    spec = load_spec(settings.model)
    wanted, skipped = candidates(spec, settings.only)
    rows: list[Row] = []
    peak, interrupted = matrix_peak(), False
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("FASTCOLOR_CACHE")
        os.environ["FASTCOLOR_CACHE"] = folder
        try:
            for device in DEVICES:
                here = [each for each in wanted if each[1] == device]
                for case, found in cases(spec, settings, here, skipped):
                    rows += found
                    print(f"measured {device}, {case}", file=sys.stderr, flush=True)
                    peak = max(peak, matrix_peak())  # in the machine's best moment, as theirs
        except KeyboardInterrupt:
            interrupted = True
        finally:
            if before is None:
                del os.environ["FASTCOLOR_CACHE"]
            else:
                os.environ["FASTCOLOR_CACHE"] = before
    peaks = {"cpu": peak, "cuda": gpu_matrix_peak()}
    rows = [
        replace(row, peak_fraction=row.gflops / of)
        if row.gflops is not None and (of := peaks[row.device])
        else row
        for row in rows
    ]
    return {
        "rows": [asdict(row) for row in [*rows, *skipped]],
        "settings": asdict(settings),
        "interrupted": interrupted,
        "model": {
            "name": spec.name,
            "weights_sha256": spec.weights_sha256,
            "colour_errors": {name: list(pair) for name, pair in spec.colour_errors.items()},
        },
        "hardware": {
            "cpu": measure.cpu_name(),
            "cpus": measure.cpu_count(),
            "fp32_matrix_gflops": peak,
            "gpu_fp32_matrix_gflops": peaks["cuda"],
            "gpu": fastcolor.build_info()["cuda"]["devices"],
        },
        "versions": {
            "fastcolor": fastcolor.build_info()["version"],
            "python": platform.python_version(),
            **{k.name: k.version() for k in KINDS.values() if "-" not in k.name and usable(k.name)},
        },
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": measure.commit(),
    }


def usable(name: str) -> bool:
    return any(problem_of(KINDS[name], device) is None for device in KINDS[name].devices)
