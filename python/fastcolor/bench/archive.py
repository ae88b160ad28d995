"""fastcolor bench archive: whole jobs against their own steps measured alone, and a usual loop.

The archives are made of the package's photograph, enlarged, with grain. For each row the job runs
as `fastcolor colorize` would, all CPUs, the journal and the engine's opening included, though not
the half second in which Python and the libraries start. Its efficiency is

    seconds of decode + infer + encode, each measured alone on the same CPUs / seconds of the job

where infer is from luma to the network's answer, and encode from that to the bytes of the output.
All that a stream adds is loss: reading, writing with fsync, telling kinds and colour, metadata, the
journal, waiting, opening the engine. ``efficiency_of_libraries`` is stricter: the network, decoder
and encoder by themselves are its ideal, so that preparing, merging and joining are losses, too.

Clocks of machines drift by a third within minutes, and who shares their caches slows them down for
seconds. So the steps are measured before and after each of several jobs, every step on half as many
pictures as a job has, and the row is of the means: what disturbs both falls on both alike, which it
would not if a step that makes up most of a job were looked at for a moment only. The peer is what
one would write: cv2.imread, resize, PyTorch eager of the same network, merge in cv2, cv2.imwrite.
"""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

import fastcolor
from fastcolor.archive import Outcome, Settings
from fastcolor.archive.inference import Inference
from fastcolor.bench import measure
from fastcolor.bench.archive_costs import DISTINCT, Cost, alone, peer, pictures, whole

PATHS = ("lossless", "re-encoding")
LIBRARIES = ("decode", "network", "compress")
ROUNDS = 5  # jobs for a row


@dataclass(frozen=True)
class Row:
    """One archive, one path. ``stages`` are shares of the workers' time; ``alone_ms`` are for a
    picture with as many threads on that step as --jobs says, by default all CPUs; ``ratio`` is
    against the peer's loop. ``efficiencies`` are of each job by the steps right before and after
    it. What is named cpu compares seconds of CPUs instead of those that passed: it stands other
    programs beside it."""

    name: str
    megapixels: float
    pictures: int
    images_per_s: float
    efficiency: float
    efficiencies: list[float]
    efficiency_of_libraries: float
    cpu_efficiency: float
    peer_images_per_s: float | None
    ratio: float | None
    cpu_ratio: float | None
    stages: dict[str, float]
    alone_ms: dict[str, float]
    alone_cpu_ms: dict[str, float]
    cpu_ms: float
    peer_cpu_ms: float | None


def measure_all(
    megapixels: Sequence[float], seconds: float, jobs: int | None, engine: str
) -> dict[str, Any]:
    rows, note = [], ""
    for size in megapixels:
        files = pictures(size)
        with tempfile.TemporaryDirectory(prefix="fastcolor-bench-") as work:
            folder = Path(work) / "in"
            folder.mkdir()
            count = 0
            theirs: Cost | None = None
            for path in PATHS:
                lossless = "always" if path == "lossless" else "never"
                settings = Settings(lossless_luma=lossless, jobs=jobs, engine=engine)
                rough = alone(files, path, settings, DISTINCT)
                wanted = round(seconds / _total(rough) / DISTINCT) * DISTINCT
                while count < max(2 * DISTINCT, wanted):
                    (folder / f"{count:06}.jpg").write_bytes(files[count % DISTINCT])
                    count += 1
                if path == PATHS[0]:
                    theirs, note = peer(folder, seconds / 2)
                steps, made = [alone(files, path, settings, count // 2)], []
                for _ in range(ROUNDS):
                    made.append(whole(folder, count, settings))
                    steps.append(alone(files, path, settings, count // 2))
                rows.append(_row(path, size, count, made, steps, theirs))
    with Inference(Settings(engine=engine)) as inference:
        about = inference.describe()
    return {
        "rows": [asdict(row) for row in rows],
        "peer": note,
        "engine": about,
        "hardware": {"cpu": measure.cpu_name(), "cpus": measure.cpu_count()},
        "cpu_level": fastcolor.build_info()["cpu_level"],
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": measure.commit(),
        "versions": {
            "fastcolor": fastcolor.build_info()["version"],
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def _mean(costs: Iterable[Cost]) -> Cost:
    seconds, cpu = zip(*costs)
    return Cost(fmean(seconds), fmean(cpu))


def _total(steps: dict[str, Cost]) -> float:
    return sum(cost.seconds for cost in steps.values())


def _row(
    path: str,
    size: float,
    count: int,
    jobs: Sequence[tuple[Outcome, Cost]],
    passes: Sequence[dict[str, Cost]],
    theirs: Cost | None,
) -> Row:
    """Of jobs, each between two passes of the steps alone."""
    spent = _mean(cost for _, cost in jobs)
    steps = {name: _mean(each[name] for each in passes) for name in passes[0]}
    around = [(_total(before) + _total(after)) / 2 for before, after in pairwise(passes)]
    strict = sum(steps[name].seconds for name in LIBRARIES)
    stages = {name: sum(made.stages[name] for made, _ in jobs) for name in jobs[0][0].stages}
    whole_time = sum(stages.values())
    return Row(
        name=path,
        megapixels=size,
        pictures=count,
        images_per_s=round(1 / spent.seconds, 3),
        efficiency=round(_total(steps) / spent.seconds, 4),
        efficiencies=[round(a / cost.seconds, 4) for a, (_, cost) in zip(around, jobs)],
        efficiency_of_libraries=round(strict / spent.seconds, 4),
        cpu_efficiency=round(sum(cost.cpu for cost in steps.values()) / spent.cpu, 4),
        peer_images_per_s=None if theirs is None else round(1 / theirs.seconds, 3),
        ratio=None if theirs is None else round(theirs.seconds / spent.seconds, 2),
        cpu_ratio=None if theirs is None else round(theirs.cpu / spent.cpu, 2),
        stages={name: round(value / whole_time, 4) for name, value in stages.items()},
        alone_ms={name: round(cost.seconds * 1e3, 3) for name, cost in steps.items()},
        alone_cpu_ms={name: round(cost.cpu * 1e3, 3) for name, cost in steps.items()},
        cpu_ms=round(spent.cpu * 1e3, 3),
        peer_cpu_ms=None if theirs is None else round(theirs.cpu * 1e3, 3),
    )


def show(result: dict[str, Any], target: Path | None) -> None:
    """The table on stdout, and everything as JSON in ``target``."""
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(result, indent=2) + "\n")
    hardware = result["hardware"]
    print(f"{hardware['cpu']}, {hardware['cpus']} CPUs; {result['engine']}; peer: {result['peer']}")
    titles = ["MP", "pictures/s", "efficiency", "libraries", "of CPU", "ratio", "of CPU"]
    print(f"{'path':<12}" + "".join(f"{title:>12}" for title in titles))
    for row in result["rows"]:
        ratios = ["-" if row[n] is None else f"{row[n]:.1f}" for n in ("ratio", "cpu_ratio")]
        cells = [
            f"{row['megapixels']:g}",
            f"{row['images_per_s']:.1f}",
            f"{row['efficiency']:.0%}",
            f"{row['efficiency_of_libraries']:.0%}",
            f"{row['cpu_efficiency']:.0%}",
            *ratios,
        ]
        print(f"{row['name']:<12}" + "".join(f"{cell:>12}" for cell in cells))
        shares = ", ".join(f"{name} {share:.0%}" for name, share in row["stages"].items())
        print(f"    {shares}")
