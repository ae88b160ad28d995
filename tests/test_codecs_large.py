"""Enormous pictures stay within their memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "compression"), [("grey8", "lzw"), ("toned8", "deflate")])
def test_600_megapixels_in_4_gigabytes(kind: str, compression: str, tmp_path: Path) -> None:
    script = Path(__file__).parent / "codecs_memory.py"
    command = [sys.executable, str(script), "30000", "20000", kind, compression, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4096


def test_bands_take_no_memory(tmp_path: Path) -> None:
    """The same at 36 megapixels: luma and colours, 144 MB, and little else."""
    script = Path(__file__).parent / "codecs_memory.py"
    peaks = []
    for width in ("60", "6000"):
        command = [sys.executable, str(script), width, "6000", "toned8", "none", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 144 * 1.05 + 40
