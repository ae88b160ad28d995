"""Time for each item and peak memory of whole jobs, from a hundred tiny pictures to many thousands.

    python benchmarks/archive_scale.py 100 1000 10000 [--size 32] [--copied] [--json FILE]

Each job is a process of its own: `fastcolor colorize` over a folder of JPEGs in sub-folders.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import simplejpeg

DISTINCT = 64  # pictures; the other names are links to them
IN_FOLDER = 1000


def fill(folder: Path, count: int, side: int, copied: bool) -> None:
    originals = []
    rng = np.random.default_rng(0)
    for number in range(DISTINCT):
        noise = rng.normal(128, 40, (max(2, side // 8), max(2, side // 6)))
        y = np.linspace(0, noise.shape[0] - 1, side).astype(int)
        x = np.linspace(0, noise.shape[1] - 1, side * 4 // 3).astype(int)
        plane = noise[np.ix_(y, x)].clip(0, 255).astype(np.uint8)
        path = folder / "originals" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if copied:
            rgb = np.stack([plane, np.roll(plane, 5, axis=1), 255 - plane], axis=2)
            path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), 85, "RGB", "444"))
        else:
            path.write_bytes(simplejpeg.encode_jpeg(plane[..., None], 85, "GRAY", "GRAY"))
        originals.append(path)
    for number in range(count):
        target = folder / "in" / f"{number // IN_FOLDER:04}" / f"{number:06}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(originals[number % DISTINCT], target)


def measure(
    count: int, side: int, size: int, jobs: int | None, work: Path | None, copied: bool
) -> dict[str, float]:
    folder = Path(tempfile.mkdtemp(dir=work))
    try:
        fill(folder, count, side, copied)
        command = [sys.executable, "-m", "fastcolor", "colorize", str(folder / "in")]
        command += ["-o", str(folder / "out"), "--quiet"]
        command += ["--jobs", str(jobs)] if jobs is not None else []
        command += ["--size", str(size)] if size else []
        found: dict[str, float] = {"items": count}
        for name in ("first", "again"):
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"the job of {count} items ended with {process.returncode}")
            seconds = time.perf_counter() - start
            cpu = usage.ru_utime + usage.ru_stime
            found[f"{name}_s"] = round(seconds, 2)
            found[f"{name}_ms_per_item"] = round(seconds / count * 1e3, 3)
            found[f"{name}_cpu_ms_per_item"] = round(cpu / count * 1e3, 3)
            found[f"{name}_peak_mb"] = round(usage.ru_maxrss / 1024, 1)
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--side", type=int, default=24, help="height of the pictures, pixels")
    parser.add_argument("--size", type=int, default=32, help="of the network; 0: the model's")
    parser.add_argument("--jobs", type=int, help="as of colorize; default: CPUs")
    parser.add_argument("--copied", action="store_true", help="pictures in colour: no network")
    parser.add_argument("--work", type=Path, help="folder for the archives")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for count in given.counts:
        rows.append(measure(count, given.side, given.size, given.jobs, given.work, given.copied))
        print(json.dumps(rows[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
