"""Measures of colourised and enlarged pictures, each with its definition beside it."""

from .bootstrap import bootstrap_mean
from .ciede import ciede2000
from .image import colourfulness, mae, mse, psnr_from_mse, ssim, ssim_map

__all__ = [
    "bootstrap_mean",
    "ciede2000",
    "colourfulness",
    "mae",
    "mse",
    "psnr_from_mse",
    "ssim",
    "ssim_map",
]
