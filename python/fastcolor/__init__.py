"""fastcolor gives colour and resolution back to old photographs and film."""

import sys
from pathlib import Path

from fastcolor.errors import FastcolorError

__all__ = ["DeviceError", "FastcolorError", "build_info", "ops", "set_thread_count", "thread_count"]

try:
    from fastcolor import ops
    from fastcolor._core import DeviceError, build_info, set_thread_count, thread_count
except ImportError:
    # The command says in one sentence what is wrong; it meets the same error in its own handler.
    # argv is "-m" while `python -m fastcolor` looks for the module to run.
    if Path(getattr(sys, "argv", [""])[0]).name not in ("fastcolor", "-m"):
        raise
