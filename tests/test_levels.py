"""What the compiler made of the per-level objects.

No symbol of them may be shared between levels: an inline function that the compiler emits as a
weak symbol exists once per level under one name. The linker keeps one of the copies for all, and
code for AVX-512 would run on a lesser machine.

GCC 12 drops calls of a function that does nothing but prefetch, without a word.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import fastcolor._core

# tools/build_variant.sh links the module into BUILD/path/fastcolor; its objects lie in BUILD.
BUILD = Path(fastcolor._core.__file__).resolve().parent
DEFINED = set("TDBRVWuGSi")


def defined_symbols(folder):
    """Names that the linker sees from a level's objects, with the letter that nm gives them."""
    objects = sorted(folder.rglob("*.o"))
    listed = subprocess.run(
        ["nm", "--defined-only", *objects], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split() for line in listed.splitlines()]
    return {words[-1]: words[-2] for words in lines if len(words) >= 2 and words[-2] in DEFINED}


def test_levels_share_no_symbol():
    folders = {f.name.removesuffix(".dir"): f for f in BUILD.glob("CMakeFiles/level_*.dir")}
    if not folders or shutil.which("nm") is None:
        pytest.skip("needs nm and the build folder of tools/build_variant.sh")
    symbols = {level: defined_symbols(folder) for level, folder in folders.items()}
    assert all(symbols.values())
    for level, found in symbols.items():
        # The reference to the exception personality is a pointer, not code.
        weak = [
            n for n, letter in found.items() if letter in "VWuv" and not n.startswith("DW.ref.")
        ]
        assert not weak, f"{level} has weak symbols"
        for other, theirs in symbols.items():
            shared = set(found) & set(theirs) if other != level else set()
            shared = {name for name in shared if not name.startswith("DW.ref.")}
            assert not shared, f"{level} and {other} share symbols"


def test_prefetches_are_there():
    merge = BUILD / "CMakeFiles/level_avx512.dir/csrc/merge/merge_cpu.cpp.o"
    if not merge.exists() or shutil.which("objdump") is None:
        pytest.skip("needs objdump and the x86 objects of tools/build_variant.sh")
    code = subprocess.run(["objdump", "-d", merge], capture_output=True, text=True, check=True)
    assert "prefetch" in code.stdout
