"""Writes csrc/lab/curve_tables.h: the curves of sRGB and Lab as 32 polynomial pieces each.

A value v in [0, 1] belongs to the piece whose number is in bits 21 to 25 of the float
u = v * scale + offset: three bits of the exponent and two of the mantissa, so the pieces are
quarters of eight octaves. Scale and offset put the joint between a curve's straight toe and its
power exactly between two pieces. Each piece is fitted for the smallest largest error in the norm of
its curve (Lawson's iteration in float64), then rounded to float32.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
TOP = 0.999  # u at v = 1, so that values a little over 1 keep their piece


def decode(v: np.ndarray) -> np.ndarray:
    return np.where(v <= 0.04045, v / 12.92, ((np.maximum(v, 0) + 0.055) / 1.055) ** 2.4)


def encode(v: np.ndarray) -> np.ndarray:
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055)


def lab_f(t: np.ndarray) -> np.ndarray:
    return np.where(t > (6 / 29) ** 3, np.cbrt(t), t * 841 / 108 + 4 / 29)


def grey_to_f(v: np.ndarray) -> np.ndarray:
    return lab_f(decode(v))


def mapping(joint: float) -> tuple[float, float]:
    """scale and offset with u(1) = TOP, u(joint) on a quarter of an octave, u(0) >= 2^-8."""
    for octave in range(-8, 0):
        for quarter in range(4, 8):
            border = 2.0**octave * quarter / 4
            scale = (TOP - border) / (1 - joint)
            offset = TOP - scale
            if offset >= 2.0**-8:
                return scale, offset
    raise ValueError("no mapping")


def mapping_of_two(first: float, second: float) -> tuple[float, float]:
    """The same for two joints, both on quarters, with u(1) as close below TOP as that allows."""
    borders = [2.0**octave * quarter / 4 for octave in range(-8, 0) for quarter in range(4, 8)]
    found = []
    for low in borders:
        for high in borders:
            scale = (high - low) / (second - first)
            offset = low - first * scale
            if offset >= 2.0**-8 and 0 < scale <= TOP - offset:
                found.append((scale + offset, scale, offset))
    return max(found)[1:]


def fit(function: Function, low: float, high: float, norm: Function, degree: int) -> np.ndarray:
    x = np.cos(np.linspace(0, np.pi, 801)) * (high - low) / 2 + (high + low) / 2
    y = function(x)
    basis = np.vander(x, degree + 1, increasing=True) / norm(x)[:, None]
    target = y / norm(x)
    weights = np.ones_like(x)
    best = (np.inf, np.zeros(degree + 1))
    for _ in range(100):
        root = np.sqrt(weights)[:, None]
        c = np.linalg.lstsq(basis * root, target * root[:, 0], rcond=None)[0]
        error = np.abs(basis @ c - target)
        if error.max() < best[0]:
            best = (error.max(), c)
        weights = weights * error + 1e-30
        weights /= weights.sum()
    return best[1]


def table(
    function: Function, joint: float, norm: Function, second: float | None, degree: int
) -> tuple[np.ndarray, float, float]:
    """Coefficients, scale and offset; the function is straight up to its (first) joint."""
    places = mapping_of_two(joint, second) if second else mapping(joint)
    scale, offset = (float(np.float32(value)) for value in places)
    coefficients = np.zeros((degree + 1, 32))
    for octave in range(-8, 0):
        for quarter in range(4):
            number = ((octave + 127) * 4 + quarter) & 31
            low = max((2.0**octave * (4 + quarter) / 4 - offset) / scale, 0.0)
            high = min((2.0**octave * (5 + quarter) / 4 - offset) / scale, 1.001)
            if high <= 0:  # no value comes here
                continue
            if high <= joint * 1.0001:  # straight
                slope = (function(np.array([joint])) - function(np.array([0.0])))[0] / joint
                coefficients[:2, number] = function(np.array([0.0]))[0], slope
                continue
            low = max(low, joint * 1.0000001)
            coefficients[:, number] = fit(function, low, high, norm, degree)
    return coefficients.astype(np.float32), scale, offset


def error(function: Function, made: tuple[np.ndarray, float, float], norm: Function) -> float:
    c, scale, offset = made
    v = np.linspace(0, 1, 2_000_001).astype(np.float32)
    u = v * np.float32(scale) + np.float32(offset)
    n = (u.view(np.uint32) >> 21) & 31
    p = c[-1][n]
    for row in c[-2::-1]:
        p = p * v + row[n]
    exact = v.astype(np.float64)
    return float(np.abs((p - function(exact)) / norm(exact)).max())


def main() -> None:
    one = np.ones_like
    # An error of decode() is felt through lab_f: weighted so that it is even in L*.
    even_in_l = lambda v: 3 * np.maximum(decode(v), 0.0031) ** (2 / 3)  # noqa: E731
    curves = [
        ("kDecodeCurve", decode, 0.04045, even_in_l, None, 3),
        ("kEncodeCurve", encode, 0.0031308, one, None, 3),
        ("kEncodeFineCurve", encode, 0.0031308, one, None, 4),
        ("kLabCurve", lab_f, (6 / 29) ** 3, one, None, 3),
        ("kGreyCurve", grey_to_f, 0.04045, one, float(encode(np.float64((6 / 29) ** 3))), 3),
    ]
    lines = [
        "// Made by tools/fit_curves.py; see there and curves.h. Largest errors against float64:",
    ]
    body = []
    for name, function, joint, norm, second, degree in curves:
        made = table(function, joint, norm, second, degree)
        plain = error(function, made, one)
        lines.append(f"//   {name}: {plain:.1e}; in L* / 116: {error(function, made, norm):.1e}")
        c, scale, offset = made
        kind = "Curve" if degree == 3 else "FineCurve"
        scale, offset = np.float32(scale), np.float32(offset)
        body.append(f"FC_CURVE {kind} {name} = {{{scale!s}f, {offset!s}f, {{")
        for row in c:
            values = ", ".join(
                f"{value:.9g}f"
                if "." in f"{value:.9g}" or "e" in f"{value:.9g}"
                else f"{value:.1f}f"
                for value in row
            )
            body.append(f"    {{{values}}},")
        body.append("}};")
    lines += ["// clang-format off", *body, "// clang-format on", ""]
    target = Path(__file__).parent.parent / "csrc" / "lab" / "curve_tables.h"
    target.write_text("\n".join(lines))
    sys.stdout.write("\n".join(lines[:6]) + "\n")


if __name__ == "__main__":
    main()
