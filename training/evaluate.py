"""Score colourisers against the truth and against two baselines.

    python -m training.evaluate MODEL... --sets photos,urban,paintings

MODEL is an exported .onnx file or a training checkpoint, `NAME=FILE` to call it NAME.
Rows are merged into training/RESULTS.json, from which training/RESULTS.md is written;
with --limit nothing is written unless --out says where.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

from . import paths
from .color import grey_to_lightness, lightness_to_grey, rgb_to_lightness, rgb_to_luma
from .evaluation import report
from .evaluation.measure import Record, Truth, compare, quantise, render, summarise
from .evaluation.predictors import Grey, MeanColour, Network, Predictor, from_onnx
from .evaluation.sets import locate, pictures
from .metrics.perceptual import Lpips, lpips_or_none

GREYS = {
    "lstar": lambda rgb: lightness_to_grey(rgb_to_lightness(rgb)),
    "luma": rgb_to_luma,
}


@dataclass(frozen=True)
class Settings:
    sets: tuple[str, ...] = ("photos", "urban", "paintings")
    greys: tuple[str, ...] = ("lstar", "luma")
    saturations: tuple[float, ...] = (1.0,)
    limit: int = 0
    long_side: int = 0
    own_rgb: bool = False
    data: Path | None = None


@dataclass
class Column:
    """One predictor with one grey and one saturation on one set."""

    predictor: Predictor
    grey: str
    saturation: float
    records: list[Record] = field(default_factory=list)


def load(model: str, size: int, threads: int, attributes: dict[str, float]) -> Network:
    """`NAME=FILE` or `FILE`, then called by the file's stem."""
    name, _, file = model.rpartition("=")
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"no such model: {path}")
    name = name or path.stem
    if path.suffix == ".onnx":
        return from_onnx(path, name, size, threads)
    from .evaluation.checkpoints import from_checkpoint

    return from_checkpoint(path, name, size, attributes)


def evaluate_set(
    name: str,
    predictors: Sequence[Predictor],
    settings: Settings,
    lpips: dict[str, Lpips],
    progress: bool = True,
) -> list[dict[str, object]]:
    """Result rows of every predictor on one set; baselines have one saturation."""
    columns = [
        Column(predictor, grey, saturation)
        for predictor in predictors
        for grey in settings.greys
        for saturation in (settings.saturations if isinstance(predictor, Network) else (1.0,))
    ]
    count = 0
    path = locate(name, settings.data)
    with torch.inference_mode():
        for picture in pictures(path, settings.limit, settings.long_side):
            truth = Truth(picture.rgb, lpips)
            count += 1
            for grey in settings.greys:
                lightness = grey_to_lightness(quantise(GREYS[grey](picture.rgb)))
                _fill([c for c in columns if c.grey == grey], lightness, truth, settings)
            if progress and count % 25 == 0:
                print(f"{name}: {count} pictures", file=sys.stderr, flush=True)
    return [_row(name, column, settings, count) for column in columns]


def _fill(
    columns: Iterable[Column],
    lightness: torch.Tensor,
    truth: Truth,
    settings: Settings,
) -> None:
    done: dict[int, object] = {}
    for column in columns:
        key = id(column.predictor)
        if key not in done:
            done[key] = column.predictor.predict(lightness)
        picture = render(lightness, done[key], column.saturation, settings.own_rgb)  # type: ignore[arg-type]
        column.records.append(compare(picture, truth))


def _row(name: str, column: Column, settings: Settings, count: int) -> dict[str, object]:
    milliseconds = column.predictor.milliseconds()
    return {
        "model": column.predictor.name,
        "set": name,
        "grey": column.grey,
        "saturation": column.saturation,
        "long_side": settings.long_side,
        "own_rgb": settings.own_rgb,
        "pictures": count,
        "parameters": column.predictor.parameters,
        "milliseconds": milliseconds and round(milliseconds, 2),
        "working_size": getattr(column.predictor, "working_size", None),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "metrics": summarise(column.records),
    }


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


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="training.evaluate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--sets", default="photos,urban,paintings", help="names, folders or tars")
    parser.add_argument("--grey", default="lstar,luma", help="how grey is made: lstar, luma")
    parser.add_argument("--saturation", default="1", help="factors on a, b: a row for each")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=NUMBER",
        help="an attribute of a checkpoint's network, such as temperature=0.4",
    )
    parser.add_argument("--size", type=int, default=0, help="working size; 0: what the model says")
    parser.add_argument("--long-side", type=int, default=0, help="shrink pictures first; 0: never")
    parser.add_argument("--limit", type=int, default=0, help="only so many, evenly spaced")
    parser.add_argument("--own-rgb", action="store_true", help="a restorer's own luma is kept")
    parser.add_argument("--no-lpips", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None, help="RESULTS.json to merge rows into")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    settings = Settings(
        sets=tuple(args.sets.split(",")),
        greys=tuple(args.grey.split(",")),
        saturations=tuple(float(value) for value in args.saturation.split(",")),
        limit=args.limit,
        long_side=args.long_side,
        own_rgb=args.own_rgb,
        data=args.data,
    )
    attributes = {key: float(value) for key, value in (text.split("=") for text in args.set)}
    predictors: list[Predictor] = [Grey(), MeanColour()]
    predictors += [load(model, args.size, args.threads, attributes) for model in args.models]
    lpips = {} if args.no_lpips else available_lpips(args.weights)
    out = args.out or (None if args.limit else paths.ROOT / "training" / "RESULTS.json")
    for name in settings.sets:
        rows = evaluate_set(name, predictors, settings, lpips)
        print(report.table(rows))
        if out:
            report.merge(out, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
