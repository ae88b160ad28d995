"""The recipes' tests need what `pip install '.[train]'` brings; without it they are skipped."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

NEEDED = ["torch", "timm", "segmentation_models_pytorch", "torchmetrics", "safetensors", "onnx"]
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]

sys.path.insert(0, str(Path(__file__).parents[2]))  # training/ is not installed


class SkippedModule(pytest.Module):
    def collect(self) -> list[pytest.Item]:
        pytest.skip(f"not installed: {', '.join(MISSING)}", allow_module_level=True)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    return SkippedModule.from_parent(parent, path=module_path) if MISSING else None
