"""Fits the polynomials of csrc/delta_e/delta_e_math.h and prints them with their errors."""

import numpy as np
from fit_curves import show


def angle_squared(t):
    """((degrees of acos(1 - t)) / 25)^2 / t: the exponent of CIEDE2000's rotation term, over t."""
    t = np.maximum(t, 1e-12)
    half = np.arcsin(np.sqrt(t / 2))
    return (np.degrees(2 * half) / 25) ** 2 / t


if __name__ == "__main__":
    for degree in (3, 4, 5):
        show("exponent / t", angle_squared, 0, 1, degree)
    for degree in (4, 5):
        show("exp(-z)", lambda z: np.exp(-z), 0, 0.8125, degree)
    for degree in (2, 3):
        show("sin(x) / x over x^2", lambda s: np.sinc(np.sqrt(s) / np.pi), 0, 1.1, degree)
