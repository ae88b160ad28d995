"""How much the way around an engine costs: Colorizer against the bare engine and bare operators.

    python -m fastcolor.bench.device_path [JSON]

On the CPU the sum of prepare, engine and merge, timed alone, is the base (at most 5 % more is
wanted); on CUDA the engine's pictures per second (at least 90 % are wanted).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from fastcolor.bench import measure
from fastcolor.colorizer import AB_UNIT, Colorizer
from fastcolor.models import WEIGHTS

BATCH, SIDES, ROUNDS = 8, ((768, 512), (1536, 1024)), 15  # width, height


def photographs(width: int, height: int) -> list[Any]:
    with Image.open(WEIGHTS.parent / "data" / "coffee.jpg") as image:
        grey = np.asarray(image.convert("L").resize((width, height)))
    return [np.ascontiguousarray(np.roll(grey, 31 * i, 1)) for i in range(BATCH)]


def on_cpu(colorizer: Colorizer, lumas: list[Any]) -> dict[str, float]:
    """Seconds of the whole and of the parts one after the other, each the fastest round."""
    size = colorizer.prepared_size(lumas[0].shape)
    k = colorizer.spec.chroma_divisor
    batch = colorizer.prepare(lumas)
    answer = colorizer.engine.run(batch) * np.float32(AB_UNIT)
    small = [row[:, : size.height // k, : size.width // k] for row in answer]
    timings = measure.interleaved(
        [
            lambda _: colorizer.colorize_batch(lumas),
            lambda _: colorizer.prepare(lumas),
            lambda _: colorizer.engine.run(batch),
            lambda _: colorizer.merge(lumas, small),
        ],
        ROUNDS,
    )
    whole, *parts = (timing.minimum for timing in timings)
    return {"whole_s": whole, "parts_s": sum(parts), "overhead": whole / sum(parts) - 1}


def on_cuda(colorizer: Colorizer, lumas: list[Any]) -> dict[str, float]:
    """Pictures per second from host to host, and of the bare engine on the device."""
    import cupy

    many = lumas * 16
    batch = colorizer.prepare([cupy.asarray(luma) for luma in lumas])
    for _ in range(3):
        colorizer.colorize_batch(many)
        colorizer.engine.run(batch)
    cupy.cuda.Device().synchronize()
    start = perf_counter()
    for _ in range(ROUNDS):
        colorizer.engine.run(batch)
    cupy.cuda.Device().synchronize()
    bare = ROUNDS * BATCH / (perf_counter() - start)
    start = perf_counter()
    for _ in range(ROUNDS):
        colorizer.colorize_batch(many)
    path = ROUNDS * len(many) / (perf_counter() - start)
    return {"engine_per_s": bare, "path_per_s": path, "share": path / bare}


def main() -> None:
    rows = []
    with Colorizer() as colorizer:
        print(colorizer.engine.choice)
        for width, height in SIDES:
            lumas = photographs(width, height)
            found = (on_cuda if colorizer.engine.device == "cuda" else on_cpu)(colorizer, lumas)
            rows.append({"width": width, "height": height, "batch": BATCH, **found})
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
            print(f"{width}x{height}, batch {BATCH}: {numbers}")
        choice = colorizer.engine.choice
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps({"engine": choice, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
