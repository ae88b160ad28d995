"""What a picture of an archive costs: in each step alone, in a whole job, and in a usual loop."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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


def rate(function: Callable[[int], object], calls: int, workers: int) -> Cost:
    """The cost of one call where ``workers`` threads share these calls and do nothing else."""

    def many(worker: int) -> tuple[int, float]:
        numbers, begin = range(worker, max(calls, workers), workers), time.perf_counter()
        for number in numbers:
            function(number)
        return len(numbers), time.perf_counter() - begin

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(function, range(workers)))  # once each, unmeasured
        cpu = time.process_time()
        found = list(pool.map(many, range(workers)))
        made = sum(done for done, _ in found)
        # each by its own time: the last call of one would else count as idleness of the others
        rates = sum(done / spent for done, spent in found)
        return Cost(1 / rates, (time.process_time() - cpu) / made)


def alone(files: Sequence[bytes], path: str, settings: Settings, calls: int) -> dict[str, Cost]:
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
        return {name: rate(step, calls, workers) for name, step in steps.items()}
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
    if outcome.exit_code > 128:  # the job took the signal, and ended in order
        sys.exit(outcome.exit_code)
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
