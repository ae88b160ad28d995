"""The command line: arguments in, exit code out.

One handler turns exceptions into a sentence on stderr and an exit code (fastcolor.errors);
FASTCOLOR_DEBUG=1 lets the traceback through.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Annotated, TextIO

import typer

from fastcolor import _interrupt
from fastcolor.cli import bench, engines
from fastcolor.cli.arguments import path
from fastcolor.errors import INTERRUPTED, FastcolorError, StartError, exit_code_of

app = typer.Typer(
    name="fastcolor",
    help="Gives colour and resolution back to old photographs and film.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def version() -> str:
    try:
        return metadata.version("fastcolor")
    except metadata.PackageNotFoundError:  # run from a build folder
        from fastcolor import __version__

        return __version__


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
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", parser=path, metavar="PATH", help="Folder for the pictures."
        ),
    ] = Path("fastcolor-demo"),
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", "-i", parser=path, metavar="PATH", help="A photograph of your own instead."
        ),
    ] = None,
    operators: Annotated[
        bool, typer.Option("--operators", help="Show the operators on a colour photograph.")
    ] = False,
) -> None:
    """Colour the bundled photographs and write pictures to look at."""
    from fastcolor.cli import demo

    (demo.operators if operators else demo.colour)(output, image)


@app.command("colorize")
def _colorize(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders, .zip/.cbz, .tar(.gz/.bz2/.xz/.zst); - for a list on stdin.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            parser=path,
            metavar="PATH",
            help="Folder, .zip or .tar; for one picture also a file.",
        ),
    ],
    settings: Annotated[
        Path | None,
        typer.Option(
            parser=path,
            metavar="PATH",
            help="TOML file with options of these names, but --restart.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name or ONNX file; default fast.")] = None,
    engine: Annotated[str | None, typer.Option(help="What runs the model; default auto.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; default auto.")] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Short side in pixels that the network sees; default the model's own."),
    ] = None,
    chroma: Annotated[
        str | None, typer.Option(help="guided, bicubic or bilinear; default guided.")
    ] = None,
    saturation: Annotated[
        float | None, typer.Option(help="Factor on the colours, 0 to 10; default the model's own.")
    ] = None,
    contrast: Annotated[str | None, typer.Option(help="none or clahe; default none.")] = None,
    format: Annotated[
        str | None, typer.Option(help="same, jpg, png, tiff or webp; default same.")
    ] = None,
    quality: Annotated[
        int | None, typer.Option(help="Of JPEG and WebP, 1 to 100; default 90.")
    ] = None,
    subsampling: Annotated[
        str | None, typer.Option(help="Of the chroma of JPEG: 420 or 444; default 420.")
    ] = None,
    lossless_luma: Annotated[
        str | None,
        typer.Option(help="Keep the luma scans of JPEG: auto, always, never; default auto."),
    ] = None,
    provenance: Annotated[
        bool | None, typer.Option(help="Write into XMP that a model made the colours; default yes.")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            help="Least damage that fails: none, truncated, error, warning; default error."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            help="Pictures worked on at once; 0: one, without threads; default: CPUs.",
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Pictures that go to a GPU together; default 8.")
    ] = None,
    decode: Annotated[
        str | None,
        typer.Option(
            help="Of grey JPEGs whose luma is kept: cpu, or gpu (nvImageCodec: other last bits, "
            "damage may pass); default cpu."
        ),
    ] = None,
    force: Annotated[
        bool | None,
        typer.Option(
            "--force/--no-force", help="Colour what is in colour; replace others' outputs."
        ),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Make everything anew.")] = False,
    max_pixels: Annotated[
        int | None, typer.Option(help="Of a picture, 0: any; default 10^9.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Of a decoded picture, 0: any; default 2^32.")
    ] = None,
    max_pages: Annotated[int | None, typer.Option(help="Of a file, 0: any; default 10000.")] = None,
    max_scans: Annotated[
        int | None, typer.Option(help="Of a progressive JPEG, 0: any; default 200.")
    ] = None,
    max_file: Annotated[
        int | None, typer.Option(help="Bytes of a file or member, 0: any; default 2^32.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="PATH", help="Write an HTML page about the job."),
    ] = None,
    json_log: Annotated[
        bool | None, typer.Option("--json-log/--no-json-log", help="Log JSON lines to stdout.")
    ] = None,
    quiet: Annotated[
        bool | None, typer.Option("--quiet/--no-quiet", "-q", help="Say only what failed.")
    ] = None,
) -> None:
    """Give colour to pictures, folders and archives. Interrupted, the same command goes on."""
    from fastcolor.cli.colorize import colorize

    apart = ("inputs", "output", "settings", "restart")
    given = {k: v for k, v in context.params.items() if k not in apart and v is not None}
    raise typer.Exit(colorize(inputs, output, settings, given, restart=restart))


@app.command("revert")
def _revert(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Files, folders, .zip and .tar; - for a list on stdin."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            parser=path,
            metavar="PATH",
            help="Folder, .zip or .tar; for one picture also a .jpg.",
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    max_file: Annotated[int, typer.Option(min=0, help="Bytes of a file; 0: any.")] = 1 << 32,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what failed.")] = False,
) -> None:
    """Restore the grey JPEG files that colorize joined chroma to, byte for byte."""
    from fastcolor.cli.revert import revert

    _interrupt.unwind()
    raise typer.Exit(revert(inputs, output, max_file=max_file, force=force, quiet=quiet))


app.add_typer(bench.app, name="bench")
engines.register(app, bench.app)


def _hold_standard_files() -> None:
    """Where they were closed, files that are opened later would get what is written to them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this
            setattr(sys, name, os.fdopen(opened, "w" if number else "r", closefd=False))


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Warnings of this package are for users, who do not want its lines of code."""
    text = f"fastcolor: warning: {' '.join(str(message).split())}\n"
    if not category.__module__.startswith("fastcolor"):
        text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)


def main() -> None:
    """Ends the process."""
    _hold_standard_files()
    warnings.showwarning = _tell
    try:
        try:
            from fastcolor import _core  # noqa: F401
        except ImportError as error:
            raise StartError(str(error)) from error
        app()
    except KeyboardInterrupt:  # which _interrupt has said
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("FASTCOLOR_DEBUG"):
            raise
        foreseen = isinstance(error, (FastcolorError, ValueError, TypeError, OSError))
        kind = "" if foreseen else f"unexpected {type(error).__name__}: "
        text = str(error)
        if isinstance(error, OSError) and error.strerror and error.filename:
            text = f"{error.filename}: {error.strerror}"
        elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
            text = f"standard output cannot be written: {error.strerror}"
        sentence = " ".join(text.split())
        sys.stderr.write(f"fastcolor: error: {kind}{sentence}\n")
        sys.exit(exit_code_of(error))
