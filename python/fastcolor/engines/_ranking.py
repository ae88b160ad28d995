"""Which engine is the fastest on this machine: measured by `fastcolor bench engines --remember`,
followed by "auto".

It is kept in the cache under a key of all that it depends on (the model, the CPU and GPUs, the
versions of every library), so that a change of any of them ends it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from fastcolor.engines import _cache
from fastcolor.errors import EngineError
from fastcolor.models import ModelSpec

LIBRARIES = (
    "onnxruntime", "onnxruntime-gpu", "openvino", "torch", "tensorrt", "tensorrt-cu12",
    "tensorrt-cu13", "tensorrt-cu12-bindings", "tensorrt-cu13-bindings",
)  # fmt: skip
MOST_START = 10.0  # seconds to the first picture, every time: more is never worth it unasked


@dataclass(frozen=True)
class Measured:
    engine: str
    device: str
    precision: str
    ms_per_image: float  # geometric mean over the cases


@dataclass(frozen=True)
class Ranking:
    """The fastest first."""

    date: str
    rows: tuple[Measured, ...]

    @property
    def reason(self) -> str:
        return f"the fastest of {len(self.rows)} measured here on {self.date}"


def remember(spec: ModelSpec, rows: Iterable[Mapping[str, Any]], date: str) -> Ranking:
    """Keeps the ranking of verified rows of the benchmark, those of one size and batch or more.

    Left out is what "auto" must not take: int8, and what makes every start wait, such as compiling.
    """
    timed: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if not row["skipped"] and row["precision"] != "int8" and row["cold_start_s"] <= MOST_START:
            key = (row["engine"], row["device"], row["precision"])
            timed.setdefault(key, []).append(math.log(row["ms_per_image"]))
    most = max(map(len, timed.values()), default=0)  # others failed in some case
    found = [
        Measured(*key, math.exp(sum(logs) / len(logs)))
        for key, logs in timed.items()
        if len(logs) == most
    ]
    if not found:
        raise EngineError(f"no engine was measured for {spec.name}: there is nothing to remember")
    ranking = Ranking(date, tuple(sorted(found, key=lambda each: each.ms_per_image)))
    said = {"date": date, "rows": [vars(each) for each in ranking.rows]}
    _cache.keep(_key(spec), json.dumps(said).encode())
    return ranking


def recall(spec: ModelSpec) -> Ranking | None:
    """What was remembered for this model on this machine as it is now."""
    key = _key(spec)
    kept = _cache.load(key)
    if kept is None:
        if _cache.has(key):
            _cache.forget(key)  # damaged: one warning is enough
        return None
    said = json.loads(kept)
    return Ranking(said["date"], tuple(Measured(**row) for row in said["rows"]))


def _key(spec: ModelSpec) -> dict[str, str]:
    import fastcolor
    from fastcolor.bench.measure import cpu_count, cpu_name

    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    build = fastcolor.build_info()
    return {
        "engine": "ranking",
        "model": spec.name,
        "network": spec.network_sha256,
        "versions": json.dumps({"fastcolor": build["version"], **versions}, sort_keys=True),
        "cpu": f"{cpu_name()}, {cpu_count()} CPUs",
        "gpu": ", ".join(build["cuda"]["devices"]),
    }
