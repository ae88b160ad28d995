"""clahe against OpenCV, bit for bit, and the promises about bytes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from fastcolor import ops
from hypothesis import given, settings
from hypothesis import strategies as st


def noise(seed, height, width, dtype):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, (height, width), dtype, endpoint=True)


def opencv(image, clip, grid):
    return cv2.createCLAHE(clip, grid).apply(np.ascontiguousarray(image))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (43, 67), (64, 67), (9, 33)])
@pytest.mark.parametrize("grid", [(1, 1), (8, 8), (3, 5)])
def test_equals_opencv(device, dtype, size, grid):
    image = noise(1, *size, dtype)
    got = device.run(ops.clahe, image, 2.0, grid)
    np.testing.assert_array_equal(got, opencv(image, 2.0, grid))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(1, 9),
    st.integers(1, 9),
    st.floats(0.01, 50),
    st.booleans(),
)
def test_any_size_equals_opencv(height, width, columns, rows, clip, deep):
    image = noise(height, height, width, np.uint16 if deep else np.uint8)
    np.testing.assert_array_equal(
        ops.clahe(image, clip, (columns, rows)), opencv(image, clip, (columns, rows))
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strides_and_levels(each_level, dtype):
    image = noise(2, 90, 140, dtype)[::-1, ::3]
    results = each_level(lambda: ops.clahe(image).tobytes())
    assert set(results) == {opencv(image, 2.0, (8, 8)).tobytes()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_limit": 0}, "clip_limit"),
        ({"clip_limit": float("nan")}, "clip_limit"),
        ({"grid": (0, 8)}, "grid"),
        ({"grid": (1 << 20, 1 << 20)}, "grid"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.clahe(np.zeros((4, 4), np.uint8), **arguments)
