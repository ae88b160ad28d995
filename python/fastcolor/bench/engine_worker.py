"""One engine in a process of its own, so that start and memory are its own: see engines.py.

Reads requests from stdin and answers on stdout, one JSON line each; the first line of stdin says
what to open. A request {"size", "batch", "runs"} answers with seconds; one with "save" also writes
the answer of the first run there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

START = time.perf_counter()


def memory_mb(device: str) -> float:
    """The largest that this process ever was; on CUDA what its pools hold of the GPU."""
    if device == "cuda":
        import cupy

        free, total = cupy.cuda.runtime.memGetInfo()
        return float(total - free) / 1e6
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / 1e6


def inputs(size: int, batch: int) -> Any:
    """A photograph's lightness, in as many crops and mirrors as the batch wants."""
    import numpy as np
    from PIL import Image

    from fastcolor import ops
    from fastcolor.models import WEIGHTS

    with Image.open(WEIGHTS.parent / "data" / "coffee.jpg") as image:
        grey = np.asarray(image.convert("L"))
    rows = []
    for number in range(batch):
        crop = np.roll(grey, (17 * number, 29 * number), (0, 1))[: grey.shape[0], : grey.shape[0]]
        crop = crop[:, ::-1] if number % 2 else crop
        rows.append(np.ascontiguousarray(crop))
    return ops.prepare(rows, size, 1)


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not mix with answers

    def say(**fields: Any) -> None:
        os.write(out, (json.dumps(fields) + "\n").encode())

    asked = json.loads(sys.stdin.readline())
    try:
        from fastcolor.engines import open_engine

        engine = open_engine(asked["model"], asked["engine"], asked["device"], asked["precision"])
        opened = time.perf_counter() - START
        first = inputs(asked["size"], 1)
        engine.run(to_device(first, engine.device))
        wait(engine.device)
        say(opened_s=opened, cold_start_s=time.perf_counter() - START, precision=engine.precision)
        for line in sys.stdin:
            request = json.loads(line)
            if request.get("quit"):
                break
            say(**answer(engine, request))
    except Exception as error:  # whatever a library throws is this engine's result
        say(problem=" ".join(f"{type(error).__name__}: {error}".split())[:500])


def to_device(batch: Any, device: str) -> Any:
    if device == "cpu":
        return batch
    import cupy

    return cupy.asarray(batch)


def wait(device: str) -> None:
    if device == "cuda":
        import cupy

        cupy.cuda.get_current_stream().synchronize()


def answer(engine: Any, request: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    batch = to_device(inputs(request["size"], request["batch"]), engine.device)
    if request.get("save"):
        result = engine.run(batch)
        wait(engine.device)
        np.save(request["save"], result if engine.device == "cpu" else result.get())
        engine.run(batch)
        wait(engine.device)
        return {"memory_mb": memory_mb(engine.device)}
    seconds = []
    for _ in range(request["runs"]):
        start = time.perf_counter()
        engine.run(batch)
        wait(engine.device)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "memory_mb": memory_mb(engine.device)}


if __name__ == "__main__":
    main()
