"""Measure how often the ab bins occur in training photographs.

`python -m training.losses.prior --pictures 3000` writes ab_prior.json.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path

import torch
from torch.nn import functional as F

from .. import paths
from ..color import AB_UNIT, rgb_to_lab
from .bins import PRIOR, AbBins, gamut_cells


def measure_prior(shards: list[Path], count: int) -> AbBins:
    """Cells of the gamut with their frequency in `count` pictures, slightly smoothed."""
    from ..evaluation.sets import pictures

    bins = AbBins(gamut_cells(), torch.ones(len(gamut_cells())))
    total = torch.zeros(len(bins), dtype=torch.float64)
    for picture in islice((p for shard in shards for p in pictures(shard)), count):
        small = F.avg_pool2d(rgb_to_lab(picture.rgb)[None, 1:] / AB_UNIT, 4)
        total += torch.bincount(bins.nearest(small).flatten(), minlength=len(bins))
    total = total + total.sum() * 1e-6
    return AbBins(bins.centres, total)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the prior of the ab bins.")
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--data", type=Path, default=None)
    args = parser.parse_args()
    shards = sorted(((args.data or paths.data_dir()) / "train").glob("train-*.tar"))
    bins = measure_prior(shards, args.pictures)
    prior = [float(f"{p:.4g}") for p in bins.prior.tolist()]
    table = {"centres": bins.centres.int().tolist(), "prior": prior}
    PRIOR.write_text(json.dumps(table, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
