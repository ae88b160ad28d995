"""benchmarks/gpu.sh, as far as it goes without a GPU."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.sh"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="there are no sources beside the tests")


def gpu_script(*steps: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *steps],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_unknown_steps_are_named():
    done = gpu_script("build", "benchmark")
    assert done.returncode == 2
    assert done.stderr.startswith("gpu.sh: there is no step benchmark; there are build tests ")


def test_a_step_that_fails_is_named_and_the_next_runs(tmp_path):
    """With a Python that only tells what it was asked for, and fails for the first step."""
    python = tmp_path / "python"
    script = '#!/bin/sh\necho "asked: $*" | head -n 1\n'
    python.write_text(script + "case $* in *device_path*) exit 3;; esac\n")
    python.chmod(0o755)
    (tmp_path / "built").mkdir()
    done = gpu_script(
        "engines", "path", OUT=str(tmp_path), PYTHON=str(python), BUILT=str(tmp_path / "built")
    )
    assert done.returncode == 1
    assert done.stderr == "gpu.sh: failed: path\n"
    assert done.stdout.index("=== path") < done.stdout.index("=== engines")
    names = {path.name.split("-gpu-")[0] for path in tmp_path.glob("*.txt")}
    assert names == {"path", "engines"}


def test_every_name_that_its_python_asks_for_is_there():
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
    assert checked >= 7
