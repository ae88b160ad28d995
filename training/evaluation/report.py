"""Rows of results as a Markdown table, and the file that collects them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import behaviour
from .measure import DEFINITIONS

Row = Mapping[str, Any]
KEY = ("model", "set", "grey", "saturation", "long_side", "pictures", "working_size")
SETTINGS: Row = {"own_rgb": False, "upsample": "guided", "merge": "torch", "attributes": {}}
"""What else changes the numbers of a row, and what counts where a row does not say."""
UPSCALER_KEY = ("upscaler", "scale", "set", "grey", "pictures")

WHOLE_PICTURES = """\
Restorers (A1-A3, E3) are measured by their chroma alone, with the input's own L* put back; what \
is published is of their whole pictures."""

COLUMNS = (
    ("ciede", "CIEDE2000", 2),
    ("ciede_p95", "p95", 1),
    ("lpips", "LPIPS", 3),
    ("lpips_alex", "LPIPS alex", 3),
    ("psnr", "PSNR", 2),
    ("psnr_pooled", "pooled", 2),
    ("ssim", "SSIM", 3),
    ("mae", "MAE", 4),
    ("mse", "MSE", 0),
    ("colour", "colourf.", 1),
    ("colour_error", "its error", 1),
    ("fid", "FID", 1),
)


def _settings(row: Row) -> dict[str, Any]:
    """Those settings of a row that are not the default."""
    return {k: row[k] for k, usual in SETTINGS.items() if row.get(k, usual) != usual}


def _key(row: Row) -> str:
    return json.dumps([[row.get(k) for k in KEY], _settings(row)], sort_keys=True)


def _title(row: Row, rows: Sequence[Row]) -> str:
    """The model, and what tells this row of its from the others."""
    sizes = {r.get("working_size") for r in rows if r["model"] == row["model"]}
    said = [f"size {row.get('working_size')}"] if len(sizes) > 1 else []
    for key, value in _settings(row).items():
        found = value.items() if key == "attributes" else [(key, value)]
        said += [name if v is True else f"{name} {v}" for name, v in found]
    return f"{row['model']} ({', '.join(said)})" if said else row["model"]


def _cell(row: Row, key: str, digits: int) -> str:
    value = row["metrics"].get(key)
    if value is None:
        return "-"
    text = f"{value['mean']:.{digits}f}"
    if key == "ciede" and "low" in value:
        text += f" ({value['low']:.{digits}f}-{value['high']:.{digits}f})"
    return text


def _ratio(row: Row, grey: Row | None, key: str) -> str:
    if grey is None or key not in row["metrics"] or not grey["metrics"].get(key, {}).get("mean"):
        return "-"
    return f"{row['metrics'][key]['mean'] / grey['metrics'][key]['mean']:.3f}"


