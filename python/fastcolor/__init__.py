"""fastcolor gives colour and resolution back to old photographs and film."""

from typing import TYPE_CHECKING, Any

from fastcolor.errors import FastcolorError

if TYPE_CHECKING:
    from fastcolor.colorizer import Colorizer, colorize

__all__ = [  # noqa: RUF022 - names in alphabetical order, the version last
    "Colorizer",
    "DeviceError",
    "FastcolorError",
    "build_info",
    "colorize",
    "ops",
    "set_thread_count",
    "thread_count",
    "__version__",
]
_LATE = ("Colorizer", "colorize")  # their engines take long to import
_problem: ImportError | None = None

try:
    from fastcolor import ops
    from fastcolor._core import DeviceError, __version__, build_info
    from fastcolor._threads import set_thread_count, thread_count
except ImportError as error:
    # The command line lives in this package and says in one sentence what is wrong, so the error
    # waits for the first use of what could not be loaded.
    _problem = error


def __getattr__(name: str) -> Any:
    if name in __all__ and _problem is not None:
        raise ImportError(str(_problem)) from _problem
    if name in _LATE:
        from fastcolor import colorizer

        return getattr(colorizer, name)
    raise AttributeError(f"module 'fastcolor' has no attribute {name!r}")
