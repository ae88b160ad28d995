"""A contact sheet: pictures as they are above pictures as models colour them.

    python -m training.contact MODEL... --set historical -o sheet.png

MODEL is a checkpoint or an exported file, as for training.evaluate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from training.color import grey_to_lightness, rgb_to_luma
from training.evaluate import load
from training.evaluation.measure import render
from training.evaluation.sets import locate, pictures


def fitted(picture: Tensor, side: int) -> Tensor:
    """(3,h,w) shrunk into a square of ``side``, centred on black."""
    height, width = picture.shape[1:]
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(picture[None], size, mode="bilinear", antialias=True)[0]
    canvas = torch.zeros(3, side, side)
    top, left = (side - size[0]) // 2, (side - size[1]) // 2
    canvas[:, top : top + size[0], left : left + size[1]] = small
    return canvas


@torch.inference_mode()
def columns_of(
    source: Path, models: Sequence[object], limit: int, side: int, saturation: float
) -> list[Tensor]:
    """One column per picture: the picture itself, then each model's answer to its luma."""
    columns = []
    for picture in pictures(source, limit, 3 * side):
        lightness = grey_to_lightness(rgb_to_luma(picture.rgb))
        answers = [
            render(lightness, model.predict(lightness), saturation)  # type: ignore[attr-defined]
            for model in models
        ]
        tiles = [fitted(tile, side) for tile in (picture.rgb, *answers)]
        columns.append(torch.cat(tiles, 1))
    return columns


def sheet(columns: Sequence[Tensor], across: int) -> Image.Image:
    """Columns in rows of ``across``."""
    blank = torch.zeros_like(columns[0])
    padded = [*columns, *[blank] * (-len(columns) % across)]
    rows = [torch.cat(padded[n : n + across], 2) for n in range(0, len(padded), across)]
    pixels = (torch.cat(rows, 1).clamp(0, 1) * 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.contact", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("models", nargs="+")
    add("--set", default="historical", help="name, folder or tar")
    add("-o", "--output", type=Path, required=True)
    add("--limit", type=int, default=24)
    add("--side", type=int, default=192)
    add("--across", type=int, default=8)
    add("--size", type=int, default=0, help="working size; 0: what the model says")
    add("--saturation", type=float, default=1.0)
    add("--attribute", action="append", default=[], metavar="KEY=NUMBER")
    options = parser.parse_args(arguments)
    pairs = (item.partition("=") for item in options.attribute)
    attributes = {key: float(value) for key, _, value in pairs}
    try:
        source = locate(options.set)
        models = [load(model, options.size, 0, attributes) for model in options.models]
        columns = columns_of(source, models, options.limit, options.side, options.saturation)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    sheet(columns, options.across).save(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
