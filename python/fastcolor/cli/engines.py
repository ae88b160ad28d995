"""fastcolor engines, compile, cache and bench engines."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from fastcolor import _interrupt
from fastcolor.cli.arguments import RowsFile, check_writable, path
from fastcolor.errors import INTERRUPTED

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer, bench: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    cache = typer.Typer(help="Compiled engines that are kept on disk.", no_args_is_help=True)
    app.command("engines")(show_engines)
    app.command("compile")(compile_model)
    app.command("describe")(describe_model)
    app.add_typer(cache, name="cache")
    cache.command("list")(list_cache)
    cache.command("clear")(clear_cache)
    bench.command("engines")(bench_engines)


def report(model: str) -> dict[str, Any]:
    """Every engine on every device that it serves, and what "auto" would take for the model."""
    from fastcolor.engines import DEVICES, KINDS, _ranking, choose, problem_of
    from fastcolor.errors import FastcolorError
    from fastcolor.models import load_spec

    spec = load_spec(model)
    rows = []
    for device in DEVICES:
        for kind in KINDS.values():
            if device not in kind.devices:
                continue
            problem = problem_of(kind, device)
            rows.append(
                {
                    "engine": kind.name,
                    "device": device,
                    "version": None if problem else kind.version(),
                    "precisions": [] if problem else list(kind.precisions(device)),
                    "problem": problem or "",
                }
            )
    auto: dict[str, Any]
    try:
        kind, device, precision, why = choose(spec)
        auto = {"engine": kind.name, "device": device, "precision": precision, "why": why}
        auto["measured"] = _ranking.recall(spec) is not None
    except FastcolorError as error:
        auto = {"problem": str(error)}
    errors = {name: list(pair) for name, pair in spec.colour_errors.items()}
    return {"engines": rows, "auto": auto, "model": spec.name, "colour_errors": errors}


def show_engines(
    model: Annotated[str, typer.Option(help="A shipped name, or a path.")] = "fast",
    json_: Json = False,
) -> None:
    """List the engines: what works here, and what each of the others lacks."""
    found = report(model)
    if json_:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for row in found["engines"]:
        state = f"{row['version']}, {' '.join(row['precisions'])}"
        print(f"{row['device']:<5} {row['engine']:<21} {row['problem'] or state}")
    auto = found["auto"]
    if "problem" in auto:
        print(f"auto: {auto['problem']}")
        return
    print(
        f"auto takes {auto['engine']} on {auto['device']} in {auto['precision']} "
        f"for {found['model']}: {auto['why']}"
    )
    if not auto["measured"]:
        print("not measured on this machine: `fastcolor bench engines --remember` does that")
    for precision, (mean, tail) in found["colour_errors"].items():
        print(f"{precision} differs from fp32 by CIEDE2000: mean {mean:.3f}, 99.9% {tail:.2f}")


def compile_model(
    model: Annotated[str, typer.Argument(help="A shipped name, or a path.")] = "fast",
    engine: Annotated[str, typer.Option(help="See `fastcolor engines`.")] = "auto",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, fp16, bf16, int8 or auto.")] = "auto",
    max_batch: Annotated[
        int, typer.Option(min=0, max=128, help="Largest batch that TensorRT builds for.")
    ] = 0,
) -> None:
    """Build the engine of a model now, so that the first picture need not wait for it."""
    from fastcolor.engines import _cache, open_engine, trt

    if max_batch and max_batch not in trt.BATCHES:
        known = ", ".join(map(str, sorted(trt.BATCHES)))
        raise typer.BadParameter(f"--max-batch must be one of {known}, not {max_batch}")
    _interrupt.unwind()
    before = {(entry.path, entry.modified) for entry in _cache.entries()}
    start = time.perf_counter()
    with open_engine(model, engine, device, precision, max_batch=max_batch) as opened:
        print(f"{opened.choice} ({time.perf_counter() - start:.1f} s)")
    made = [e for e in _cache.entries() if (e.path, e.modified) not in before]
    for entry in made:
        print(f"{entry.path}  ({entry.size / 1e6:.1f} MB)")
    if made:
        return
    if opened.name not in (trt.NAME, "openvino"):
        print(f"{opened.name} has nothing to keep")
        return
    wanted = (opened.name, opened.spec.network_sha256, opened.precision)
    parts = ("engine", "network", "precision")
    if not any(tuple(map(entry.key.get, parts)) == wanted for entry in _cache.entries()):
        raise OSError(f"the engine could not be kept in {_cache.folder()}")
    print("it was in the cache")


def describe_model(
    model: Annotated[Path, typer.Argument(help="An ONNX file of another program.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the model.")],
    name: Annotated[str, typer.Option(help="Default: that of the file.")] = "",
    working_size: Annotated[
        int, typer.Option(min=0, help="Short side that it sees best; 0: the picture's own.")
    ] = 256,
    saturation: Annotated[float, typer.Option(help="Default factor on the colours.")] = 1.0,
    licence: Annotated[str, typer.Option(help="Of the weights.")] = "unknown",
    card: Annotated[str, typer.Option(help="Name or address of its model card.")] = "",
) -> None:
    """Write the metadata that a colouriser of your own needs, so that every command takes it.

    The network takes luma (N,1,h,w) float32 as L*/50 - 1 and gives a, b (N,2,h/k,w/k) divided by
    110, for all sizes that are multiples of some step. Step and k are found by running it.
    """
    from fastcolor.describe import describe

    spec = describe(model, output, name, working_size, saturation, licence, card)
    print(
        f"{output}: {spec.name}, sides of multiples of {spec.multiple_of}, chroma at 1/"
        f"{spec.chroma_divisor}, {spec.parameters:,} parameters, {spec.precision}"
    )


def list_cache(json_: Json = False) -> None:
    """List the compiled engines that are kept."""
    from fastcolor.engines import _cache

    entries = _cache.entries()
    if json_:
        rows = [
            {"path": str(e.path), "bytes": e.size, "modified": e.modified, "key": e.key}
            for e in entries
        ]
        sys.stdout.write(json.dumps({"folder": str(_cache.folder()), "engines": rows}, indent=2))
        sys.stdout.write("\n")
        return
    for entry in entries:
        key = entry.key
        what = " ".join(key.get(k, "") for k in ("engine", "version", "model", "precision", "gpu"))
        when = datetime.fromtimestamp(entry.modified).isoformat(" ", "minutes")
        state = " ".join(what.split()) if key else "damaged or foreign"
        print(f"{entry.size / 1e6:8.1f} MB  {when}  {state}  {entry.path.name}")
    total = sum(entry.size for entry in entries) / 1e6
    print(f"{len(entries)} engines, {total:.1f} MB in {_cache.folder()}")


def clear_cache() -> None:
    """Remove all compiled engines; they are built again when needed."""
    from fastcolor.engines import _cache

    count, size = _cache.clear()
    print(f"removed {count} engines, {size / 1e6:.1f} MB from {_cache.folder()}")


def numbers(text: str, name: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--{name} must be numbers and commas, not {text!r}") from error
    if not all(0 < number <= 4096 for number in found):
        raise typer.BadParameter(f"--{name} must be from 1 to 4096, not {text!r}")
    return list(dict.fromkeys(found))


def bench_engines(
    model: Annotated[str, typer.Option(help="A shipped name, or a path.")] = "fast",
    sizes: Annotated[str, typer.Option(help="Sides of square inputs.")] = "256,384,512",
    batches: Annotated[str, typer.Option(help="Pictures per run.")] = "1,8,32",
    repetitions: Annotated[int, typer.Option(min=1, help="Timed runs of each case.")] = 7,
    only: Annotated[str, typer.Option(help="Engines whose name contains this.")] = "",
    json_: RowsFile = None,
    html: Annotated[
        Path | None, typer.Option(parser=path, metavar="PATH", help="Write a page with charts.")
    ] = None,
    remember: Annotated[
        bool, typer.Option("--remember", help="Let auto take the fastest on this machine.")
    ] = False,
) -> None:
    """Time every engine on this machine, each verified against PyTorch before it is timed.

    Interrupted, it shows and writes what was measured until then.
    """
    from fastcolor.bench import engines, engines_show
    from fastcolor.engines import KINDS
    from fastcolor.models import load_spec

    if remember and only:
        raise typer.BadParameter("--remember compares all engines: leave --only out")
    spec = load_spec(model)
    sides = numbers(sizes, "sizes")
    if any(side % spec.multiple_of for side in sides):
        step = spec.multiple_of
        raise typer.BadParameter(f"--sizes must be multiples of {step} for {spec.name}: {sizes!r}")
    if not any(only in name for name in KINDS):
        raise typer.BadParameter(f"--only: none of {', '.join(KINDS)} holds {only!r}")
    check_writable(json=json_, html=html)
    settings = engines.Settings(model, sides, numbers(batches, "batches"), repetitions, only)
    _interrupt.unwind()
    result = engines.run(settings)
    engines_show.show(result, json_, html)
    if result["interrupted"]:  # what was measured until then was shown and written
        raise typer.Exit(INTERRUPTED)
    if remember:
        _remember(model, result)


def _remember(model: str, result: dict[str, Any]) -> None:
    from fastcolor.engines import _ranking
    from fastcolor.models import load_spec

    _ranking.remember(load_spec(model), result["rows"], result["date"][:10])
    auto = report(model)["auto"]
    print(f"auto takes {auto['engine']} on {auto['device']} in {auto['precision']}: {auto['why']}")
