"""fastcolor bench archive: whole jobs against their own steps measured alone, and a usual loop.

The archives are made of the package's photograph, enlarged, with grain. For each row the job runs
as `fastcolor colorize` would, all CPUs, the journal and the engine's opening included, though not
the half second in which Python and the libraries start. Its efficiency is

    seconds of decode + infer + encode, each measured alone on the same CPUs / seconds of the job

where infer is from luma to the network's answer, and encode from that to the bytes of the output.
All that a stream adds is loss: reading, writing with fsync, telling kinds and colour, metadata, the
journal, waiting, opening the engine. ``efficiency_of_libraries`` is stricter: the network, decoder
and encoder by themselves are its ideal, so that preparing, merging and joining are losses, too.

Clocks of machines drift by a third within minutes, so the steps are measured before and after each
of several jobs, and the job of median efficiency makes the row. The peer is what one would write:
cv2.imread, resize, PyTorch eager of the same network, Lab merge in cv2, cv2.imwrite.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image

import fastcolor
from fastcolor import jpeg, ops
from fastcolor.archive import Outcome, Settings, run
from fastcolor.archive.inference import Inference
from fastcolor.archive.lossless import MOST_CHROMA_QUALITY
from fastcolor.bench import measure
from fastcolor.errors import FastcolorError

SAMPLE = Path(__file__).parents[1] / "data" / "coffee.jpg"
DISTINCT = 4  # pictures; the archive repeats them
QUALITY = 90
PATHS = ("lossless", "re-encoding")
LIBRARIES = ("decode", "network", "compress")
ROUNDS = 5  # jobs for a row


@dataclass(frozen=True)
class Row:
    """One archive, one path. ``stages`` are shares of the workers' time; ``alone_ms`` are for a
    picture with as many threads on that step as --jobs says, by default all CPUs; ``ratio`` is
    against the peer's loop. What is named cpu compares seconds of CPUs instead of those that
    passed: it stands other programs beside it."""

    name: str
    megapixels: float
    pictures: int
    images_per_s: float
    efficiency: float
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


def pictures(megapixels: float) -> list[bytes]:
    """Grey JPEGs of this size with the look of scans."""
    with Image.open(SAMPLE) as image:
        grey = image.convert("L")
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5 / 2) * 2
    size = (round(height * 4 / 3 / 2) * 2, height)
    rng = np.random.default_rng(0)
    found = []
    for number in range(DISTINCT):
        turned = grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else grey
        plane = np.asarray(turned.resize(size, Image.Resampling.BICUBIC), np.float32)
        plane = plane * (0.85 + 0.05 * number) + rng.normal(0, 3, plane.shape).astype(np.float32)
        pixels = plane.clip(0, 255).astype(np.uint8)
        found.append(bytes(simplejpeg.encode_jpeg(pixels[..., None], QUALITY, "GRAY", "GRAY")))
    return found


class Cost(NamedTuple):
    """Of one picture: seconds that pass with all CPUs on it, and seconds of CPUs."""

    seconds: float
    cpu: float


def rate(function: Callable[[int], object], seconds: float, workers: int) -> Cost:
    """The cost of one call where ``workers`` threads do nothing else for about ``seconds``."""

    def many(worker: int) -> tuple[int, float]:
        begin, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() < end:
            function(worker + done * workers)
            done += 1
        return done, time.perf_counter() - begin

    with ThreadPoolExecutor(workers) as pool:
        end = 0.0
        list(pool.map(many, range(workers)))  # once each, unmeasured
        cpu = time.process_time()
        end = time.perf_counter() + seconds
        found = list(pool.map(many, range(workers)))
        calls = sum(done for done, _ in found)
        # each by its own time: the last call of one would else count as idleness of the others
        rates = sum(done / spent for done, spent in found)
        return Cost(1 / rates, (time.process_time() - cpu) / calls)


def alone(files: Sequence[bytes], path: str, settings: Settings, seconds: float) -> dict[str, Cost]:
    """The cost of a picture in each step by itself: nothing but the function that does it."""
    workers = measure.cpu_count() if settings.jobs is None else max(1, settings.jobs)
    half = path == "lossless"
    options = {}
    if half:
        height, width = simplejpeg.decode_jpeg_header(files[0])[:2]
        options = {"min_height": -(-height // 2), "min_width": -(-width // 2), "min_factor": 2}

    def decode(number: int) -> Any:
        return simplejpeg.decode_jpeg(files[number % len(files)], "GRAY", **options)[..., 0]

    lumas = [decode(number) for number in range(len(files))]
    before = fastcolor.thread_count()
    if workers > 1:
        fastcolor.set_thread_count(1)
    inference = Inference(settings)
    try:
        colorizer = inference.colorizer
        tensors = [colorizer.prepare(luma) for luma in lumas]
        chroma = [inference.ab_of(t, x.shape) for t, x in zip(tensors, lumas)]

        def merge(number: int) -> Any:
            i = number % len(lumas)
            kind = "444" if half else "420"
            return ops.merge_ycc(lumas[i], chroma[i], kind, saturation=inference.saturation)

        planes = [merge(i) for i in range(len(lumas))]

        def compress(number: int) -> Any:
            i = number % len(lumas)
            if half:
                return jpeg.encode_chroma(*planes[i], quality=min(QUALITY, MOST_CHROMA_QUALITY))
            return simplejpeg.encode_jpeg_yuv_planes(lumas[i], *planes[i], QUALITY)

        steps: dict[str, Callable[[int], object]] = {
            "decode": decode,
            "prepare": lambda number: colorizer.prepare(lumas[number % len(lumas)]),
            "network": lambda number: inference.run(tensors[number % len(tensors)]),
            "merge": merge,
            "compress": compress,
        }
        if half:
            parts = [compress(i) for i in range(len(lumas))]
            steps["join"] = lambda n: jpeg.join(files[n % len(files)], parts[n % len(parts)])
        return {name: rate(step, seconds, workers) for name, step in steps.items()}
    finally:
        inference.close()
        fastcolor.set_thread_count(before)


def whole(folder: Path, count: int, settings: Settings) -> tuple[Outcome, Cost]:
    """One job, into a new folder, whose files are emptied then: a file system may look at each of
    the files that were deleted within minutes before it makes another."""
    output = Path(tempfile.mkdtemp(prefix="out-", dir=folder.parent))
    cpu, start = time.process_time(), time.perf_counter()
    outcome = run([folder], output, settings)
    spent = Cost((time.perf_counter() - start) / count, (time.process_time() - cpu) / count)
    if outcome.exit_code or outcome.done_now != outcome.counts["coloured"]:
        raise FastcolorError(f"the benchmark's own archive failed: {outcome.failures}")
    for made in output.iterdir():
        os.truncate(made, 0)
    return outcome, spent


def peer(folder: Path, most_seconds: float) -> tuple[Cost | None, str]:
    """The cost of a picture in the usual loop, or why there is none."""
    try:
        import cv2
        import torch

        from fastcolor.engines import open_engine
    except ImportError as error:
        return None, f"no peer: {error.name} is not installed (pip install torch opencv-python)"
    engine = open_engine("fast", "torch", "cpu", "fp32")
    spec = engine.spec

    def colour(source: Path, target: Path) -> None:
        image: Any = cv2.imread(str(source))
        lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
        height, width = lab.shape[:2]
        step, scale = spec.multiple_of, spec.working_size / min(height, width)
        small = (round(width * scale / step) * step, round(height * scale / step) * step)
        luma = cv2.resize(lab[..., 0], small, interpolation=cv2.INTER_AREA) / 50 - 1
        ab = engine.run(luma[None, None])[0] * (110 * spec.saturation)
        full = cv2.resize(ab.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_CUBIC)
        lab[..., 1:] = full
        made = cv2.cvtColor(lab, cv2.COLOR_Lab2BGR) * 255
        made = made.clip(0, 255).round().astype(np.uint8)
        cv2.imwrite(str(target), made, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])

    sources = sorted(folder.rglob("*.jpg"))
    target = folder.with_name("peer.jpg")
    found = []
    with engine:
        for threads in sorted({1, measure.cpu_count()}):  # more are not always faster in PyTorch
            torch.set_num_threads(threads)
            colour(sources[0], target)
            cpu, begin, done = time.process_time(), time.perf_counter(), 0
            while done < 4 or time.perf_counter() - begin < most_seconds / 2:
                colour(sources[done % len(sources)], target)
                done += 1
            spent = time.perf_counter() - begin
            found.append((Cost(spent / done, (time.process_time() - cpu) / done), threads))
    cost, threads = min(found)
    return cost, f"cv2 {cv2.__version__} + torch {torch.__version__} eager, {threads} thread(s)"


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
                steps = alone(files, path, settings, seconds / 8)
                each = sum(cost.seconds for cost in steps.values())
                wanted = round(seconds / each / DISTINCT) * DISTINCT
                while count < max(2 * DISTINCT, wanted):
                    (folder / f"{count:06}.jpg").write_bytes(files[count % DISTINCT])
                    count += 1
                if path == PATHS[0]:
                    theirs, note = peer(folder, seconds / 2)
                    steps = alone(files, path, settings, seconds / 8)
                rounds = []
                for _ in range(ROUNDS):
                    outcome, spent = whole(folder, count, settings)
                    after = alone(files, path, settings, seconds / 8)
                    ideal = _mean(steps, after)
                    rounds.append(_row(path, size, count, spent, outcome, ideal, theirs))
                    steps = after
                rows.append(sorted(rounds, key=lambda row: row.efficiency)[ROUNDS // 2])
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


def _mean(one: dict[str, Cost], other: dict[str, Cost]) -> dict[str, Cost]:
    return {
        name: Cost((cost.seconds + other[name].seconds) / 2, (cost.cpu + other[name].cpu) / 2)
        for name, cost in one.items()
    }


def _row(
    path: str,
    size: float,
    count: int,
    spent: Cost,
    outcome: Outcome,
    steps: dict[str, Cost],
    theirs: Cost | None,
) -> Row:
    strict = sum(steps[name].seconds for name in LIBRARIES)
    whole_time = sum(outcome.stages.values())
    return Row(
        name=path,
        megapixels=size,
        pictures=count,
        images_per_s=round(1 / spent.seconds, 3),
        efficiency=round(sum(cost.seconds for cost in steps.values()) / spent.seconds, 4),
        efficiency_of_libraries=round(strict / spent.seconds, 4),
        cpu_efficiency=round(sum(cost.cpu for cost in steps.values()) / spent.cpu, 4),
        peer_images_per_s=None if theirs is None else round(1 / theirs.seconds, 3),
        ratio=None if theirs is None else round(theirs.seconds / spent.seconds, 2),
        cpu_ratio=None if theirs is None else round(theirs.cpu / spent.cpu, 2),
        stages={name: round(value / whole_time, 4) for name, value in outcome.stages.items()},
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
