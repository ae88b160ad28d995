"""Writes the stub of the compiled module from what pybind11 says of each function.

``python tests/core_stubs.py`` refreshes python/fastcolor/_core.pyi after a change of the bindings.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HEADER = '''\
"""Types of the compiled module; python tests/core_stubs.py writes this file."""

from typing import Any

from fastcolor.errors import FastcolorError

__version__: str

class DeviceError(FastcolorError, RuntimeError): ...

'''
# What differs between versions of pybind11 and what says more to a type checker, in this order.
SPELLINGS = [
    (r"typing\.Supports(Int|Float) \| typing\.SupportsIndex", lambda m: m[1].lower()),
    (r"typing\.Supports(Int|Float)", lambda m: m[1].lower()),
    (r"collections\.abc\.|typing\.", ""),
    (r"\bSequence\b", "list"),
    (r"Optional\[([^\]]+)\]", r"\1 | None"),
    (r"\bobject\b|\bhandle\b|numpy\.ndarray(\[[^\]]*\])?", "Any"),
    (r"\blist\b(?!\[)", "list[Any]"),
    (r"\btuple\b(?!\[)", "tuple[Any, ...]"),
    (r"\bdict\b(?!\[)", "dict[str, Any]"),
]


def signature(name: str, doc: str) -> str:
    line = doc.strip().splitlines()[0]
    sized = (
        r'(?:\w+\.)*Annotated\[((?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*), "FixedSize\(\d+\)"\]'
    )
    while re.search(sized, line):  # lengths of arrays, which no type checker reads
        line = re.sub(sized, r"\1", line)
    if not line.startswith(f"{name}("):
        raise ValueError(f"{name} has no signature in its docstring: {line}")
    for pattern, spelling in SPELLINGS:
        line = re.sub(pattern, spelling, line)
    return wrapped(f"def {line}: ...")


def wrapped(text: str) -> str:
    """As ruff formats it: one line of up to 100 characters, else the arguments on one of their own,
    else one line for each."""
    if len(text) <= 100:
        return text
    head, rest = text.split("(", 1)
    arguments, tail = rest.rsplit(") ->", 1)
    if len(arguments) <= 96:
        return f"{head}(\n    {arguments}\n) ->{tail}"
    parts = re.split(r", (?=\w+: )", arguments)
    return f"{head}(\n" + "".join(f"    {part},\n" for part in parts) + f") ->{tail}"


def stub() -> str:
    from fastcolor import _core

    names = sorted(name for name in dir(_core) if not name.startswith("__"))
    functions = [name for name in names if name != "DeviceError"]
    return HEADER + "".join(f"{signature(n, getattr(_core, n).__doc__)}\n" for n in functions)


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "python" / "fastcolor" / "_core.pyi"
    target.write_text(stub())
    sys.stdout.write(f"wrote {target}\n")
