"""Some libraries tell their makers when they are used. Not from here.

ONNX Runtime (since 1.31) and OpenVINO write an identifier into the home folder and send events over
the network as soon as they are imported.
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
