"""benchmarks/gpu.sh runs where nobody looks: what its Python asks of the package must be there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.sh"


@pytest.mark.skipif(not SCRIPT.exists(), reason="the tests run outside of the source tree")
def test_every_name_is_there():
    text = SCRIPT.read_text()
    snippets = re.findall(r"-c '\n(.*?)'", text, re.DOTALL)
    assert len(snippets) == 3
    checked = 0
    for code in snippets:
        tree = ast.parse(code)
        known = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for name in node.names:
                    module = importlib.import_module(node.module)
                    if not hasattr(module, name.name):
                        importlib.import_module(f"{node.module}.{name.name}")
                    known[name.name] = getattr(module, name.name)
        used = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
        used = [n for n in used if isinstance(n.value, ast.Name) and n.value.id in known]
        for node in used:
            assert hasattr(known[node.value.id], node.attr), ast.unparse(node)
        checked += len(used)
    assert checked >= 8
