"""The command line: arguments in, exit code out.

One handler turns exceptions into a sentence on stderr and an exit code (fastcolor.errors);
FASTCOLOR_DEBUG=1 lets the traceback through.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from fastcolor.errors import FastcolorError, StartError, exit_code_of

app = typer.Typer(
    name="fastcolor",
    help="Gives colour and resolution back to old photographs and film.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_bench = typer.Typer(help="Measure this machine.", no_args_is_help=True)
app.add_typer(_bench, name="bench")


def version() -> str:
    try:
        return metadata.version("fastcolor")
    except metadata.PackageNotFoundError:  # run from a build folder
        from fastcolor import build_info

        return str(build_info()["version"])


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fastcolor {version()}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version)
    ] = False,
) -> None:
    """Gives colour and resolution back to old photographs and film."""


@app.command("doctor")
def _doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what works here, and for each thing that is missing how to install it."""
    from fastcolor.cli import doctor

    doctor.show(doctor.report(version()), as_json=json)


@app.command("demo")
def _demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pictures.")] = Path(
        "fastcolor-demo"
    ),
    image: Annotated[
        Path | None, typer.Option("--image", "-i", help="A colour photograph of your own.")
    ] = None,
) -> None:
    """Run the operators on a photograph and write pictures to look at."""
    from fastcolor.cli import demo

    demo.run(output, image)


@_bench.command("kernels")
def _kernels(
    json: Annotated[Path | None, typer.Option("--json", help="Write the rows here too.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    megapixels: Annotated[float, typer.Option(min=0.01, max=200, help="Image size.")] = 8.0,
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
    if json is not None:  # before minutes of work, not after them
        json.parent.mkdir(parents=True, exist_ok=True)
        json.touch()
    kernels.show(kernels.run(Settings(device, megapixels, threads, repetitions, only)), json)


def main() -> None:
    """The `fastcolor` command; ends the process."""
    try:
        try:
            from fastcolor import _core  # noqa: F401
        except ImportError as error:
            raise StartError(str(error)) from error
        app()
    except Exception as error:
        if os.environ.get("FASTCOLOR_DEBUG"):
            raise
        foreseen = isinstance(error, (FastcolorError, ValueError, TypeError, OSError))
        kind = "" if foreseen else f"unexpected {type(error).__name__}: "
        sentence = " ".join(str(error).split())
        sys.stderr.write(f"fastcolor: error: {kind}{sentence}\n")
        sys.exit(exit_code_of(error))
