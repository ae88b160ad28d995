"""The stub of the compiled module says what the module is; the package says that it is typed."""

from __future__ import annotations

import ast
from pathlib import Path

from core_stubs import stub

import fastcolor
from fastcolor import _core

PACKAGE = Path(fastcolor.__file__).parent


def functions(text: str) -> dict[str, str]:
    """Every function's arguments and result, without regard to how the lines are broken."""
    body = ast.parse(text).body
    return {node.name: ast.unparse(node) for node in body if isinstance(node, ast.FunctionDef)}


def test_stub_equals_the_module():
    written = functions((PACKAGE / "_core.pyi").read_text())
    compiled = functions(stub())
    assert set(written) == {n for n in dir(_core) if not n.startswith("__")} - {"DeviceError"}
    assert written == compiled, "refresh the stub: python tests/core_stubs.py"


def test_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").exists()


def test_public_names_exist():
    for module in (fastcolor, fastcolor.ops):
        for name in module.__all__:
            assert getattr(module, name) is not None, name
