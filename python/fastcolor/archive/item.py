"""One item of an archive: where it lies, what its output is called, how its bytes are had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fastcolor.archive.names import printable


@dataclass(frozen=True)
class Item:
    """``position`` is the member's number in an archive, 0 for a file of its own; ``name`` the
    relative path that the output mirrors. ``eager``: read before the next item is asked for."""

    path: str
    member: str
    position: int
    name: str
    size: int
    mtime_ns: int
    problem: str | None = None
    read: Callable[[], bytes] | None = None
    eager: bool = False

    @property
    def label(self) -> str:
        """How reports and messages call it."""
        return printable(f"{self.path}: {self.member}" if self.member else self.path)

    def bad(self, problem: str) -> Item:
        return replace(self, problem=problem)

    def holding(self, read: Callable[[], bytes], eager: bool) -> Item:
        return replace(self, read=read, eager=eager)
