"""fastcolor gives colour and resolution back to old photographs and film."""

from typing import Any

from fastcolor.errors import FastcolorError

__all__ = ["DeviceError", "FastcolorError", "build_info", "ops", "set_thread_count", "thread_count"]

try:
    from fastcolor import ops
    from fastcolor._core import DeviceError, build_info, set_thread_count, thread_count
except ImportError as error:
    # The command line lives in this package and says in one sentence what is wrong, so the error
    # waits for the first use of what could not be loaded.
    _problem = error

    def __getattr__(name: str) -> Any:
        if name in __all__:
            raise ImportError(str(_problem)) from _problem
        raise AttributeError(f"module 'fastcolor' has no attribute {name!r}")
