"""The log of a run: JSON lines, each step once."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any


class Log:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, row: dict[str, Any]) -> None:
        row = row | {"time": time.strftime("%H:%M:%S")}
        with self._path.open("a") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop what a former run logged of steps that are taken again."""
        if not self._path.is_file():
            return
        rows = [line for line in self._path.read_text().splitlines() if _step_of(line) <= step]
        partial = self._path.with_name(f".{self._path.name}.part")
        partial.write_text("".join(f"{row}\n" for row in rows))
        partial.replace(self._path)


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):  # cut off by the kill
        return math.inf
