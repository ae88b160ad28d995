"""The report: one HTML page that needs nothing else, made of what the journal holds."""

from __future__ import annotations

import base64
import csv
import html
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template
from typing import IO, Any
from urllib.parse import quote

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from fastcolor import ops
from fastcolor.archive.errors import cannot_write
from fastcolor.archive.journal import Journal
from fastcolor.archive.ledger import ANEW, KEPT, TAKEN_OVER
from fastcolor.archive.names import printable
from fastcolor.archive.series import STAGES

COLOURS = ("#8c8c8c", "#4c78a8", "#e45756", "#72b7b2", "#f2a541", "#9d755d")
MOST_ROWS = 5000  # of a table
_PAGE = Template((Path(__file__).parent / "report.html").read_text(encoding="utf-8"))


def thumbnails(
    luma: NDArray[Any], ab: NDArray[Any], chroma: str, saturation: float, side: int
) -> tuple[bytes, bytes]:
    """Before and after as small JPEGs, the longer side at most ``side`` pixels."""
    height, width = luma.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    step = max(1, int(0.5 / scale))  # a quarter of the work for large pictures, no worse to see
    plane = np.ascontiguousarray(luma[::step, ::step])
    eight = plane if plane.dtype == np.uint8 else (plane >> 8).astype(np.uint8)
    small = np.asarray(Image.fromarray(eight).resize(size, Image.Resampling.BOX))
    rgb = ops.merge_rgb(small, ab, chroma, saturation)
    before = simplejpeg.encode_jpeg(small[..., None], 80, "GRAY", "GRAY")
    return bytes(before), bytes(simplejpeg.encode_jpeg(rgb, 80, "RGB", "420"))


def write_report(
    target: Path,
    journal: Journal,
    counts: dict[str, int],
    settings: dict[str, Any],
    output: Path,
    stopped: bool,
) -> None:
    """Writes the page, and its failures beside it where they are too many for a table.

    JobError when that cannot be done.
    """
    totals = journal.totals()
    seconds = sum(run["seconds"] for run in journal.runs())
    state = "stopped, not complete" if stopped else "complete"
    page = _PAGE.substitute(
        title=_text(output.name or str(output)),
        state=state,
        when=time.strftime("%Y-%m-%d %H:%M"),
        tiles=_tiles(counts, totals, journal.luma(), seconds),
        samples=_samples(journal),
        chart=_chart([run for run in journal.runs() if run["seconds"]]),
        failures=_failures(target, journal, counts["failed"]),
        notes=_table(journal, "remark", "<p>There are more; the journal has them all.</p>"),
        settings=_settings(settings),
    )
    with _written(target) as file:
        file.write(page)


