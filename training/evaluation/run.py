"""Predictors over a set of pictures: rows of results."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import paths
from ..color import grey_to_lightness, lightness_to_grey, rgb_to_lightness, rgb_to_luma
from ..data.sources import state
from ..metrics.perceptual import Fid, Lpips
from . import given, measure
from .measure import SMALLEST, Record, Truth, compare, quantise, render, summarise
from .predictors import MEAN_COLOUR, Grey, MeanColour, Network, Prediction, Predictor
from .sets import locate, pictures

GREYS: dict[str, Callable[[Tensor], Tensor]] = {
    "lstar": lambda rgb: lightness_to_grey(rgb_to_lightness(rgb)),
    "luma": rgb_to_luma,
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    greys: tuple[str, ...] = ("lstar", "luma")
    saturations: tuple[float, ...] = ()
    """None: what each model says."""
    limit: int = 0
    long_side: int = 0
    own_rgb: bool = False
    merge: str = "torch"
    data: Path | None = None
    fid_trunk: Path | None = None


@dataclass
class Column:
    """One predictor with one grey and one saturation on one set."""

    predictor: Predictor
    grey: str
    saturation: float
    fid: Fid | None
    records: list[Record] = field(default_factory=list)


def merge_with_fastcolor(lightness: Tensor, prediction: Prediction, saturation: float) -> Tensor:
    """The picture as the package's own merge makes it from the small chroma."""
    from fastcolor import ops

    if prediction.small is None:
        return render(lightness, prediction, saturation)
    grey = (lightness_to_grey(lightness)[0] * 255).round().byte().numpy()
    rgb = ops.merge_rgb(grey, (prediction.small * saturation).contiguous().numpy())
    return torch.from_numpy(rgb).permute(2, 0, 1).float() / 255


def _columns(predictors: Sequence[Predictor], settings: Settings) -> list[Column]:
    found = []
    for predictor in predictors:
        chosen: tuple[float, ...] = (1.0,)
        if isinstance(predictor, Network):
            chosen = settings.saturations or (predictor.saturation,)
        for grey in settings.greys:
            for saturation in chosen:
                fid = Fid(settings.fid_trunk) if settings.fid_trunk else None
                found.append(Column(predictor, grey, saturation, fid))
    return found


def evaluate_set(
    name: str, predictors: Sequence[Predictor], settings: Settings, lpips: Mapping[str, Lpips]
) -> list[Row]:
    """Result rows of every predictor on one set."""
    columns = _columns(predictors, settings)
    count = 0
    with torch.inference_mode():
        source = pictures(locate(name, settings.data), settings.limit, settings.long_side)
        for picture in given.large_enough(source, SMALLEST):
            truth = Truth(picture.rgb, lpips)
            count += 1
            for grey in settings.greys:
                lightness = grey_to_lightness(quantise(GREYS[grey](picture.rgb)))
                _fill([c for c in columns if c.grey == grey], lightness, truth, settings)
            if count % 25 == 0:
                print(f"{name}: {count} pictures", file=sys.stderr, flush=True)
    return [_row(name, column, settings, count) for column in columns]


def _fill(columns: Iterable[Column], lightness: Tensor, truth: Truth, settings: Settings) -> None:
    done: dict[int, Prediction] = {}
    for column in columns:
        key = id(column.predictor)
        if key not in done:
            done[key] = column.predictor.predict(lightness)
        if settings.merge == "fastcolor" and not settings.own_rgb:
            picture = merge_with_fastcolor(lightness, done[key], column.saturation)
        else:
            picture = render(lightness, done[key], column.saturation, settings.own_rgb)
        column.records.append(compare(picture, truth))
        if column.fid:
            column.fid.update(picture, truth.rgb)


def _settings(network: Network, settings: Settings) -> Row:
    """What report.SETTINGS names, and what the model states about itself."""
    return {
        "own_rgb": settings.own_rgb and network.kind == "restorer",
        "upsample": network.upsample,
        "merge": "torch" if settings.own_rgb else settings.merge,
        "attributes": network.attributes,
        "stated": network.stated,
    }


def _row(name: str, column: Column, settings: Settings, count: int) -> Row:
    network = column.predictor if isinstance(column.predictor, Network) else None
    milliseconds = column.predictor.milliseconds()
    metrics = summarise(column.records)
    if column.fid and count > 1:
        metrics["fid"] = {"mean": column.fid.compute()}
    return {
        "model": column.predictor.name,
        "set": name,
        "grey": column.grey,
        "saturation": column.saturation,
        "long_side": settings.long_side,
        "pictures": count,
        "parameters": column.predictor.parameters,
        "milliseconds": milliseconds and round(milliseconds, 2),
        "working_size": network and network.working_size,
        **(_settings(network, settings) if network else {}),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "metrics": metrics,
    }


def baselines(name: str, settings: Settings, lpips: Mapping[str, Lpips]) -> list[Row]:
    """Grey and mean colour; kept below .cache/ because they never change for a set."""
    sources = [
        Path(measure.__file__),
        MEAN_COLOUR,
        *sorted((paths.ROOT / "training/metrics").glob("*.py")),
    ]
    alike = replace(settings, saturations=())  # which say nothing of these two
    key = repr((name, state(locate(name, settings.data)), alike, sorted(lpips))).encode()
    digest = hashlib.sha256(key + b"".join(path.read_bytes() for path in sources))
    kept = paths.ROOT / ".cache" / "evaluate" / f"{digest.hexdigest()[:24]}.json"
    if kept.is_file():
        rows: list[Row] = json.loads(kept.read_text())
        return rows
    rows = evaluate_set(name, [Grey(), MeanColour()], settings, lpips)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".part")
    partial.write_text(json.dumps(rows))
    partial.replace(kept)
    return rows
