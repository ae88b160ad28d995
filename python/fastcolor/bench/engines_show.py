"""What `fastcolor bench engines` found, as a table, as JSON and as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastcolor.bench.engines_columns import COLUMNS, text
from fastcolor.bench.engines_html import page


def show(result: dict[str, Any], json_path: Path | None, html_path: Path | None) -> None:
    """The table on stdout, everything as JSON, and a page with charts."""
    for target, make in ((json_path, as_json), (html_path, as_html)):
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(make(result))
    if result["interrupted"]:
        print("interrupted: these are the cases measured until then")
    hardware = result["hardware"]
    print(
        f"{result['model']['name']} on {hardware['cpu']}, {hardware['cpus']} CPUs; fp32 matrix "
        f"product {hardware['fp32_matrix_gflops']:.0f} GFLOP/s; fastest of "
        f"{result['settings']['repetitions']}; errors in Lab units"
    )
    print(f"{'':<28}" + "".join(f"{title:>10}" for _, title, _ in COLUMNS))
    case = None
    for row in result["rows"]:
        if row["skipped"]:
            continue
        if (row["size"], row["batch"]) != case:
            case = (row["size"], row["batch"])
            print(f"{case[0]}x{case[0]}, batch {case[1]}")
        name = f"  {row['engine']} {row['precision']} {row['device']}"
        print(f"{name:<28}" + "".join(f"{text(row[key], form):>10}" for key, _, form in COLUMNS))
    for row in result["rows"]:
        if row["skipped"]:
            name = " ".join(f"{row['engine']} {row['precision']} {row['device']}".split())
            print(f"skipped {name}: {row['skipped']}")


def as_json(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=2) + "\n"


def as_html(result: dict[str, Any]) -> str:
    return page(result)
