"""What a run says while it works: nothing, lines, JSON lines, or a bar on a terminal."""

from __future__ import annotations

import json
import sys
import time
from typing import IO, Any

from fastcolor.archive.item import Item
from fastcolor.archive.journal import Finished
from fastcolor.archive.names import counted, printable

LINE_SECONDS = 10.0  # between two plain lines


class Progress:
    """Says nothing; the base of those that do."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done_count = self.failed_count = self.skipped_count = 0
        self.pixels = 0
        self.began = time.monotonic()

    def begin(self, total: int | None, about: str) -> None:
        self.total = total
        self.began = time.monotonic()

    def done(self, item: Item, finished: Finished, seconds: dict[str, float]) -> None:
        self.done_count += 1
        self.pixels += finished.pixels
        self.moved()

    def failed(self, item: Item, reason: str) -> None:
        self.failed_count += 1
        self.moved()

    def skipped(self, item: Item) -> None:
        self.skipped_count += 1
        self.moved()

    def moved(self) -> None:
        pass

    def end(self) -> None:
        pass

    def met(self) -> int:
        return self.done_count + self.failed_count + self.skipped_count

    def rate(self) -> float:
        return self.done_count / max(1e-9, time.monotonic() - self.began)


class PlainProgress(Progress):
    """A line for each failure and one about the rate every ten seconds."""

    def __init__(self, stream: IO[str] = sys.stderr, quiet: bool = False) -> None:
        super().__init__()
        self._stream, self._quiet = stream, quiet
        self._said = time.monotonic()

    def begin(self, total: int | None, about: str) -> None:
        super().begin(total, about)
        if not self._quiet:
            items = "some items" if total is None else counted(total, "item")
            self._say(f"{items}; {about}")

    def failed(self, item: Item, reason: str) -> None:
        super().failed(item, reason)
        self._say(f"failed: {item.label}: {printable(reason)}")

    def moved(self) -> None:
        if self._quiet or time.monotonic() - self._said < LINE_SECONDS:
            return
        self._said = time.monotonic()
        of = "" if self.total is None else f"{self.met()} of "
        items = of + counted(self.met() if self.total is None else self.total, "item")
        left = ""
        if self.total is not None and self.done_count:
            left = f", {_duration((self.total - self.met()) / self.rate())} left"
        self._say(f"{items}, {self.rate():.1f}/s, {self.failed_count} failed{left}")

    def _say(self, text: str) -> None:
        self._stream.write(f"fastcolor: {text}\n")
        self._stream.flush()


class JsonProgress(Progress):
    """One JSON object a line for everything that happens."""

    def __init__(self, stream: IO[str] = sys.stdout) -> None:
        super().__init__()
        self._stream = stream

    def begin(self, total: int | None, about: str) -> None:
        super().begin(total, about)
        self.say("begin", total=total, about=about)

    def done(self, item: Item, finished: Finished, seconds: dict[str, float]) -> None:
        super().done(item, finished, seconds)
        rounded = {name: round(value, 6) for name, value in seconds.items()}
        self.say(
            "done", item=item.label, output=printable(finished.name), outcome=finished.outcome,
            note=finished.note, pages=finished.pages, pixels=finished.pixels,
            bytes=finished.bytes, seconds=rounded,
        )  # fmt: skip

    def failed(self, item: Item, reason: str) -> None:
        super().failed(item, reason)
        self.say("failed", item=item.label, reason=reason)

    def skipped(self, item: Item) -> None:
        super().skipped(item)
        self.say("skipped", item=item.label)

    def say(self, event: str, **about: Any) -> None:
        self._stream.write(json.dumps({"event": event, "time": time.time(), **about}) + "\n")
        self._stream.flush()


class BarProgress(Progress):
    """A bar with rate, time left and failures, on a terminal."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[failures]}"),
            console=self._console,
            transient=True,
        )
        self._task: Any = None

    def begin(self, total: int | None, about: str) -> None:
        super().begin(total, about)
        self._console.print(about)
        self._task = self._bar.add_task("colouring", total=total, rate="", failures="")
        self._bar.start()

    def failed(self, item: Item, reason: str) -> None:
        super().failed(item, reason)
        self._console.print(f"failed: {item.label}: {printable(reason)}")

    def moved(self) -> None:
        failures = f"{self.failed_count} failed" if self.failed_count else ""
        megapixels = self.pixels / 1e6 / max(1e-9, time.monotonic() - self.began)
        self._bar.update(
            self._task,
            completed=self.met(),
            rate=f"{self.rate():.1f}/s, {megapixels:.0f} MP/s",
            failures=failures,
        )

    def end(self) -> None:
        self._bar.stop()


def _duration(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
