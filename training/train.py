"""Train one recipe: ``python -m training.train RECIPE.toml [options]``.

Writes to the output folder: ``log.jsonl``, ``last.pt``, ``best.pt`` (lowest error on
the held-out pictures) and ``samples/``. Under ``torchrun`` the batch is shared out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as distributed

from training import checkpoint, recipe
from training.data.cache import EmptyDataError
from training.run import Places, Run, note
from training.warm_start import UnlikeModelError


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    device = torch.device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    return device


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="training.train", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("recipe", type=Path)
    add("--data", type=Path, default=Path("../shared/data/train"), help="folder of the sets")
    add("--weights", type=Path, default=Path("../shared/weights"), help="pretrained trunks")
    add("--cache", type=Path, default=Path(".cache"), help="where decoded pictures are kept")
    add("--out", type=Path, help="default: runs/NAME")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--resume", action="store_true", help="continue from last.pt where there is one")
    add("--start-from", type=Path, metavar="MODEL.onnx", help="weights of an exported model")
    add("--minutes", type=float, help="bound of the run, and its schedule if that counts minutes")
    add("--stop-after", type=float, metavar="MINUTES", help="end this call early, to be resumed")
    add("--cpu-clock", action="store_true", help="minutes are of CPUs, not of the wall clock")
    add("--steps", type=int, help="instead of the recipe's number of steps")
    add("--threads", type=int, default=0, help="CPU threads of each worker")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        plan = recipe.load(options.recipe)
    except (OSError, ValueError) as error:
        note(str(error))
        return 2
    changes: dict[str, object] = {}
    if options.minutes and plan.schedule.clock == "minutes":
        changes["minutes"] = options.minutes
    if options.steps:
        changes |= {"steps": options.steps, "clock": "steps"}
    plan = replace(plan, schedule=replace(plan.schedule, **changes))
    device = _device(options.device)
    if "RANK" in os.environ:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    out = options.out or Path("runs") / plan.name
    out.mkdir(parents=True, exist_ok=True)
    try:
        places = Places(options.data, options.weights, options.cache, out)
        run = Run(plan, places, device, options.cpu_clock)
        last = out / "last.pt"
        if options.resume and last.exists():
            run.restore(checkpoint.load(last))
            note(f"{last}: continuing at step {run.step_number}")
        else:
            run.begin()
            if options.start_from:
                run.start_from(options.start_from)
        run.loop(options.stop_after or options.minutes)
    except EmptyDataError as error:
        note(str(error))
        return 3
    except UnlikeModelError as error:
        note(str(error))
        return 2
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
