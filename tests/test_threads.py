"""Threads: how many, how few the system allows, callers in many threads, forks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import fastcolor

PICTURES = """
import os, resource, sys, threading
import numpy as np
import fastcolor
from fastcolor import ops

rng = np.random.default_rng(3)
image = rng.integers(0, 256, (200, 300, 3), np.uint8)
ab = rng.normal(0, 20, (2, 20, 30)).astype(np.float32)

def results():
    grey = image[..., 1]
    made = (ops.rgb_to_lab(image), ops.clahe(grey), ops.merge_rgb(grey, ab), ops.luma(image))
    return [array.tobytes() for array in made]

fastcolor.set_thread_count(1)
expected = results()
"""
CALLERS = """
fastcolor.set_thread_count(4)
wrong = []
stop = threading.Event()

def call():
    while not stop.is_set():
        if results() != expected:
            wrong.append(1)

callers = [threading.Thread(target=call) for _ in range(8)]
for caller in callers:
    caller.start()
for _ in range(8):  # while the others work
    child = os.fork()
    if child == 0:
        os._exit(0 if results() == expected else 9)
    if os.waitpid(child, 0)[1] != 0:
        wrong.append(2)
stop.set()
for caller in callers:
    caller.join()
sys.exit(f"wrong: {wrong}" if wrong else 0)
"""
NO_ROOM = """
image = np.concatenate([image] * 40)
expected = ops.luma(image)
out = np.zeros_like(expected)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
try:
    for _ in range(512):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    os._exit(8)  # there was room for all
except RuntimeError:
    fastcolor.set_thread_count(1024)
    ops.luma(image, out=out)
    os._exit(0 if (out == expected).all() else 9)
"""


def in_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("code", [CALLERS, NO_ROOM], ids=["callers and forks", "no room"])
def test_the_same_bytes(code):
    done = in_python(PICTURES + code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wanted", ["0", "-1", "four", "1.5", "1025", "9" * 30, "4\udcff"])
def test_a_wrong_number_in_the_environment_is_one_sentence(wanted):
    done = in_python("from fastcolor.cli import main; main()", FASTCOLOR_THREADS=wanted)
    assert done.returncode == 7
    said = wanted.replace("\udcff", "?")
    assert done.stderr == (
        f"fastcolor: error: FASTCOLOR_THREADS={said}: use a number from 1 to 1024\n"
    )


def test_the_environment_says_how_many():
    for wanted, count in (("3", 3), ("", len(os.sched_getaffinity(0)))):
        done = in_python(
            "import fastcolor; print(fastcolor.thread_count())", FASTCOLOR_THREADS=wanted
        )
        assert done.stdout == f"{count}\n", done.stderr


@pytest.mark.parametrize(
    ("count", "error"),
    [(0, ValueError), (1025, ValueError), (10**19, ValueError), ("a", TypeError), (2.0, TypeError)],
)
def test_wrong_counts_are_named(count, error):
    before = fastcolor.thread_count()
    with pytest.raises(error, match=r"^count must be [^\n]*$"):
        fastcolor.set_thread_count(count)
    assert fastcolor.thread_count() == before


def test_an_import_does_not_start_cuda():
    """Processes that fork after it could not use their GPU; build_info() is what asks for one."""
    done = in_python(
        "import sys\n"
        "called = []\n"
        "def note(frame, event, arg):\n"
        "    if event == 'c_call':\n"
        "        called.append(arg.__name__)\n"
        "sys.setprofile(note)\n"
        "import fastcolor.colorizer\n"
        "before = called.count('build_info')\n"
        "fastcolor.build_info()\n"
        "sys.setprofile(None)\n"
        "print(before, called.count('build_info'))"
    )
    assert done.stdout == "0 1\n", done.stdout + done.stderr
