"""Engines: what runs a model. One file each; open_engine() chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastcolor.engines import _cuda, _ranking, _telemetry, ort, ov, pytorch, trt
from fastcolor.engines._base import BaseEngine, Engine
from fastcolor.errors import EngineError, MissingDependencyError, ModelError
from fastcolor.models import PRECISIONS, ModelSpec, load_spec, variant

__all__ = [
    "DEVICES",
    "KINDS",
    "BaseEngine",
    "Engine",
    "EngineError",
    "Kind",
    "choose",
    "open_engine",
    "problem_of",
]

DEVICES = ("cpu", "cuda")
_telemetry.forbid()


@dataclass(frozen=True)
class Kind:
    """An engine by name: whether it can be used, and how it is opened.

    ``precisions(device)`` is what it makes of an fp32 file there, fastest first; ``typed(device)``
    the other precisions of files that it runs as they are. ``reason`` is why "auto" takes it.
    """

    name: str
    devices: tuple[str, ...]
    available: Callable[[str], str | None]
    version: Callable[[], str]
    precisions: Callable[[str], tuple[str, ...]]
    typed: Callable[[str], tuple[str, ...]]
    open: Callable[..., Any]  # of spec, device, precision, threads
    reason: str


def _torch(name: str, devices: tuple[str, ...]) -> Kind:
    return Kind(
        name,
        devices,
        partial(pytorch.available, name=name),
        pytorch.version,
        pytorch.precisions,
        pytorch.typed_files,
        partial(pytorch.TorchEngine, name=name),
        "the reference",
    )


def _ort(name: str, devices: tuple[str, ...], reason: str) -> Kind:
    return Kind(
        name,
        devices,
        partial(ort.available, name=name),
        ort.version,
        ort.precisions,
        ort.typed_files,
        partial(ort.OrtEngine, name=name),
        reason,
    )


# In the order in which "auto" prefers them where nothing was measured, on each device.
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            trt.NAME,
            ("cuda",),
            trt.available,
            trt.version,
            trt.precisions,
            trt.typed_files,
            trt.TensorRtEngine,
            "the quickest on NVIDIA GPUs",
        ),
        _ort("onnxruntime-tensorrt", ("cuda",), "TensorRT within ONNX Runtime"),
        Kind(
            ov.NAME,
            ("cpu",),
            ov.available,
            ov.version,
            ov.precisions,
            ov.typed_files,
            ov.OpenVinoEngine,
            "the quickest on CPUs",
        ),
        _ort("onnxruntime", ("cpu", "cuda"), "always there"),
        _torch("torch-graphs", ("cuda",)),
        _torch("torch-compile", ("cpu", "cuda")),
        _torch("torch", ("cpu", "cuda")),
    )
}


def problem_of(kind: Kind, device: str) -> str | None:
    """Why this engine cannot be used on this device; None where it can."""
    if device not in kind.devices:
        return f"does not run on {device}"
    return kind.available(device)


def precision_for(kind: Kind, spec: ModelSpec, device: str, precision: str) -> str | None:
    """The precision in which this engine would run the file; None where it would not."""
    if spec.precision != "fp32":
        fits = precision in ("auto", spec.precision) and spec.precision in kind.typed(device)
        return spec.precision if fits else None
    able = kind.precisions(device)
    if precision == "auto":
        return next((name for name in able if spec.offers(name)), None)
    return precision if precision in able else None


def choose(
    spec: ModelSpec, engine: str = "auto", device: str = "auto", precision: str = "auto"
) -> tuple[Kind, str, str, str]:
    """(engine, device, precision, why) of what would run the file.

    "auto" follows the measurement on this machine, if there is one, else a fixed order.
    MissingDependencyError says why there is none.
    """
    for name, value, allowed in (
        ("engine", engine, ("auto", *KINDS)),
        ("device", device, ("auto", *DEVICES)),
        ("precision", precision, ("auto", *PRECISIONS)),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    ranking = _ranking.recall(spec) if engine == "auto" else None
    for row in ranking.rows if ranking else ():
        if device not in ("auto", row.device) or precision not in ("auto", row.precision):
            continue
        if precision == "auto" and row.precision != "fp32" and not spec.offers(row.precision):
            continue
        kind = KINDS.get(row.engine)
        if kind and problem_of(kind, row.device) is None:
            return kind, row.device, row.precision, ranking.reason if ranking else ""
    tried: list[str] = []
    for where in DEVICES[::-1] if device == "auto" else (device,):
        for kind in KINDS.values() if engine == "auto" else (KINDS[engine],):
            if where not in kind.devices and (engine == "auto" or device == "auto"):
                continue
            problem = problem_of(kind, where)
            chosen = None if problem else precision_for(kind, spec, where, precision)
            if chosen is not None:
                unused = _cuda.unused() if where == "cpu" and device == "auto" else ""
                return kind, where, chosen, kind.reason + unused
            tried.append(f"{kind.name} on {where}: {problem or _unfit(spec, precision)}")
    what = "no engine can run" if engine == "auto" else f"engine {engine} cannot run"
    raise MissingDependencyError(f"{what} {spec.name} here: {'; '.join(tried)}")


def open_engine(
    model: str | Path | ModelSpec = "fast",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    threads: int = 0,
    max_batch: int = 0,
) -> Engine:
    """``model`` made ready to run; see Engine.

    "auto" takes the fastest that `fastcolor bench engines --remember` measured on this machine as
    it is, else the best of a fixed order, and ``choice`` of the result says which and why. What
    is named is never replaced by something else. ``precision`` "auto" is the fastest whose measured
    colour error the model states and that is small enough. ``threads`` is
    how many CPU threads one run takes (runs of several callers go side by side), 0: all.
    ``max_batch`` is the largest batch that TensorRT builds for, 0: what is there, or 32.
    """
    for name, value in (("threads", threads), ("max_batch", max_batch)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4096:
            raise ValueError(f"{name} must be a whole number from 0 to 4096, got {value!r}")
    if max_batch and engine in KINDS and engine != trt.NAME:
        raise ValueError(f"max_batch is what {trt.NAME} builds for; {engine} takes any batch")
    spec = _of_precision(load_spec(model), precision)
    kind, where, chosen, why = choose(spec, engine, device, precision)
    extra = {"max_batch": max_batch} if kind.name == trt.NAME else {}
    opened: Engine = kind.open(spec, where, chosen, threads, **extra)
    opened.choice = _choice(opened, kind, why if "auto" in (engine, device, precision) else "")
    return opened


def _of_precision(spec: ModelSpec, precision: str) -> ModelSpec:
    """The file for a precision: the model's own, or one exported beside it."""
    if spec.precision != "fp32" and precision == "auto" and not spec.offers(spec.precision):
        found = spec.colour_errors.get(spec.precision)
        said = (
            f"differs from fp32 by mean CIEDE2000 {found[0]:.2f}" if found else "was not measured"
        )
        raise ModelError(
            f"{spec.path}: its {spec.precision} {said}; name precision={spec.precision!r} to use it"
        )
    if spec.precision != "fp32" or precision != "int8":
        return spec
    sibling = variant(spec, precision)
    if sibling is None:
        raise ModelError(
            f"{spec.name} has no int8 file beside it: python -m training.precision {spec.path} "
            "--int8 makes one (in a checkout, with the training extra)"
        )
    return sibling


def _unfit(spec: ModelSpec, precision: str) -> str:
    if spec.precision != "fp32":
        return f"does not run {spec.precision} files" + (
            "" if precision in ("auto", spec.precision) else f" as {precision}"
        )
    return f"does not compute in {precision}"


def _choice(engine: Engine, kind: Kind, why: str) -> str:
    text = f"{engine.name} {kind.version()} on {engine.device} in {engine.precision}"
    if not why:
        return f"{text}: named"
    errors = engine.spec.colour_errors
    if engine.precision in errors:
        why += f"; mean CIEDE2000 {errors[engine.precision][0]:.2f} from fp32"
    return f"{text}: {why}"
