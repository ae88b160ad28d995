"""Contact sheets of pictures without a truth, to judge by eye."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..color import grey_to_lightness, lightness_to_grey, rgb_to_luma
from .measure import render
from .predictors import Network
from .sets import Picture


def _image(rgb: Tensor, height: int) -> Image.Image:
    array = (rgb.expand(3, -1, -1).permute(1, 2, 0) * 255).round().byte().numpy()
    image = Image.fromarray(np.ascontiguousarray(array))
    return image.resize((max(1, round(image.width * height / image.height)), height))


def contact_sheet(
    network: Network,
    source: Iterable[Picture],
    path: Path,
    saturation: float,
    height: int = 192,
    width: int = 1600,
) -> None:
    """Grey and colour side by side, rows of `height` up to `width` pixels, as one PNG."""
    rows: list[list[Image.Image]] = [[]]
    used = 0
    with torch.inference_mode():
        for picture in source:
            lightness = grey_to_lightness(rgb_to_luma(picture.rgb))
            colour = render(lightness, network.predict(lightness), saturation)
            pair = [_image(lightness_to_grey(lightness), height), _image(colour, height)]
            wide = sum(image.width for image in pair) + 12
            if rows[-1] and used + wide > width:
                rows.append([])
                used = 0
            rows[-1] += pair
            used += wide
    sheet = Image.new("RGB", (width, len(rows) * (height + 8)), "white")
    for number, row in enumerate(rows):
        left = 0
        for place, image in enumerate(row):
            sheet.paste(image, (left, number * (height + 8)))
            left += image.width + (12 if place % 2 else 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
