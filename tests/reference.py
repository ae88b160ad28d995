"""Slow float64 twins of the operators, written from the definitions in DESIGN terms: sRGB (IEC
61966-2-1), D65, CIE 1976 L*a*b*, with the matrix rows divided by their sums (see lab_math.h)."""

from __future__ import annotations

import numpy as np

_MATRIX = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
RGB_TO_XYZ = _MATRIX / _MATRIX.sum(axis=1, keepdims=True)
XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)


def decode(srgb: np.ndarray) -> np.ndarray:
    v = np.clip(srgb, 0, 1)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encode(linear: np.ndarray) -> np.ndarray:
    v = np.clip(linear, 0, 1)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def lab_f(t: np.ndarray) -> np.ndarray:
    return np.where(t > (6 / 29) ** 3, np.cbrt(t), t * 841 / 108 + 4 / 29)


def lab_f_inverse(f: np.ndarray) -> np.ndarray:
    return np.where(f > 6 / 29, f**3, (f - 4 / 29) * 108 / 841)


def rgb_to_lab(srgb: np.ndarray) -> np.ndarray:
    f = lab_f(decode(srgb) @ RGB_TO_XYZ.T)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_linear(lab: np.ndarray) -> np.ndarray:
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    return lab_f_inverse(f) @ XYZ_TO_RGB.T


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    return encode(lab_to_linear(lab))


# --- prepare and merge ----------------------------------------------------------------------


def area_axis(source: int, target: int) -> np.ndarray:
    """(target, source) weights of the area mean; linear between centres when enlarging."""
    weights = np.zeros((target, source))
    if source >= target:
        edges = np.arange(target + 1) * source / target
        for i in range(target):
            low, high = edges[i], edges[i + 1]
            for x in range(int(low), min(int(np.ceil(high)), source)):
                weights[i, x] = max(0.0, min(high, x + 1) - max(low, x))
    else:
        for i in range(target):
            position = (i + 0.5) * source / target - 0.5
            left = int(np.floor(position))
            part = position - left
            weights[i, min(max(left, 0), source - 1)] += 1 - part
            weights[i, min(max(left + 1, 0), source - 1)] += part
    return weights / weights.sum(axis=1, keepdims=True)


def lightness(grey: np.ndarray) -> np.ndarray:
    return 116 * lab_f(decode(grey)) - 16


def small_lightness(grey: np.ndarray, width: int, height: int) -> np.ndarray:
    mean = area_axis(grey.shape[0], height) @ grey @ area_axis(grey.shape[1], width).T
    return lightness(mean)


def taps(full: int, small: int, kernel: str, step: int = 1) -> np.ndarray:
    """(count, small) weights that interpolate ceil(full / step) samples from `small` ones."""
    count = -(-full // step)
    weights = np.zeros((count, small))
    for x in range(count):
        position = (x + 0.5) * small * step / full - 0.5
        left = int(np.floor(position))
        t = position - left
        if kernel == "linear":
            values = {0: 1 - t, 1: t}
        else:  # Catmull-Rom
            values = {
                -1: (-(t**3) + 2 * t**2 - t) / 2,
                0: (3 * t**3 - 5 * t**2 + 2) / 2,
                1: (-3 * t**3 + 4 * t**2 + t) / 2,
                2: (t**3 - t**2) / 2,
            }
        for offset, value in values.items():
            weights[x, min(max(left + offset, 0), small - 1)] += value
    return weights


def gaussian(plane: np.ndarray, sigma: float = 0.7) -> np.ndarray:
    w = np.exp(-(np.arange(-2, 3) ** 2) / (2 * sigma**2))
    w /= w.sum()
    padded = np.pad(plane, 2, mode="edge")
    rows = sum(w[k] * padded[k : k + plane.shape[0]] for k in range(5))
    return sum(w[k] * rows[:, k : k + plane.shape[1]] for k in range(5))


def upsampled_ab(
    grey: np.ndarray,
    light: np.ndarray,
    ab: np.ndarray,
    chroma: str,
    step_x: int = 1,
    step_y: int = 1,
) -> np.ndarray:
    """ab (2, h, w) at the grid of `light`, which is the L* of `grey` (H, W) or of its cells."""
    height, width = ab.shape[1:]

    def enlarge(plane: np.ndarray, kernel: str) -> np.ndarray:
        rows = taps(grey.shape[0], height, kernel, step_y)
        return rows @ plane @ taps(grey.shape[1], width, kernel, step_x).T

    if chroma == "bilinear":
        return np.stack([enlarge(plane, "linear") for plane in ab])
    if chroma == "bicubic":
        return np.stack([enlarge(plane, "cubic") for plane in ab])
    small = small_lightness(grey, width, height)
    detail = light - enlarge(small, "cubic")
    mean = gaussian(small)
    variance = gaussian(small**2) - mean**2
    out = []
    for plane in ab:
        slope = gaussian((gaussian(small * plane) - mean * gaussian(plane)) / (variance + 100))
        out.append(enlarge(plane, "cubic") + enlarge(slope, "linear") * detail)
    return np.stack(out)


def into_gamut(linear: np.ndarray) -> np.ndarray:
    """Linear RGB moved towards the grey of its luminance until it fits."""
    y = (linear @ RGB_TO_XYZ[1])[..., None]
    tint = linear - y
    high, low = tint.max(-1, keepdims=True), -tint.min(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.minimum(np.where(high > 0, (1 - y) / high, 1), np.where(low > 0, y / low, 1))
    return y + tint * np.clip(factor, 0, 1)


def colour(light: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Encoded RGB inside the gamut of L* (H, W) and ab (2, H, W)."""
    return encode(into_gamut(lab_to_linear(np.dstack([light, *ab]))))


def merge_rgb(grey: np.ndarray, ab: np.ndarray, chroma: str, saturation: float = 1.0) -> np.ndarray:
    light = lightness(grey)
    return colour(light, upsampled_ab(grey, light, ab * saturation, chroma))


def merge_ycc(
    grey: np.ndarray, ab: np.ndarray, chroma: str, step_x: int, step_y: int, kr: float, kb: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cb, Cr in [-0.5, 0.5] for Y' = grey."""
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % step_y), (0, -width % step_x)), mode="edge")
    shape = (padded.shape[0] // step_y, step_y, padded.shape[1] // step_x, step_x)
    light = lightness(padded.reshape(shape).mean((1, 3)))
    rgb = colour(light, upsampled_ab(grey, light, ab, chroma, step_x, step_y))
    luma = rgb @ np.array([kr, 1 - kr - kb, kb])
    return (rgb[..., 2] - luma) * 0.5 / (1 - kb), (rgb[..., 0] - luma) * 0.5 / (1 - kr)
