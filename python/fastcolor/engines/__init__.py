"""Engines: what runs a model. One file each; open_engine() chooses."""

from __future__ import annotations

from pathlib import Path

from fastcolor.engines import ort
from fastcolor.engines._base import BaseEngine, Engine, EngineError
from fastcolor.errors import MissingDependencyError
from fastcolor.models import ModelSpec, load_spec

__all__ = ["BaseEngine", "Engine", "EngineError", "open_engine"]

ENGINES = {ort.NAME: ort}


def open_engine(
    model: str | Path | ModelSpec = "fast",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    threads: int = 0,
) -> Engine:
    """``model`` made ready to run; see Engine.

    "auto" takes the best that is available, and ``choice`` of the result says which and why. What
    is named is never replaced by something else. ``threads`` of the CPU, 0: all.
    """
    spec = load_spec(model)
    if engine not in ("auto", *ENGINES):
        raise ValueError(f"engine must be auto or one of {', '.join(ENGINES)}, got {engine!r}")
    reason = ort.available("cpu")
    if reason:
        raise MissingDependencyError(f"engine onnxruntime: {reason}")
    return ort.OrtEngine(spec, "cpu", "fp32", threads)
