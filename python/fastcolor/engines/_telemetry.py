"""Some libraries tell their makers when they are used. Not from here.

OpenVINO writes an identifier into the home folder and looks for its maker's server as soon as it is
imported; ONNX Runtime (1.31 on Linux) keeps an identifier and a store of events to be sent.
"""

from __future__ import annotations

import os
import sys


def forbid() -> None:
    """To be called before either is imported: this package's __init__ does, and who imports them
    without it must."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if "openvino_telemetry" not in sys.modules:
        # OpenVINO then takes the stub that it has for where the module is not installed.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
