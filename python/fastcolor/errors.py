"""Exceptions, each with the exit code that the command line ends with.

This module imports nothing of the package: the compiled module derives its own exceptions from the
classes here while it is loaded. Wrong arguments of operators stay ValueError and TypeError.
"""

from __future__ import annotations

from typing import ClassVar


class FastcolorError(Exception):
    """Base of the package's own errors; the message is one sentence for the user."""

    exit_code: ClassVar[int] = 1


class MissingDependencyError(FastcolorError):
    """A library that this needs is not installed; the message says what to install."""

    exit_code = 3


class ModelError(FastcolorError):
    """A model file is damaged, not one of ours, or not what was asked for."""

    exit_code = 8


class EngineError(FastcolorError):
    """An engine cannot be opened, or failed while it ran."""

    exit_code = 10


class OutOfMemoryError(FastcolorError):
    """The device has no room for a batch, however small."""

    exit_code = 9


class PictureError(FastcolorError):
    """A picture of a kind that cannot be coloured."""


class VerificationError(FastcolorError):
    """A result differs from its reference by more than it may."""

    exit_code = 6


class JpegError(FastcolorError):
    """A JPEG file is damaged, or is not of a kind that this can be done with."""


class StartError(FastcolorError):
    """The compiled module could not be loaded, for example for a wrong FASTCOLOR_CPU."""

    exit_code = 7


# 2: wrong usage (arguments of a command or of an operator); 4: fastcolor.DeviceError, which the
# compiled module makes; 5: files and folders; 130: interrupted.
USAGE, DEVICE, FILES, INTERRUPTED = 2, 4, 5, 130


def exit_code_of(error: BaseException) -> int:
    """What a command ends with for this exception; 1 for those that nobody foresaw."""
    if isinstance(error, FastcolorError):
        return error.exit_code
    if isinstance(error, (ValueError, TypeError)):
        return USAGE
    if isinstance(error, OSError):
        return FILES
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
