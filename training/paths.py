"""Where data and pretrained weights are looked for. Nothing here creates anything.

FASTCOLOR_DATA and FASTCOLOR_WEIGHTS override the defaults, which lie beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    return Path(os.environ.get("FASTCOLOR_DATA") or ROOT.parent / "shared" / "data")


def weights_dir() -> Path:
    return Path(os.environ.get("FASTCOLOR_WEIGHTS") or ROOT.parent / "shared" / "weights")
