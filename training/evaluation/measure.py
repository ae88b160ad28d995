"""Every measure of one rendering, and the summary of a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..color import lab_to_rgb_in_gamut, rgb_to_lab
from ..metrics import (
    bootstrap_mean,
    ciede2000,
    colourfulness,
    mae,
    mse,
    psnr_from_mse,
    ssim,
)
from ..metrics.perceptual import Lpips
from .predictors import Prediction

Record = dict[str, float]
SMALLEST = 11  # pixels a side has at least, for the window of SSIM

DEFINITIONS = {
    "mae": "mean |difference| of 8-bit sRGB divided by 255, mean over pictures",
    "mse": "mean squared difference of 8-bit sRGB, mean over pictures",
    "psnr": "dB of 8-bit sRGB, peak 255, capped at 50 dB per picture, mean over pictures",
    "psnr_pooled": "dB of the squared error over all pixels of the set",
    "ssim": "Gaussian window 11 x 11, sigma 1.5, windows inside the picture, mean of R, G, B",
    "lpips": "LPIPS v0.1 with the SqueezeNet 1.1 trunk, whole picture",
    "lpips_alex": "LPIPS v0.1 with the AlexNet trunk, whole picture",
    "ciede": "CIEDE2000, mean over pixels, mean over pictures",
    "ciede_p95": "95th percentile over pixels of CIEDE2000, mean over pictures",
    "colour": "Hasler-Suesstrunk colourfulness with signed differences, mean over pictures",
    "colour_truth": "the same of the true pictures",
    "colour_error": "mean over pictures of |colourfulness - colourfulness of the truth|",
    "cast_a": "mean a of the set minus mean a of the truth (every picture weighs the same)",
    "cast_b": "the same for b",
    "fid": "Frechet distance of Inception features, where their trunk is at hand",
}


class Truth:
    """A true picture with what every comparison to it needs, computed once."""

    def __init__(self, rgb: Tensor, lpips: Mapping[str, Lpips]) -> None:
        self.rgb = rgb
        self.lpips = lpips
        self.features = {name: metric.features(rgb[None]) for name, metric in lpips.items()}
        self.lab = rgb_to_lab(rgb)
        self.colour = colourfulness(rgb)


def quantise(rgb: Tensor) -> Tensor:
    """To the 8-bit grid: what would be written to a file."""
    return (rgb * 255).round() / 255


def render(
    lightness: Tensor, prediction: Prediction, saturation: float, own_rgb: bool = False
) -> Tensor:
    """The 8-bit picture of a prediction: L* of the input with the predicted chroma.

    `own_rgb` keeps a restorer's whole picture, enlarged, instead of its chroma alone.
    """
    if own_rgb and prediction.rgb is not None:
        size = lightness.shape[-2:]
        picture = F.interpolate(prediction.rgb[None], size, mode="bicubic", antialias=True)
        return quantise(picture[0].clamp(0, 1))
    return quantise(lab_to_rgb_in_gamut(torch.cat((lightness, prediction.ab * saturation))))


def compare(picture: Tensor, truth: Truth) -> Record:
    """All measures of one 8-bit picture against its truth."""
    lab = rgb_to_lab(picture)
    error = ciede2000(lab, truth.lab).flatten()
    squared = mse(picture, truth.rgb)
    colour = colourfulness(picture)
    cast = (lab[1:] - truth.lab[1:]).mean(dim=(1, 2))
    rank = max(1, round(0.95 * error.numel()))
    record = {
        "mae": mae(picture, truth.rgb),
        "mse": squared,
        "psnr": psnr_from_mse(squared),
        "ssim": ssim(picture, truth.rgb),
        "ciede": float(error.mean()),
        "ciede_p95": float(error.kthvalue(rank).values),
        "colour": colour,
        "colour_truth": truth.colour,
        "colour_error": abs(colour - truth.colour),
        "cast_a": float(cast[0]),
        "cast_b": float(cast[1]),
        "pixels": float(error.numel()),
    }
    for name, metric in truth.lpips.items():
        found = metric.distance(metric.features(picture[None]), truth.features[name])
        record[name] = float(found)
    return record


def summarise(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Mean and 95 % bootstrap interval of every measure, plus the pooled PSNR."""
    out: dict[str, dict[str, float]] = {}
    for key in records[0]:
        if key == "pixels":
            continue
        values = [record[key] for record in records]
        low, high = bootstrap_mean(values)
        out[key] = {"mean": sum(values) / len(values), "low": low, "high": high}
    pixels = sum(record["pixels"] for record in records)
    pooled = sum(record["mse"] * record["pixels"] for record in records) / pixels
    out["psnr_pooled"] = {"mean": psnr_from_mse(pooled)}
    return out
