"""What goes wrong with pictures, and how damage is graded."""

from __future__ import annotations

from dataclasses import dataclass

from fastcolor.errors import FastcolorError, MissingDependencyError

FAIL_ON = ("none", "truncated", "error", "warning")


class CodecError(FastcolorError):
    """A picture cannot be read or written; the message says why."""


class UnsupportedError(CodecError):
    """The file is in order, but of a kind that is not worked on."""


class DamagedError(CodecError):
    """The file is broken, or more broken than ``fail_on`` allows; then it is ``tolerable``."""

    tolerable = False


class LimitError(CodecError):
    """A picture is larger than Limits allow; the message names the limit and its option."""


@dataclass(frozen=True)
class Damage:
    """One thing that a decoder complained about and went on from."""

    grade: str  #: "truncated", "error" or "warning"
    message: str

    def fails(self, fail_on: str) -> bool:
        """Graded as libvips does: each level also fails on what the levels before it fail on."""
        return FAIL_ON.index(self.grade) <= FAIL_ON.index(fail_on)


def missing(what: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{what} needs imagecodecs; install it with pip install imagecodecs"
    )
