"""Measure the mean a, b of training pictures per L* level, for the baseline.

`python -m training.evaluation.mean_colour --pictures 2000` writes mean_colour.json.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path

import torch

from .. import paths
from ..color import rgb_to_lab
from .predictors import MEAN_COLOUR
from .sets import pictures


def measure(shards: list[Path], count: int) -> list[list[float]]:
    """Rows of (a, b) for L* = 0..100; a level that no picture has is neutral."""
    total = torch.zeros(101, 2, dtype=torch.float64)
    pixels = torch.zeros(101, 1, dtype=torch.float64)
    stream = (picture for shard in shards for picture in pictures(shard))
    for picture in islice(stream, count):
        lab = rgb_to_lab(picture.rgb).flatten(1)
        level = lab[0].round().long().clamp(0, 100)
        total.index_add_(0, level, lab[1:].T.double())
        pixels.index_add_(0, level, torch.ones(len(level), 1, dtype=torch.float64))
    return [[round(float(v), 2) for v in row] for row in total / pixels.clamp_min(1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--data", type=Path, default=None)
    args = parser.parse_args()
    shards = sorted(((args.data or paths.data_dir()) / "train").glob("train-*.tar"))
    table = measure(shards, args.pictures)
    text = json.dumps({"pictures": args.pictures, "ab_per_lightness": table})
    MEAN_COLOUR.write_text(text + "\n")


if __name__ == "__main__":
    main()
