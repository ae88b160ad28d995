"""A run from its next step to its end."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from training.run import LOG_STEPS, Run, note
from training.stop import StopRequest

NO_STEP = 4  # the exit code of a call that ended before it learned anything


def loop(run: Run, minutes: float | None) -> int:
    """Steps until the schedule is over, or this call's ``minutes``, which decoding of data counts
    among, or until a signal comes; gives the exit code."""
    first, begun = run.step_number, run.clock.seconds

    def is_over() -> bool:
        spent = run.clock.seconds - begun + run.decoding
        return minutes is not None and spent > 60 * minutes

    schedule = run.recipe.schedule
    saved, every = begun, 60 * schedule.checkpoint_minutes
    recent: list[dict[str, float]] = []
    bar = tqdm(
        desc=run.recipe.name,
        unit="step",
        mininterval=10,
        initial=run.step_number,
        total=schedule.steps if schedule.clock == "steps" else None,
        disable=run.rank > 0,
    )
    run.clock.skip()
    with StopRequest() as request, bar:
        stop = run.agree(is_over())
        while run.progress < 1.0 and not stop:
            recent.append(run.step())
            run.require_finite(recent[-1].get("loss", 0.0))
            stop = run.agree(request.code != 0 or is_over())
            bar.update()
            if run.step_number % LOG_STEPS == 0 and run.rank == 0:
                mean = _mean(recent)
                recent.clear()
                bar.set_postfix(loss=f"{mean['loss']:.4f}", progress=f"{run.progress:.3f}")
                run.log(**mean)
            if run.clock.seconds - saved > every and not stop:
                run.checkpoint()
                saved = run.clock.seconds
        if run.step_number == first and run.progress < 1.0:
            note("no step was taken; what was decoded is kept, and the next call finds it")
            return request.code or NO_STEP
        run.checkpoint()
    if stop and run.progress < 1.0:
        done = f"step {run.step_number}, {run.progress:.0%} of the schedule"
        note(f"stopped at {done}; with --resume the same command goes on")
    return request.code


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each number of the last row over the rows that have it."""
    names = rows[-1].keys()
    return {n: round(float(np.mean([row[n] for row in rows if n in row])), 5) for n in names}
