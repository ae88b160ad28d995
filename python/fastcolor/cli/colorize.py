"""fastcolor colorize: options in, a job of fastcolor.archive, a summary and an exit code out."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastcolor.archive import Outcome, run
from fastcolor.archive.names import counted, printable
from fastcolor.archive.progress import BarProgress, JsonProgress, PlainProgress, Progress
from fastcolor.archive.settings import load
from fastcolor.errors import FastcolorError


def colorize(
    inputs: list[str],
    output: Path,
    settings_file: Path | None,
    given: dict[str, Any],
    *,
    restart: bool,
) -> int:
    """Options ``given`` on the command line go before those of the file; gives the exit code."""
    settings, of_a_run = load(settings_file, given)
    report = Path(of_a_run["report"]) if "report" in of_a_run else None
    quiet = of_a_run.get("quiet", False)
    progress = _progress(of_a_run.get("json_log", False), quiet)
    if "-" in inputs and len(inputs) > 1:
        raise ValueError("INPUT: - (a list on stdin) cannot stand beside other inputs")
    source: Any = sys.stdin.buffer if inputs == ["-"] else inputs
    try:
        outcome = run(source, output, settings, restart=restart, report=report, progress=progress)
    except FastcolorError as error:
        if isinstance(progress, JsonProgress):
            with suppress(OSError):  # of the log itself, say
                progress.say("error", message=str(error), exit_code=error.exit_code)
        raise
    if isinstance(progress, JsonProgress):
        progress.say(
            "end", counts=outcome.counts, seconds=round(outcome.seconds, 3),
            stages=outcome.stages, exit_code=outcome.exit_code,
            effective_batch=outcome.effective_batch,
        )  # fmt: skip
    elif not quiet or outcome.exit_code:
        print(_summary(outcome, output, report, settings.batch))
    return outcome.exit_code


def _progress(json_log: bool, quiet: bool) -> Progress:
    if json_log:
        return JsonProgress(sys.stdout)
    if not quiet and sys.stderr.isatty():
        return BarProgress()
    return PlainProgress(quiet=quiet)


def _summary(outcome: Outcome, output: Path, report: Path | None, batch: int) -> str:
    counts = outcome.counts
    words = [
        f"{counts['coloured']} coloured",
        f"{counts['copied']} copied (in colour already)" if counts["copied"] else "",
        counted(counts["sidecar"], "sidecar") + " copied" if counts["sidecar"] else "",
        counted(counts["skipped"], "no picture") if counts["skipped"] else "",
        f"{counts['failed']} failed" if counts["failed"] else "",
    ]
    text = f"{output}: " + ", ".join(word for word in words if word)
    if outcome.skipped_now:
        text += f"; {outcome.skipped_now} of them by former runs"
    seconds = max(outcome.seconds, 1e-9)
    if outcome.done_now:
        text += (
            f"; {outcome.done_now / seconds:.1f} pictures/s, "
            f"{outcome.pixels / 1e6 / seconds:.0f} MP/s"
        )
    if 0 < outcome.effective_batch < batch:
        text += f"; batches of {outcome.effective_batch}: the GPU has no memory for {batch}"
    if report is not None:
        text += f"; report in {report}"
    if outcome.exit_code > 1:
        text += "\nstopped: the same command goes on where it was left"
    return printable(text).replace("\\n", "\n")
