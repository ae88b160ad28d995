"""The product and sum that round once: the form for machines without an instruction for it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CORE = Path(__file__).parents[1] / "csrc"
COMPILER = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
SOURCE = """
#include "core/hd.h"
#if FC_FUSED
#error "this tests the form without the instruction"
#endif
extern "C" void several(const float* a, const float* b, const float* c, float* out, int count) {
  for (int i = 0; i < count; ++i) out[i] = fastcolor::mul_add(a[i], b[i], c[i]);
}
"""


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory):
    if not CORE.is_dir() or COMPILER is None:
        pytest.skip("needs the sources and a compiler")
    folder = tmp_path_factory.mktemp("mul_add")
    (folder / "mul_add.cpp").write_text(SOURCE)
    library = folder / "mul_add.so"
    command = [COMPILER, "-std=c++17", "-O2", "-ffp-contract=off", "-shared", "-fPIC"]
    command += [f"-I{CORE}", str(folder / "mul_add.cpp"), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "this tests the form without" in done.stderr:
        pytest.skip("every machine of this kind has the instruction")
    assert done.returncode == 0, done.stderr
    function = ctypes.CDLL(str(library)).several

    def call(a, b, c):
        arrays = [np.ascontiguousarray(v, np.float32) for v in (a, b, c)]
        out = np.empty_like(arrays[0])
        pointers = [v.ctypes.data_as(ctypes.c_void_p) for v in (*arrays, out)]
        function(*pointers, out.size)
        return out

    return call


def nearest(a: float, b: float, c: float) -> np.float32:
    """The float next to the exact a * b + c, the even one in the middle."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    guess = np.float32(float(exact))
    around = [np.nextafter(guess, np.float32(s), dtype=np.float32) for s in (-np.inf, np.inf)]
    even = lambda v: int(np.float32(v).view(np.uint32)) & 1  # noqa: E731
    return min([guess, *around], key=lambda v: (abs(Fraction(float(v)) - exact), even(v)))


def test_sums_that_fall_near_the_middle_of_two_floats(several) -> None:
    # c is a float, a * b half a step of it and, far below, a little more or less or nothing.
    rng = np.random.default_rng(5)
    c = (1 + rng.integers(0, 1 << 23, 4000) / (1 << 23)).astype(np.float32)
    c *= rng.choice([1, -1, 2.0**20, 2.0**-20], c.size).astype(np.float32)
    half = np.spacing(np.abs(c)) / 2
    a = (half * (1 + rng.integers(-3, 4, c.size) * 2.0**-22)).astype(np.float32)
    b = (1 + rng.integers(-3, 4, c.size) * 2.0**-22).astype(np.float32)
    b *= rng.choice([1, -1], c.size)
    found = several(a, b, c)
    expected = [nearest(*(float(v) for v in row)) for row in zip(a, b, c)]
    assert np.array_equal(found, np.array(expected, np.float32))
    twice = (a.astype(np.float64) * b + c).astype(np.float32)
    assert (twice != found).any(), "no case needed more than a double"


number = st.floats(-1e6, 1e6, width=32).filter(lambda v: v == 0 or abs(v) > 1e-6)


@settings(max_examples=500, deadline=None)
@given(number, number, number)
def test_any_floats(several, a: float, b: float, c: float) -> None:
    assert several([a], [b], [c])[0] == nearest(a, b, c)
