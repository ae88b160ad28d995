"""Train one recipe: ``python -m training.train RECIPE.toml [options]``.

Writes to the output folder: ``log.jsonl``, ``last.pt``, ``best.pt`` (lowest error on
the held-out pictures) and ``samples/``. Under ``torchrun`` the batch is shared out.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as distributed

from training import checkpoint, paths, recipe
from training.data.cache import EmptyDataError
from training.loop import loop
from training.run import DivergedError, Places, Run, note


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


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be more than 0, got {text}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="training.train", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("recipe", type=Path)
    add("--data", type=Path, default=paths.data_dir() / "train", help="folder of the sets")
    add("--weights", type=Path, default=paths.weights_dir(), help="pretrained trunks")
    add("--cache", type=Path, default=Path(".cache"), help="where decoded pictures are kept")
    add("--out", type=Path, help="default: runs/ and the recipe's file name")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--resume", action="store_true", help="continue from last.pt where there is one")
    add("--restart", action="store_true", help="begin anew where there is a last.pt")
    add("--start-from", type=Path, metavar="MODEL.onnx", help="weights of an exported model")
    add(
        "--minutes", type=positive, help="bound of the run, and its schedule if that counts minutes"
    )
    add("--stop-after", type=positive, metavar="MINUTES", help="end this call early, to be resumed")
    add("--cpu-clock", action="store_true", help="minutes are of CPUs, not of the wall clock")
    add("--steps", type=positive, help="instead of the recipe's number of steps")
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
        changes |= {"steps": math.ceil(options.steps), "clock": "steps"}
    plan = replace(plan, schedule=replace(plan.schedule, **changes))
    os.environ["FASTCOLOR_WEIGHTS"] = str(options.weights)  # where losses look for theirs
    try:
        run = _set_up(options, plan)
        return loop(run, options.stop_after or options.minutes)
    except EmptyDataError as error:
        note(str(error))
        return 3
    except DivergedError as error:
        note(str(error))
        return 5
    except _MistakeError as error:
        note(str(error))
        return 2
    except KeyboardInterrupt:
        note("interrupted before the first step")
        return 130
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


class _MistakeError(Exception):
    """What was asked for cannot be begun."""


def _set_up(options: argparse.Namespace, plan: recipe.Recipe) -> Run:
    """The run, ready for its next step."""
    out = options.out or Path("runs") / options.recipe.stem
    last = out / "last.pt"
    if last.exists() and not (options.resume or options.restart):
        raise _MistakeError(f"{last} is there: --resume goes on from it, --restart begins anew")
    try:
        out.mkdir(parents=True, exist_ok=True)
        device = _device(options.device)
        if "RANK" in os.environ:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        places = Places(options.data, options.weights, options.cache, out)
        run = Run(plan, places, device, options.cpu_clock)
        if options.resume and last.exists():
            _resume(run, last)
        else:
            run.begin()
            if options.start_from:
                run.start_from(options.start_from)
        if run.rank == 0:
            run.rows.forget_after(run.step_number)
    except EmptyDataError:
        raise
    except (OSError, ValueError, TypeError, RuntimeError, AssertionError) as error:
        if os.environ.get("FASTCOLOR_DEBUG"):
            raise
        raise _MistakeError(" ".join(f"{options.recipe}: {error}".split())) from error
    return run


def _resume(run: Run, last: Path) -> None:
    state = checkpoint.load(last)
    run.restore(state)
    note(f"{last}: continuing at step {run.step_number}")
    if state.get("recipe", {}).get("sha256", run.recipe.sha256) != run.recipe.sha256:
        note("the recipe has changed since; what it says now holds from here on")


if __name__ == "__main__":
    sys.exit(main())
