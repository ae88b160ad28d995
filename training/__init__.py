"""Recipes behind the weights: data, degradations, networks, losses, training, export.

Nothing under ``python/fastcolor`` imports this package.
"""

from fastcolor.engines import _telemetry

_telemetry.forbid()  # ONNX Runtime is used here without our engines, too
