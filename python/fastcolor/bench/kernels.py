"""fastcolor bench kernels: every operator against its peer, verified before it is timed."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import fastcolor
from fastcolor.bench import cases, measure
from fastcolor.bench.rows import Row, Settings, Skipped, byte_count, missing_operators
from fastcolor.errors import VerificationError

ROTATED_BYTES = 1 << 28  # inputs and outputs in turn, so that no cache holds them
MOST_BUFFERS = 6


def cpu_peers(threads: int) -> tuple[Any, str]:
    """The module of peers, or None and what to install."""
    try:
        from fastcolor.bench import peers
    except ImportError:
        return None, "no peer: pip install 'fastcolor[bench]' brings OpenCV"
    peers.one_thread(threads)
    return peers, ""


@contextmanager
def thread_count(count: int) -> Iterator[None]:
    before = fastcolor.thread_count()
    fastcolor.set_thread_count(count)
    try:
        yield
    finally:
        fastcolor.set_thread_count(before)


def verify(case: cases.Case, inputs: tuple[Any, ...], peer: Callable[..., Any]) -> float:
    ours = case.ours(*inputs, case.output(*inputs))
    theirs = peer(*inputs, case.output(*inputs))
    difference = (case.error or cases.largest_difference)(ours, theirs)
    if not difference <= case.tolerance:
        raise VerificationError(
            f"{case.name} differs from {case.peer_name} by {difference:.4g}, "
            f"more than {case.tolerance:g}: not timed"
        )
    return difference


def bench_case(case: cases.Case, settings: Settings, peers: Any, bandwidth: float) -> Row:
    pictures = [
        cases.Pictures(settings.megapixels * case.share, seed) for seed in range(MOST_BUFFERS)
    ]
    megapixels = pictures[0].width * pictures[0].height / 1e6
    first = case.make(pictures[0])
    moved = byte_count(first) + byte_count(case.output(*first))
    count = min(MOST_BUFFERS, max(2, ROTATED_BYTES // moved))
    inputs = [first] + [case.make(picture) for picture in pictures[1:count]]
    outs = [case.output(*each) for each in inputs]
    for out in outs:  # else whoever writes first pays for the pages
        for array in out if isinstance(out, tuple) else (out,):
            array.fill(0)
    peer = case.peer(peers) if peers is not None else None
    error = verify(case, first, peer) if peer is not None else None

    def side(function: Callable[..., Any]) -> Callable[[int], Any]:
        return lambda number: function(*inputs[number % count], outs[number % count])

    def with_threads(threads: int) -> Callable[[int], Any]:
        def run(number: int) -> None:
            with thread_count(threads):
                case.ours(*inputs[number % count], outs[number % count])

        return run

    sides = [with_threads(settings.threads)] + ([side(peer)] if peer is not None else [])
    ours, *rest = measure.interleaved(sides, settings.repetitions)
    theirs = rest[0] if rest else None
    every = measure.cpu_count()
    scaling = None
    if every > 1 and settings.threads == 1:
        alone, together = measure.interleaved(
            [with_threads(1), with_threads(every)], settings.repetitions
        )
        scaling = alone.minimum / together.minimum
    scale = 1e3 / megapixels
    return Row(
        name=case.name,
        device="cpu",
        threads=settings.threads,
        ours_ms_per_mp=ours.minimum * scale,
        peer=case.peer_name if theirs else None,
        peer_ms_per_mp=theirs.minimum * scale if theirs else None,
        ratio=theirs.minimum / ours.minimum if theirs else None,
        max_error=error,
        bandwidth_fraction=moved / ours.minimum / bandwidth,
        ours_ms_per_mp_median=ours.median * scale,
        peer_ms_per_mp_median=theirs.median * scale if theirs else None,
        scaling=scaling,
        scaling_threads=every if scaling else None,
    )


def run(settings: Settings) -> dict[str, Any]:
    """Rows of all operators; VerificationError when a result is wrong."""
    if settings.device == "cuda":
        from fastcolor.bench import cuda

        rows, skipped, hardware, note = cuda.run(settings)
    else:
        rows, skipped, hardware, note = run_cpu(settings)
    return {
        "rows": [asdict(row) for row in rows],
        "skipped": [asdict(item) for item in skipped],
        "settings": asdict(settings),
        "hardware": hardware,
        "note": note,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": measure.commit(),
        "versions": {
            "fastcolor": fastcolor.build_info()["version"],
            "compiler": fastcolor.build_info()["compiler"],
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def run_cpu(settings: Settings) -> tuple[list[Row], list[Skipped], dict[str, Any], str]:
    peers, note = cpu_peers(settings.threads)
    bandwidth = measure.copy_bandwidth(settings.threads)
    rows, skipped = [], []
    for case in cases.cases(peers):
        if settings.only not in case.name or "cpu" not in case.devices:
            continue
        missing = missing_operators(case)
        if missing:
            skipped.append(Skipped(case.name, f"this build has no {', '.join(missing)}"))
        else:
            rows.append(bench_case(case, settings, peers, bandwidth))
    hardware = {
        "cpu": measure.cpu_name(),
        "cpus": measure.cpu_count(),
        "cpu_level": fastcolor.build_info()["cpu_level"],
        "copy_gb_per_s": bandwidth / 1e9,
        "peers": peers.version() if peers is not None else None,
    }
    return rows, skipped, hardware, note


def text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def show(result: dict[str, Any], target: Path | None) -> None:
    """The table on stdout, and everything as JSON in ``target``."""
    if target is not None:
        target.write_text(json.dumps(result, indent=2) + "\n")
    titles = ["ours ms/MP", "peer ms/MP", "ratio", "max error", "of copy", "threads x"]
    lines = [["operator", *titles]]
    for row in result["rows"]:
        cells = [
            text(row["ours_ms_per_mp"], ".3f"),
            text(row["peer_ms_per_mp"], ".3f"),
            text(row["ratio"], ".1f"),
            text(row["max_error"], ".3g"),
            text(row["bandwidth_fraction"], ".0%"),
            text(row["scaling"], ".2f"),
        ]
        lines.append([row["name"], *cells])
    settings, hardware = result["settings"], result["hardware"]
    print(
        f"{hardware.get('gpu') or hardware.get('cpu')}; {settings['megapixels']:g} MP, "
        f"{settings['threads']} thread(s), fastest of {settings['repetitions']} after one warm-up; "
        f"plain copies {hardware['copy_gb_per_s']:.1f} GB/s"
    )
    for name, *cells in lines:
        print(f"{name:<26}" + "".join(f"{cell:>12}" for cell in cells))
    for row in result["rows"]:
        print(f"{row['name']}: peer {row['peer'] or 'none'}")
    for item in result["skipped"]:
        print(f"skipped {item['name']}: {item['reason']}")
    if result["note"]:
        print(result["note"])
