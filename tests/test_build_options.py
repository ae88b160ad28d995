"""What CMake says to options that are wrong: it stops before it looks for anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1]
CMAKE = shutil.which("cmake", path=str(Path(sys.executable).parent)) or shutil.which("cmake")


@pytest.mark.skipif(not (SOURCES / "CMakeLists.txt").exists(), reason="there are no sources here")
@pytest.mark.skipif(CMAKE is None, reason="CMake is not installed")
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("FASTCOLOR_CUDAA=ON", "There is no option FASTCOLOR_CUDAA; there are FASTCOLOR_CUDA,"),
        ("FASTCOLOR_CUDA=yes", "FASTCOLOR_CUDA must be AUTO, ON, OFF or EMULATE, not YES"),
        (
            "FASTCOLOR_CUDA_ARCHITECTURES=75;sm_90",
            "FASTCOLOR_CUDA_ARCHITECTURES must be numbers such as 90, not sm_90",
        ),
    ],
)
def test_wrong_options_are_named(tmp_path, option, message):
    done = subprocess.run(
        [CMAKE, "-S", SOURCES, "-B", tmp_path, f"-D{option}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert message in " ".join(done.stderr.split())
