"""The best common way of doing what an operator does, in OpenCV and NumPy.

Needs cv2. Results go to preallocated arrays where OpenCV allows it, as ours do.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

Array = Any
EPSILON = 100.0  # of the guided slope, in L units
SIGMA = 0.7


def lightness_table(levels: int = 256) -> Array:
    """L* of every grey level, float32."""
    v = np.arange(levels) / (levels - 1)
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    f = np.where(linear > (6 / 29) ** 3, np.cbrt(linear), linear * 841 / 108 + 4 / 29)
    return (116 * f - 16).astype(np.float32)


_TABLE = lightness_table()


def rgb_to_lab(image: Array) -> Array:
    return cv2.cvtColor(np.multiply(image, np.float32(1 / 255)), cv2.COLOR_RGB2Lab)


def lab_to_rgb(lab: Array, out: Array | None = None) -> Array:
    return cv2.convertScaleAbs(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), dst=out, alpha=255.0)


def luma(image: Array, out: Array | None = None) -> Array:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, dst=out)


def merge_bilinear(grey: Array, ab: Array, out: Array | None = None) -> Array:
    size = (grey.shape[1], grey.shape[0])
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in ab]
    return lab_to_rgb(cv2.merge([cv2.LUT(grey, _TABLE), *planes]), out)


def blurred(plane: Array) -> Array:
    return cv2.GaussianBlur(plane, (5, 5), SIGMA, borderType=cv2.BORDER_REPLICATE)


def merge_guided(grey: Array, ab: Array, out: Array | None = None) -> Array:
    """ab = bicubic(ab) + A * (L - bicubic(L)), with A = cov(L, ab) / (var(L) + eps), smoothed."""
    full, small = (grey.shape[1], grey.shape[0]), (ab.shape[2], ab.shape[1])
    light = cv2.LUT(grey, _TABLE)
    guide = cv2.LUT(cv2.resize(grey, small, interpolation=cv2.INTER_AREA), _TABLE)
    detail = light - cv2.resize(guide, full, interpolation=cv2.INTER_CUBIC)
    mean = blurred(guide)
    variance = blurred(guide * guide) - mean * mean
    planes = []
    for plane in ab:
        slope = blurred((blurred(guide * plane) - mean * blurred(plane)) / (variance + EPSILON))
        base = cv2.resize(plane, full, interpolation=cv2.INTER_CUBIC)
        term = cv2.multiply(cv2.resize(slope, full, interpolation=cv2.INTER_LINEAR), detail)
        planes.append(cv2.add(base, term, dst=base))
    return lab_to_rgb(cv2.merge([light, *planes]), out)


def merge_yuv420(grey: Array, ab: Array) -> Array:
    """The guided composition, then Y, U, V at 4:2:0 (limited range) in one plane."""
    return cv2.cvtColor(merge_guided(grey, ab), cv2.COLOR_RGB2YUV_I420)


def full_range_chroma(yuv: Array, height: int, width: int) -> tuple[Array, Array]:
    """Cb and Cr of merge_yuv420 at full range, to hold ours against them (not timed)."""
    planes = yuv[height:].reshape(2, height // 2, width // 2).astype(np.float32)
    cb, cr = (planes - 128) * np.float32(255 / 224) + 128
    return cb, cr


def prepare(grey: Array, width: int, height: int, padded_width: int, padded_height: int) -> Array:
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    light = _TABLE[small] / np.float32(50) - np.float32(1)
    pad = ((0, padded_height - height), (0, padded_width - width))
    return np.pad(light, pad, mode="reflect")[None, None]


def clahe(grey: Array, out: Array | None = None) -> Array:
    return cv2.createCLAHE(2.0, (8, 8)).apply(grey, out)


def split_tiles(grey: Array, tile: int, overlap: int, out: Array) -> Array:
    """A mirrored border, then every tile copied out of it."""
    step, margin = tile - overlap, overlap // 2
    rows, columns = (-(-side // step) for side in grey.shape)
    below, right = (
        (count - 1) * step + tile - margin - side
        for count, side in zip((rows, columns), grey.shape)
    )
    padded = cv2.copyMakeBorder(grey, margin, below, margin, right, cv2.BORDER_REFLECT_101)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (tile, tile))[::step, ::step]
    np.copyto(out.reshape(rows, columns, tile, tile), windows)
    return out


def blend_tiles(shape: tuple[int, int], tiles: Array, overlap: int) -> Array:
    """Every tile times its window, added up."""
    tile, margin = tiles.shape[-1], overlap // 2
    step = tile - overlap
    counts = [-(-side // step) for side in shape]
    rise = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap) ** 2
    windows = []
    for count in counts:
        window = np.ones((count, tile), np.float32)
        window[1:, :overlap] = rise
        window[:-1, step:] = rise[::-1]
        windows.append(window)
    whole = np.zeros([(count - 1) * step + tile for count in counts], np.float32)
    for index, part in enumerate(tiles):
        row, column = divmod(index, counts[1])
        weight = windows[0][row][:, None] * windows[1][column]
        y, x = row * step, column * step
        whole[y : y + tile, x : x + tile] += part * weight
    return whole[margin : margin + shape[0], margin : margin + shape[1]]


def delta_e2000() -> Any:
    """scikit-image's, where it is installed; else None."""
    try:
        from skimage.color import deltaE_ciede2000
    except ImportError:
        return None
    difference: Any = deltaE_ciede2000
    return lambda lab1, lab2, out: difference(lab1, lab2)


def version() -> str:
    return f"cv2 {cv2.__version__}"


def one_thread(threads: int) -> None:
    cv2.setNumThreads(threads)
