"""fastcolor gives colour and resolution back to old photographs and film."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own takes long to import
if TYPE_CHECKING:
    from typing import Any

    from fastcolor import ops
    from fastcolor._core import DeviceError, __version__, build_info
    from fastcolor._threads import set_thread_count, thread_count
    from fastcolor.colorizer import Colorizer, colorize
    from fastcolor.errors import FastcolorError

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
# Loaded when first used: the command line takes Ctrl-C over before anything that takes long, and
# says in one sentence what is wrong where the compiled module cannot be loaded.
_HOMES = {
    "Colorizer": "fastcolor.colorizer",
    "DeviceError": "fastcolor._core",
    "FastcolorError": "fastcolor.errors",
    "build_info": "fastcolor._core",
    "colorize": "fastcolor.colorizer",
    "set_thread_count": "fastcolor._threads",
    "thread_count": "fastcolor._threads",
    "__version__": "fastcolor._core",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "ops":
        found: Any = import_module("fastcolor.ops")
    elif name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'fastcolor' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
