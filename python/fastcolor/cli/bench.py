"""fastcolor bench: what a machine does in a second."""

from __future__ import annotations

from typing import Annotated

import typer

from fastcolor import _interrupt
from fastcolor.cli.arguments import RowsFile, check_writable

app = typer.Typer(help="Measure this machine.", no_args_is_help=True)


@app.command("kernels")
def _kernels(
    json: RowsFile = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    megapixels: Annotated[float, typer.Option(min=0.1, max=200, help="Image size.")] = 8.0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of ours and of the peer.")] = 1,
    repetitions: Annotated[int, typer.Option(min=1, help="Timed rounds of each side.")] = 7,
    only: Annotated[str, typer.Option(help="Rows whose name contains this.")] = "",
) -> None:
    """Time every operator against the best common way of doing the same."""
    from fastcolor.bench import cases, kernels, measure
    from fastcolor.bench.rows import Settings

    if device not in ("cpu", "cuda"):
        raise typer.BadParameter(f"--device must be cpu or cuda, not {device}")
    if threads > measure.cpu_count():
        raise typer.BadParameter(f"--threads: there are {measure.cpu_count()} processors here")
    names = [case.name for case in cases.cases() if device in case.devices]
    if not any(only in name for name in names):
        raise typer.BadParameter(f"--only: no row holds {only!r}; there are {', '.join(names)}")
    check_writable(json=json)
    kernels.show(kernels.run(Settings(device, megapixels, threads, repetitions, only)), json)


@app.command("archive")
def _archive(
    json: RowsFile = None,
    megapixels: Annotated[
        list[float] | None,
        typer.Option(min=0.01, max=200, help="Size of the pictures; repeatable; default 2, 12."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="About how long a job takes.")] = 8.0,
    jobs: Annotated[
        int | None, typer.Option(min=0, help="Pictures worked on at once; default: CPUs.")
    ] = None,
    engine: Annotated[str, typer.Option(help="What runs the model.")] = "auto",
) -> None:
    """Time whole jobs against their steps measured alone, and against a usual loop."""
    from fastcolor.bench import archive

    _interrupt.unwind()
    check_writable(json=json)
    archive.show(archive.measure_all(megapixels or [2.0, 12.0], seconds, jobs, engine), json)
