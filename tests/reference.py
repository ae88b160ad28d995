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