@contextmanager
def _written(target: Path) -> Iterator[IO[str]]:
    """A text file that has its name when it is complete; JobError, and no trace, when it fails."""
    part = target.with_name(f".fastcolor-{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(target)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(target, error) from error
        raise


def _text(value: object) -> str:
    return html.escape(printable(value))


def _tiles(counts: dict[str, int], totals: Any, luma: dict[str, int], seconds: float) -> str:
    pixels = (totals["pixels"] or 0) / 1e6
    rate = (totals["items"] or 0) / seconds if seconds else 0.0
    size = (totals["bytes"] or 0) / max(1, totals["size"] or 0)
    lumas = [
        ("JPEGs whose luma was kept", f"{luma[KEPT]:,}"),
        ("colour JPEGs whose luma was taken over", f"{luma[TAKEN_OVER]:,}"),
        ("JPEGs encoded anew", f"{luma[ANEW]:,}"),
    ]
    found = [
        ("coloured", f"{counts['coloured']:,}"),
        ("copied, in colour already", f"{counts['copied']:,}"),
        *([("sidecars, copied", f"{counts['sidecar']:,}")] if counts["sidecar"] else []),
        ("no pictures", f"{counts['skipped']:,}"),
        ("failed", f"{counts['failed']:,}"),
        *(lumas if any(luma.values()) else []),
        ("megapixels", f"{pixels:,.0f}"),
        ("pictures a second", f"{rate:.1f}"),
        ("working time", f"{seconds:,.1f} s"),
        ("size after / before", f"{size:.2f}"),
    ]
    return "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in found)


def _samples(journal: Journal) -> str:
    parts = []
    for row in journal.samples():
        urls = [
            f"data:image/jpeg;base64,{base64.b64encode(row[side]).decode()}"
            for side in ("before", "after")
        ]
        name = _text(row["name"])
        parts.append(
            f'<figure><div class="pair"><img src="{urls[1]}" alt="{name}, coloured">'
            f'<img class="before" src="{urls[0]}" alt="{name}, before"><i></i>'
            '<input type="range" min="0" max="100" value="50" '
            'aria-label="how much of the original shows"></div>'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return "".join(parts) or "<p>No picture was coloured.</p>"


def _chart(runs: list[Any]) -> str:
    """Pictures a second and what the workers did, over the working time of all runs."""
    bars: list[tuple[float, float, dict[str, float]]] = []
    begin, starts = 0.0, []
    for run in runs:
        starts.append(begin)
        for interval in json.loads(run["series"]):
            length = min(interval["length"], max(0.001, run["seconds"] - interval["at"]))
            bars.append((begin + interval["at"], length, interval))
        begin += run["seconds"]
    if not bars:
        return "<p>Nothing was worked on.</p>"
    width, height, gap = 960.0, 180.0, 44.0
    rates = [bar.get("items", 0.0) / length for _, length, bar in bars]
    busy = [sum(bar.get(s, 0.0) for s in STAGES) / length for _, length, bar in bars]
    longest = max(length for _, length, _ in bars)  # slivers at the end do not set the scale
    most_rate = max(r for r, (_, length, _) in zip(rates, bars) if length > longest / 3) or 1.0
    most_busy = max(r for r, (_, length, _) in zip(busy, bars) if length > longest / 3) or 1.0
    shapes = []
    for (at, length, bar), rate in zip(bars, rates):
        x, w = at / begin * width, max(0.5, length / begin * width - 0.3)
        h = min(1.0, rate / most_rate) * height
        shapes.append(_bar(x, height - h, w, h, "#3a6ea5", f"{rate:.1f} pictures/s at {at:.0f} s"))
        y = 2 * height + gap
        for stage, colour in zip(STAGES, COLOURS):
            share = bar.get(stage, 0.0) / length
            h = min(share / most_busy * height, y - height - gap)
            if h > 0.05:
                y -= h
                shapes.append(_bar(x, y, w, h, colour, f"{stage}: {share:.2f} workers"))
    for start in starts[1:]:
        x = start / begin * width
        shapes.append(f'<path class="run" d="M{x:.1f} 0V{2 * height + gap:.0f}"/>')
    base = 2 * height + gap
    labels = [
        (0, -6, f"{most_rate:.1f} pictures/s"),
        (0, height + gap - 6, f"{most_busy:.1f} workers busy"),
        (0, base + 16, "0 s"),
    ]
    texts = "".join(f'<text x="{x}" y="{y}">{label}</text>' for x, y, label in labels)
    end = f'<text x="{width}" y="{base + 16}" text-anchor="end">{begin:.1f} s</text>'
    totals = {s: sum(bar.get(s, 0.0) for _, _, bar in bars) for s in STAGES}
    whole = sum(totals.values()) or 1.0
    legend = "".join(
        f'<span><i style="background:{c}"></i>{s} {totals[s] / whole:.0%}</span>'
        for s, c in zip(STAGES, COLOURS)
    )
    return (
        f'<svg viewBox="0 -20 {width:.0f} {base + 44:.0f}" role="img" '
        f'aria-label="throughput over time">{"".join(shapes)}{texts}{end}</svg>'
        f'<p class="legend">{legend}</p>'
    )


def _bar(x: float, y: float, w: float, h: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{colour}">'
        f"<title>{title}</title></rect>"
    )


def _failures(target: Path, journal: Journal, count: int) -> str:
    if count <= MOST_ROWS:
        return _table(journal, "reason")
    beside = target.with_name(f"{target.stem}.failures.csv")
    with _written(beside) as file:
        lines = csv.writer(file)
        lines.writerow(("path", "member", "reason"))
        lines.writerows((r["path"], r["member"], r["note"]) for r in journal.noted(True, -1))
    link = f'<a href="{quote(os.fsencode(beside.name))}">{_text(beside.name)}</a>'
    return _table(journal, "reason", f"<p>There are more: {link} has all {count:,}.</p>")


def _table(journal: Journal, head: str, more: str = "") -> str:
    """The failures with each "reason", or what else there is with each "remark"."""
    rows = list(journal.noted(head == "reason", MOST_ROWS + 1))
    if not rows:
        return "<p>None.</p>"
    cells = []
    for row in rows[:MOST_ROWS]:
        origin = _text(row["path"]) + (f" <em>{_text(row['member'])}</em>" if row["member"] else "")
        cells.append(f"<tr><td>{origin}<td>{_text(row['note'])}")
    rest = more if len(rows) > MOST_ROWS else ""
    return f"<table><tr><th>item<th>{head}{''.join(cells)}</table>{rest}"


def _settings(settings: dict[str, Any]) -> str:
    rows = "".join(f"<tr><td>{_text(k)}<td>{_text(v)}" for k, v in sorted(settings.items()))
    return f"<table>{rows}</table>"
