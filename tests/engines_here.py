"""The engines that run on this machine's CPU, and what they are given."""

from __future__ import annotations

import numpy as np

from fastcolor.engines import KINDS, problem_of

HERE = [name for name, kind in KINDS.items() if problem_of(kind, "cpu") is None]


def batch(rng: np.random.Generator, n: int, height: int, width: int) -> np.ndarray:
    return rng.uniform(-1, 1, (n, 1, height, width)).astype(np.float32)
