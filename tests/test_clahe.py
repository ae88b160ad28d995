"""clahe against OpenCV, bit for bit, and the promises about bytes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcolor import _core, build_info, ops


def noise(seed, height, width, dtype):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, (height, width), dtype, endpoint=True)


def opencv(image, clip, grid):
    return cv2.createCLAHE(clip, grid).apply(np.ascontiguousarray(image))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (43, 67), (64, 67), (9, 33)])
@pytest.mark.parametrize("grid", [(1, 1), (4, 4), (3, 5)])
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
@pytest.mark.parametrize("step", [1, 3])
def test_strides_and_levels(each_level, dtype, step):
    image = noise(2, 90, 140, dtype)[::-1, ::step]
    results = each_level(lambda: ops.clahe(image).tobytes())
    assert set(results) == {opencv(image, 2.0, (8, 8)).tobytes()}


@pytest.fixture
def threads():
    before = build_info()["threads"]
    yield _core.set_thread_count
    _core.set_thread_count(before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (20, 3)])
def test_any_number_of_threads(threads, dtype, grid):
    image = noise(3, 700, 181, dtype)
    expected = opencv(image, 3.0, grid)
    for count in (1, 2, 3, 8):
        threads(count)
        np.testing.assert_array_equal(ops.clahe(image, 3.0, grid), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(2, 66001), (66001, 2)])
def test_sides_over_65536(dtype, size):
    image = noise(4, *size, dtype)
    np.testing.assert_array_equal(ops.clahe(image, grid=(3, 2)), opencv(image, 2.0, (3, 2)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_narrow_range(dtype):
    image = noise(5, 60, 70, dtype) % 9 + 100
    np.testing.assert_array_equal(ops.clahe(image, grid=(2, 2)), opencv(image, 2.0, (2, 2)))


@pytest.mark.parametrize("clip", [256.0, 1e4])
def test_large_clip_limit(device, clip):
    image = noise(6, 40, 60, np.uint8) // 3
    got = device.run(ops.clahe, image, clip, (2, 2))
    np.testing.assert_array_equal(got, opencv(image, clip, (2, 2)))


def test_huge_clip_limit_clips_nothing():
    image = noise(7, 40, 60, np.uint8) // 3
    np.testing.assert_array_equal(ops.clahe(image, 1e300), ops.clahe(image, 1e6))


def test_out(device):
    image = noise(8, 33, 50, np.uint8)
    out = np.zeros((33, 100), np.uint8)[:, ::2] if device.name == "cpu" else np.zeros_like(image)
    target = device.put(out)
    assert ops.clahe(device.put(image), grid=(2, 2), out=target) is target
    np.testing.assert_array_equal(device.get(target), opencv(image, 2.0, (2, 2)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_list_of_sizes(device, dtype):
    images = [noise(k, 20 + 9 * k, 70 - 13 * k, dtype) for k in range(4)]
    got = device.run(ops.clahe, images, 2.0, (2, 3))
    for result, image in zip(got, images, strict=True):
        np.testing.assert_array_equal(result, opencv(image, 2.0, (2, 3)))


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cuda_gives_the_bytes_of_the_cpu(cuda, dtype):
    images = [noise(9, 130, 75, dtype)[:, ::-1], noise(10, 75, 130, dtype) // 7]
    for grid in ((1, 1), (3, 2)):
        on_cpu = ops.clahe(images, 4.0, grid)
        on_cuda = cuda.run(ops.clahe, images, 4.0, grid)
        assert [a.tobytes() for a in on_cuda] == [a.tobytes() for a in on_cpu]


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((4, 4), np.float32), TypeError),
        (np.zeros((4, 4, 3), np.uint8), ValueError),
        (np.zeros((0, 4), np.uint8), ValueError),
    ],
)
def test_bad_pictures_are_named(image, error):
    with pytest.raises(error, match="luma"):
        ops.clahe(image)


def test_bad_out_is_named():
    image = np.zeros((4, 6), np.uint8)
    for out in (np.zeros((6, 4), np.uint8), np.zeros((4, 6), np.uint16)):
        with pytest.raises((TypeError, ValueError), match="out"):
            ops.clahe(image, out=out)


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
