"""What a run of a job came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fastcolor.archive import names
from fastcolor.archive.journal import Journal
from fastcolor.archive.series import STAGES, Series


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``counts`` are of the whole job: coloured, copied (in colour
    already), sidecar (copied too), skipped (no picture), failed, todo."""

    counts: dict[str, int]
    seconds: float
    done_now: int  #: items that this run finished
    skipped_now: int  #: items that former runs had finished
    pixels: int
    stages: dict[str, float]  #: seconds of all workers
    exit_code: int
    journal: Path | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)  #: the first ones
    effective_batch: int = 0  #: pictures that went to the GPU together in the end; 0: none did


def outcome_of(
    journal: Journal,
    series: Series,
    done_now: int,
    skipped_now: int,
    stop_code: int,
    effective_batch: int,
) -> Outcome:
    counts = journal.counts()
    failures = [
        (names.printable(": ".join(filter(None, (row["path"], row["member"])))), row["note"])
        for row in journal.noted(failed=True, most=20)
    ]
    return Outcome(
        counts=counts,
        seconds=series.elapsed(),
        done_now=done_now,
        skipped_now=skipped_now,
        pixels=int(series.totals["pixels"]),
        stages={name: series.totals[name] for name in STAGES},
        exit_code=stop_code or (1 if counts["failed"] else 0),
        journal=journal.path,
        failures=failures,
        effective_batch=effective_batch,
    )
