"""Fits the polynomials of csrc/lab/lab_math.h and prints them with their errors.

Relative minimax fits by Lawson's iteration (weighted least squares whose weights follow the
error), in float64; the coefficients are then rounded to float32 and the error measured again.
"""

import numpy as np


def fit(function, low, high, degree):
    x = np.cos(np.linspace(0, np.pi, 4001)) * (high - low) / 2 + (high + low) / 2
    y = function(x)
    basis = np.vander(x, degree + 1, increasing=True) / y[:, None]
    weights = np.ones_like(x)
    best = None
    for _ in range(200):
        root = np.sqrt(weights)[:, None]
        coefficients = np.linalg.lstsq(basis * root, root[:, 0], rcond=None)[0]
        error = np.abs(basis @ coefficients - 1)
        if best is None or error.max() < best[0]:
            best = error.max(), coefficients
        weights = weights * error
        weights /= weights.sum()
    rounded = best[1].astype(np.float32).astype(np.float64)
    return best[1], np.abs(basis @ rounded - 1).max()


def show(title, function, low, high, degree):
    coefficients, error = fit(function, low, high, degree)
    print(f"{title}: degree {degree} on [{low}, {high}], relative error {error:.2e}")
    for power, value in enumerate(coefficients):
        print(f"  x^{power}: {np.float32(value)!r:>24}  {float(np.float32(value)).hex()}")


if __name__ == "__main__":
    for degree in (4, 5, 6):
        show("mantissa^2.4", lambda m: m**2.4, 1, 2, degree)
        show("mantissa^(1/2.4)", lambda m: m ** (1 / 2.4), 1, 2, degree)
    for degree in (2, 3, 4, 5):
        show("(1 - r)^(-1/3)", lambda r: (1 - r) ** (-1 / 3), -0.11, 0.11, degree)
    # The cheapest start for x^(-1/3): a line in the bits. Its magic number minimises the error.
    x = np.exp2(np.linspace(-12, 3, 600001)).astype(np.float32)
    bits = x.view(np.int32).astype(np.float32)
    results = []
    for offset in np.linspace(0.0, 0.2, 401):
        start = (4 / 3 * (127 - offset)) * 2**23
        guess = (np.float32(start) - bits * np.float32(1 / 3)).astype(np.int32).view(np.float32)
        r = 1 - x.astype(np.float64) * guess.astype(np.float64) ** 3
        results.append((np.abs(r).max(), start, r.min(), r.max()))
    print("x^(-1/3) start: |r| <=, magic, r from, r to", min(results))
