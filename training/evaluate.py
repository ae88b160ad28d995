"""Score colourisers against the truth and against two baselines.

    python -m training.evaluate MODEL... --sets photos,urban,paintings

MODEL is an exported .onnx file or a training checkpoint, `NAME=FILE` to call it NAME.
Rows are merged into training/RESULTS.json, from which training/RESULTS.md is written;
with --limit nothing is written unless --out says where. --sheets DIR also writes contact
sheets of the historical pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from . import paths
from .evaluation import behaviour, given, report
from .evaluation.measure import SMALLEST
from .evaluation.predictors import Network
from .evaluation.run import GREYS, Settings, baselines, evaluate_set
from .evaluation.sets import locate, pictures
from .evaluation.sheets import contact_sheet
from .evaluation.upsample import MODES
from .export import numbers
from .metrics.perceptual import Lpips, lpips_or_none

CALM_PICTURES = 12


def available_lpips(weights: Path | None) -> dict[str, Lpips]:
    """The LPIPS columns that local files allow; what is missing is said once."""
    found: dict[str, Lpips] = {}
    for net, column in (("squeeze", "lpips"), ("alex", "lpips_alex")):
        metric, reason = lpips_or_none(net, weights)
        if metric:
            found[column] = metric
        else:
            print(f"left out: {reason}", file=sys.stderr)
    return found


def judge_without_truth(network: Network, args: argparse.Namespace) -> dict[str, float]:
    """Calm and flat greys, on a few pictures of the first set."""
    source = pictures(locate(args.sets.split(",")[0], args.data), CALM_PICTURES, 512)
    greys = [GREYS["lstar"](p.rgb) for p in given.large_enough(source, SMALLEST)]
    with torch.inference_mode():
        return behaviour.behaviour(network, greys)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="training.evaluate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL")
    add("--sets", default="photos,urban,paintings", help="names, folders or tars")
    add("--grey", default="lstar,luma", help="how grey is made: lstar, luma or both")
    add("--saturation", default="", help="factors on a, b, a row for each; default: the model's")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=NUMBER",
        help="an attribute of a checkpoint's network, such as temperature=0.4",
    )
    add("--size", type=int, default=0, help="working size; 0: what the model says")
    add("--upsample", choices=MODES, default="guided", help="how chroma reaches full size")
    add(
        "--merge",
        choices=("torch", "fastcolor"),
        default="torch",
        help="fastcolor: by the installed package's own operator",
    )
    add("--long-side", type=int, default=0, help="shrink pictures first; 0: never")
    add("--limit", type=int, default=0, help="only so many, evenly spaced")
    add("--own-rgb", action="store_true", help="keep a restorer's own luma too")
    add("--no-lpips", action="store_true")
    add("--no-behaviour", action="store_true", help="leave out calm and flat greys")
    add("--fid-trunk", type=Path, default=None, help="TorchScript file, uint8 pictures -> features")
    add("--sheets", type=Path, default=None, metavar="DIR", help="write contact sheets there")
    add("--sheet-set", default="historical")
    add("--sheet-pictures", type=int, default=24)
    add("--threads", type=int, default=0)
    add("--data", type=Path, default=None)
    add("--weights", type=Path, default=None)
    add("--out", type=Path, default=None, help="RESULTS.json to merge rows into")
    return parser.parse_args(argv)


def check(args: argparse.Namespace, out: Path | None) -> list[Network]:
    """The networks; ValueError or OSError where anything that is named is wrong."""
    for name in ("size", "long_side", "limit", "sheet_pictures"):
        given.not_negative(name, getattr(args, name))
    for grey in args.grey.split(","):
        if grey not in GREYS:
            raise ValueError(f"--grey {grey!r}: known are {', '.join(GREYS)}")
    for name in args.sets.split(","):
        given.picture_set(name, args.data)
    attributes = numbers(args.set)
    networks = [given.network(m, args.size, args.threads, attributes) for m in args.models]
    for network in networks:
        if network.kind == "upscaler":
            raise ValueError(f"{network.name} is an upscaler: training.evaluate_sr scores it")
    if args.sheets:
        given.picture_set(args.sheet_set, args.data)
        given.writable(args.sheets / "sheet.png")
    if out:
        given.results(out)
    return networks


def run(args: argparse.Namespace) -> None:
    out = args.out or (None if args.limit else paths.ROOT / "training" / "RESULTS.json")
    networks = check(args, out)
    settings = Settings(
        greys=tuple(args.grey.split(",")),
        saturations=tuple(float(value) for value in args.saturation.split(",") if value),
        limit=args.limit,
        long_side=args.long_side,
        own_rgb=args.own_rgb,
        merge=args.merge,
        data=args.data,
        fid_trunk=args.fid_trunk,
    )
    for network in networks:
        network.upsample = args.upsample
        if args.sheets:
            shown = pictures(locate(args.sheet_set, args.data), args.sheet_pictures, 640)
            factor = settings.saturations[0] if settings.saturations else network.saturation
            contact_sheet(network, shown, args.sheets / f"{network.name}.png", factor)
        if not args.no_behaviour:
            found = judge_without_truth(network, args)
            print(network.name, *(f"{key} {value:.2f}" for key, value in found.items()))
            if out:
                report.merge_behaviour(out, network.name, found)
    lpips = {} if args.no_lpips else available_lpips(args.weights)
    for name in args.sets.split(","):
        rows = baselines(name, settings, lpips) + evaluate_set(name, networks, settings, lpips)
        print(report.table(rows), flush=True)
        if out:
            report.merge(out, rows)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        run(args)
    except (OSError, ValueError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