def table(rows: Sequence[Row]) -> str:
    """One set: a line per row, ratios against the grey baseline of the same input."""
    shown = [c for c in COLUMNS if any(c[0] in row["metrics"] for row in rows)]
    head = ["model", "input", "sat.", *[c[1] for c in shown], "CIEDE/grey", "LPIPS/grey"]
    head += ["truth's colourf.", "cast a, b", "parameters", "ms"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        grey = next((r for r in rows if r["model"] == "grey" and r["grey"] == row["grey"]), None)
        metrics = row["metrics"]
        cells = [
            _title(row, rows),
            {"lstar": "L*", "luma": "Y'"}[row["grey"]],
            f"{row['saturation']:g}",
        ]
        cells += [_cell(row, key, digits) for key, _, digits in shown]
        cells += [_ratio(row, grey, "ciede"), _ratio(row, grey, "lpips")]
        cells.append(_cell(row, "colour_truth", 1))
        cells.append(f"{metrics['cast_a']['mean']:+.1f}, {metrics['cast_b']['mean']:+.1f}")
        milliseconds = row.get("milliseconds")
        cells += [f"{row['parameters']:,}", "-" if milliseconds is None else f"{milliseconds:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def read(path: Path) -> dict[str, Any]:
    if path.is_file():
        loaded: dict[str, Any] = json.loads(path.read_text())
        return loaded
    return {"definitions": DEFINITIONS, "rows": []}


def merge(path: Path, rows: Sequence[Row]) -> None:
    """Replace rows of the same key, keep the others, write the JSON and the Markdown."""
    results = read(path)
    fresh = {_key(row) for row in rows}
    kept = [r for r in results["rows"] if _key(r) not in fresh]
    results["definitions"] = DEFINITIONS
    results["rows"] = sorted(
        [*kept, *rows], key=lambda r: (r["set"], r["long_side"], r["pictures"])
    )
    write(path, results)


def merge_upscalers(path: Path, rows: Sequence[Row]) -> None:
    """The same for rows of training.evaluate_sr."""
    results = read(path)
    fresh = {tuple(row[k] for k in UPSCALER_KEY) for row in rows}
    kept = [
        r for r in results.get("upscalers", []) if tuple(r[k] for k in UPSCALER_KEY) not in fresh
    ]
    results["upscalers"] = [*kept, *rows]
    write(path, results)


def merge_behaviour(path: Path, model: str, found: Mapping[str, float]) -> None:
    """Keep the measures without a truth of one model beside the rows."""
    results = read(path)
    rounded = {key: round(value, 3) for key, value in found.items()}
    results.setdefault("behaviour", {})[model] = rounded
    write(path, results)


def write(path: Path, results: Mapping[str, Any]) -> None:
    """The JSON, and the Markdown beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    _replace(path.with_suffix(".md"), markdown(results))


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text)
    os.replace(temporary, path)


def _published(figures: Mapping[str, Any]) -> str:
    if not figures:
        return "-"
    parts = [f"{key.upper()} {value:g}" for key, value in figures.items() if key != "on"]
    return f"{', '.join(parts)} ({figures['on']})"


def _upscaled(results: Mapping[str, Any], name: str) -> str | None:
    """One upscaler beside bicubic on the same pictures; None where it was not measured."""
    rows = results.get("upscalers", [])
    row = max((r for r in rows if r["upscaler"] == name), key=lambda r: r["pictures"], default=None)
    if row is None:
        return None
    text = f"x{row['scale']} on {row['set']}: {row['psnr']['mean']:.1f} dB, SSIM {row['ssim']:.2f}"
    for other in rows:
        if all(other[k] == ("bicubic" if k == "upscaler" else row[k]) for k in UPSCALER_KEY):
            text += f" (bicubic {other['psnr']['mean']:.1f} dB, {other['ssim']:.2f})"
    return text


def systems(results: Mapping[str, Any]) -> list[str]:
    """The table of systems: ours measured on photos from L*, theirs as published.

    An upscaler has its own set and no colour, so that PSNR is all that it fills.
    """
    grey = {r["pictures"]: r for r in results["rows"] if r["model"] == "grey" and _plain(r)}
    head = ["system", "weights start from", "budget", "CIEDE2000 / grey", "LPIPS / grey", "PSNR"]
    head += ["SSIM", "colourfulness", "published, on other data"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for entry in results["table"]:
        row = _usual(results["rows"], entry["name"])
        large = _upscaled(results, entry["name"])
        elsewhere = "its own recipe" if row or large else "not trained yet"
        cells = [entry["title"], entry["start"], entry["budget"] or elsewhere]
        if row is None:
            cells += ["-", "-", large or "-", "-", "-"]
        else:
            ratio = _ratio(row, grey.get(row["pictures"]), "ciede")
            worse = ratio != "-" and float(ratio) >= 1
            cells += [
                f"{ratio} (no better than grey)" if worse else ratio,
                _ratio(row, grey.get(row["pictures"]), "lpips"),
                *(_cell(row, key, digits) for key, digits in (("psnr", 2), ("ssim", 3))),
                f"{_cell(row, 'colour', 1)} of {_cell(row, 'colour_truth', 1)}",
            ]
        lines.append("| " + " | ".join([*cells, _published(entry["published"])]) + " |")
    noted = [entry for entry in results["table"] if entry.get("note")]
    notes = [f"- {entry['title']}: {entry['note']}" for entry in noted]
    return [*lines, "", *notes] if notes else lines


def _plain(row: Row) -> bool:
    return row["set"] == "photos" and row["grey"] == "lstar" and not row["long_side"]


def _usual(rows: Sequence[Row], model: str) -> Row | None:
    """The row of most pictures that is of the model as it is, or else the first of its rows."""
    found = [r for r in rows if r["model"] == model and _plain(r) and not _settings(r)]
    if not found:
        return None

    def changed(row: Row) -> int:
        return sum(row.get(key) != own for key, own in row.get("stated", {}).items())

    return min(found, key=lambda row: (-row["pictures"], changed(row)))


def markdown(results: Mapping[str, Any]) -> str:
    """The whole RESULTS.md."""
    out = ["# Results", "", "Written by `python -m training.evaluate`; do not edit by hand.", ""]
    if results.get("table"):
        out += ["## Systems, on photos with grey from L*", "", WHOLE_PICTURES, ""]
        out += [*systems(results), ""]
    groups: dict[tuple[str, int, int], list[Row]] = {}
    for row in results["rows"]:
        groups.setdefault((row["set"], row["pictures"], row["long_side"]), []).append(row)
    for (name, count, long_side), rows in groups.items():
        size = f"long side at most {long_side}" if long_side else "original size"
        out += [f"## {name}: {count} pictures, {size}", "", table(rows), ""]
    if results.get("behaviour"):
        keys = list(behaviour.DEFINITIONS)
        out += ["## Calm and flat greys", "", "| model | " + " | ".join(keys) + " |"]
        out.append("|" + " --- |" * (len(keys) + 1))
        for model, found in results["behaviour"].items():
            out.append(f"| {model} | " + " | ".join(f"{found[key]:.2f}" for key in keys) + " |")
        out.append("")
    out += ["## Definitions", ""]
    out += [f"- `{key}`: {text}" for key, text in behaviour.DEFINITIONS.items()]
    out += [f"- `{key}`: {text}" for key, text in DEFINITIONS.items()]
    out += [
        "- input: the grey is made from L* (lightness kept) or from BT.601 Y' (as JPEG stores it)",
        "- grey: the picture without colour; mean colour: mean a, b of training pictures per L*",
        "- brackets: 95 % bootstrap interval of the mean over pictures (1,000 resamples)",
        "- restorers (A1-A3, E3): the chroma of the picture that they make, enlarged, with the",
        "  input's own L* put back; `own_rgb` in a row's name: their whole picture instead",
        "- ms: median of the network alone on single pictures at its working size, on the CPU",
        "- ms `-`: not measured, or beside other programs, which would be part of the figure",
        "",
    ]
    return "\n".join(out)
