"""The result of `fastcolor bench engines` as one page: SVG charts, no script, nothing fetched."""

from __future__ import annotations

from html import escape
from typing import Any

from fastcolor.bench.engines_columns import COLUMNS, text

NAME, BAR, GAP = 18, 16, 8  # pixels high
LONGEST = 55  # per cent of the page; the rest is for the number behind
COLOURS = ("#3b6ea5", "#c2703d", "#4f8f58", "#8a5fa8", "#a8923b", "#5a8a94")
STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
svg { display: block; max-width: 46rem }
svg text { font-size: 13px; fill: currentColor }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: 13px }
th, td { text-align: right; white-space: nowrap }
th, td { padding: .15rem .45rem; border-bottom: 1px solid #8884 }
th:first-child, td:first-child { text-align: left }
.case td { border-top: 2px solid #8888 }
"""


def page(result: dict[str, Any]) -> str:
    rows = [row for row in result["rows"] if not row["skipped"]]
    cases = list(dict.fromkeys((row["size"], row["batch"]) for row in rows))
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(engines)}
    hardware, model = result["hardware"], result["model"]
    parts = [
        f"<h1>Engines for {escape(model['name'])}</h1>",
        f"<p>{escape(hardware['cpu'])}, {hardware['cpus']} CPUs, "
        f"{escape(', '.join(hardware['gpu']) or 'no GPU')}; {escape(result['date'])}; "
        + escape(", ".join(f"{k} {v}" for k, v in result["versions"].items()))
        + ". Ratios are to PyTorch eager in fp32; errors are the largest difference from it in Lab "
        "units. Every answer was verified before it was timed."
        + " Interrupted: these are the cases measured until then." * result["interrupted"]
        + "</p>",
    ]
    for size, batch in cases:
        here = [row for row in rows if (row["size"], row["batch"]) == (size, batch)]
        parts.append(f"<h2>{size}x{size}, batch {batch}: images per second</h2>")
        parts.append(chart(here, colours))
    peaks = f"CPU {hardware['fp32_matrix_gflops']:.0f} GFLOP/s"
    if hardware["gpu_fp32_matrix_gflops"]:
        peaks += f", GPU {hardware['gpu_fp32_matrix_gflops']:.0f}"
    head = "".join(f"<th>{escape(title)}</th>" for _, title, _ in COLUMNS)
    parts.append(
        "<h2>All numbers</h2><p>ms/image is of the fastest run, p50 and p95 are of whole batches. "
        f"The peak is the device's fp32 matrix product ({peaks}), which shorter types may "
        "exceed. Cold: from the start of a process to its first "
        "answer; compile: what that takes more the first time.</p>"
        "<div class=scroll><table><tr><th>engine</th><th>size</th>"
        f"<th>batch</th>{head}</tr>"
    )
    case = None
    for row in rows:
        first, case = (row["size"], row["batch"]) != case, (row["size"], row["batch"])
        cells = "".join(f"<td>{escape(text(row[key], form))}</td>" for key, _, form in COLUMNS)
        name = f"{row['engine']} {row['precision']} {row['device']}"
        parts.append(
            f"<tr{' class=case' * first}><td>{escape(name)}</td><td>{row['size']}</td>"
            f"<td>{row['batch']}</td>{cells}</tr>"
        )
    parts.append("</table></div>")
    missing = [row for row in result["rows"] if row["skipped"]]
    if missing:
        parts.append("<h2>Not here</h2><ul>")
        for row in missing:
            name = " ".join(f"{row['engine']} {row['precision']} on {row['device']}".split())
            parts.append(f"<li>{escape(name)}: {escape(row['skipped'])}</li>")
        parts.append("</ul>")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>fastcolor engines</title><style>{STYLE}</style>" + "\n".join(parts) + "</html>\n"
    )


def chart(rows: list[dict[str, Any]], colours: dict[str, str]) -> str:
    """Horizontal bars, the fastest first. Lengths are shares of the page's width, so that names and
    numbers keep their size on a telephone."""
    ordered = sorted(rows, key=lambda row: -row["images_per_s"])
    most = ordered[0]["images_per_s"]
    parts = [f'<svg width="100%" height="{len(ordered) * (NAME + BAR + GAP)}" role="img">']
    for number, row in enumerate(ordered):
        y = number * (NAME + BAR + GAP) + NAME
        length = max(0.3, LONGEST * row["images_per_s"] / most)
        ratio = f" ({row['ratio']:.2f}x eager)" if row["ratio"] else ""
        name = f"{row['engine']} {row['precision']} {row['device']}"
        value = f"{row['images_per_s']:.1f}{ratio}"
        parts.append(
            f'<text x="0" y="{y - 4}">{escape(name)}</text>'
            f'<rect x="0" y="{y}" width="{length:.1f}%" height="{BAR}" rx="3" '
            f'fill="{colours[row["engine"]]}"/>'
            f'<text x="{length:.1f}%" dx="6" y="{y + BAR - 4}">{value}</text>'
        )
    return "".join(parts) + "</svg>"
