"""Train and score every row of the results table with one budget.

    python -m training.table --minutes 20 [--rows b-l1,c1] [--device cuda]

Each row is trained (or continued, where a run was cut short) in runs/table-MINUTES/, then
scored on the evaluation sets; what is done is noted after every step, so the same command
goes on where it stopped. On a CPU the minutes are of the processor (a second on two cores is
two), so that programs beside it do not shorten a row; fewer than 20 are a trial: it needs --out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

from . import checkpoint, paths
from .chain import join
from .evaluation import report
from .loop import NO_STEP
from .recipe import load

ROWS = Path(__file__).with_name("table.toml")
LEAST_CPU_MINUTES = 20.0


@dataclass(frozen=True)
class TableRow:
    recipe: str
    title: str
    start: str
    published: dict[str, Any] = field(default_factory=dict)
    join: tuple[str, ...] = ()
    note: str = ""  #: what an investigation of its row found

    @property
    def name(self) -> str:
        return Path(self.recipe).name

    @property
    def path(self) -> Path:
        return paths.ROOT / "training" / "recipes" / f"{self.recipe}.toml"


def rows(path: Path = ROWS) -> list[TableRow]:
    """The table as described; ValueError where a recipe does not exist."""
    found = []
    for entry in tomllib.loads(path.read_text())["row"]:
        row = TableRow(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()})
        if not row.path.is_file():
            raise ValueError(f"{path.name}: no recipe {row.recipe}")
        found.append(row)
    return found


@dataclass
class Driver:
    """Runs rows through commands of their own, so that one failure stops one row only."""

    minutes: float
    out: Path
    runs: Path
    extra: tuple[str, ...] = ()
    sets: str = "photos,urban,paintings"
    limit: int = 0

    def state(self) -> dict[str, str]:
        path = self.runs / "state.json"
        return json.loads(path.read_text()) if path.is_file() else {}

    def note(self, row: TableRow, reached: str) -> None:
        state = self.state() | {row.name: reached}
        partial = self.runs / "state.part"
        partial.write_text(json.dumps(state, indent=1))
        partial.replace(self.runs / "state.json")

    def _call(self, module: str, *arguments: str) -> int:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, cwd=paths.ROOT, check=False).returncode

    def train(self, row: TableRow) -> bool:
        """Make runs/NAME/last.pt with the whole budget spent."""
        folder = self.runs / row.name
        folder.mkdir(parents=True, exist_ok=True)
        if row.join:
            parts = [self.runs / Path(name).name / "last.pt" for name in row.join]
            if not all(part.is_file() for part in parts):
                print(f"{row.name}: train {', '.join(row.join)} first", file=sys.stderr)
                return False
            join(parts[0], parts[1], folder / "last.pt")
            return True
        # A minutes clock takes --minutes as the whole schedule, which resuming continues.
        whole = load(row.path).schedule.clock == "minutes"
        while (left := self.minutes - self._spent(folder / "last.pt")) > 0.05:
            minutes = self.minutes if whole else left
            arguments = [str(row.path), "--out", str(folder), "--resume", "--minutes", str(minutes)]
            # A call that decoded data first ends early, or has not taken a step.
            if self._call("training.train", *arguments, *self.extra) not in (0, NO_STEP):
                return False
        return True

    def _spent(self, last: Path) -> float:
        return checkpoint.load(last)["seconds"] / 60 if last.is_file() else 0.0

    def score(self, row: TableRow) -> bool:
        model = f"{row.name}={self.runs / row.name / 'last.pt'}"
        if load(row.path).kind == "upscaler":
            arguments = [model, "--scale", "4", "--grey", "--limit", str(self.limit)]
            return self._call("training.evaluate_sr", *arguments, "--json", str(self.out)) == 0
        arguments = [model, "--sets", self.sets, "--out", str(self.out), "--limit", str(self.limit)]
        return self._call("training.evaluate", *arguments) == 0

    def run(self, chosen: Sequence[TableRow]) -> int:
        """How many rows failed; the table is written after each."""
        self.runs.mkdir(parents=True, exist_ok=True)
        failed = 0
        for row in chosen:
            if self.state().get(row.name) == "scored":
                continue
            if not self.train(row):
                failed += 1
                continue
            self.note(row, "trained")
            if not self.score(row):
                failed += 1
                continue
            self.note(row, "scored")
            self.publish()
        return failed

    def publish(self) -> None:
        """Put titles, starts, budget and published figures beside the measured rows."""
        device = "CPU" if "--cpu-clock" in self.extra else "GPU"
        results = report.read(self.out)
        state = self.state()
        known = {entry["name"]: entry["budget"] for entry in results.get("table", [])}
        results["table"] = [
            {
                "name": row.name,
                "title": row.title,
                "start": row.start,
                "published": row.published,
                "note": row.note,
                "budget": f"{self.minutes:g} min {device}"
                if row.name in state
                else known.get(row.name, ""),
            }
            for row in rows()
        ]
        report.write(self.out, results)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="training.table", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--minutes", type=float, default=LEAST_CPU_MINUTES, help="of training, for every row")
    add("--rows", default="", help="names of recipes; default: all")
    add("--no-run", action="store_true", help="only write the table as far as it is filled")
    add("--device", default="cpu")
    add("--threads", type=int, default=0)
    add("--data", type=Path, default=None, help="folder of the training sets")
    add("--sets", default="photos,urban,paintings")
    add("--limit", type=int, default=0, help="score only so many pictures")
    add("--out", type=Path, default=None)
    args = parser.parse_args(argv)
    trial = not args.no_run and (
        args.limit or (args.device == "cpu" and args.minutes < LEAST_CPU_MINUTES)
    )
    if trial and args.out is None:
        print("table: below the budget of the table; say --out FILE for a trial", file=sys.stderr)
        return 2
    out = args.out or paths.ROOT / "training" / "RESULTS.json"
    extra = ["--device", args.device]
    extra += ["--cpu-clock"] if args.device == "cpu" else []
    extra += ["--threads", str(args.threads)] if args.threads else []
    extra += ["--data", str(args.data)] if args.data else []
    wanted = set(filter(None, args.rows.split(",")))
    unknown = wanted - {row.name for row in rows()}
    if unknown:
        print(f"table: no row {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    folder = paths.ROOT / "runs" / f"table-{args.minutes:g}-{args.device}"
    driver = Driver(args.minutes, out.resolve(), folder, tuple(extra), args.sets, args.limit)
    if args.no_run:
        driver.publish()
        return 0
    return 1 if driver.run([r for r in rows() if not wanted or r.name in wanted]) else 0


if __name__ == "__main__":
    raise SystemExit(main())
