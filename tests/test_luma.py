"""luma against exact rational arithmetic, and the promises about bytes."""

from __future__ import annotations

import numpy as np
import pytest

from fastcolor import _core, ops

WEIGHTS = {"bt601": (299, 587, 114, 1000), "bt709": (2126, 7152, 722, 10000)}
TYPES = [np.uint8, np.uint16, np.float32]


def photo(rng, height, width, dtype):
    if dtype == np.float32:
        return rng.random((height, width, 3), dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


def reference(image, matrix):
    *weights, whole = WEIGHTS[matrix]
    if image.dtype == np.float32:
        return image.astype(np.float64) @ (np.array(weights) / whole)
    return ((image.astype(np.int64) @ np.array(weights) + whole // 2) // whole).astype(image.dtype)


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (43, 67), (9, 513)])
def test_is_the_rounded_weighted_sum(device, rng, dtype, matrix, size):
    image = photo(rng, *size, dtype)
    got = device.run(ops.luma, image, matrix)
    assert got.dtype == dtype
    atol = 2e-7 if dtype == np.float32 else 0
    np.testing.assert_allclose(got, reference(image, matrix), rtol=0, atol=atol)


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_greys_pass_unchanged(device, rng, dtype, matrix):
    if dtype == np.float32:
        grey = rng.random((64, 1024), dtype=np.float32)
    else:
        grey = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 256)
    image = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(device.run(ops.luma, image, matrix), grey)


@pytest.mark.parametrize("dtype", TYPES)
def test_same_bytes_from_every_level_and_thread_count(each_level, rng, dtype):
    image = photo(rng, 61, 301, dtype)
    results = each_level(lambda: ops.luma(image).tobytes())
    before = _core.thread_count()
    try:
        for threads in (1, 3, 7):
            _core.set_thread_count(threads)
            results.append(ops.luma(image).tobytes())
    finally:
        _core.set_thread_count(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_cuda_gives_the_bytes_of_the_cpu(cuda, rng, dtype, matrix):
    images = [photo(rng, *size, dtype) for size in [(5, 7), (33, 64), (1, 1031)]]
    for image, got in zip(images, cuda.run(ops.luma, images, matrix)):
        np.testing.assert_array_equal(got, ops.luma(image, matrix))


def test_layouts_strides_and_out(device, rng):
    image = photo(rng, 40, 50, np.uint8)
    expected = reference(image, "bt601")
    planar = np.ascontiguousarray(image.transpose(2, 0, 1))
    np.testing.assert_array_equal(device.run(ops.luma, planar, layout="planar"), expected)
    for cut in (np.s_[::-1], np.s_[3:, ::3], np.s_[1:30:2, 7::-1]):
        np.testing.assert_array_equal(device.run(ops.luma, image[cut]), expected[cut])
    out = device.put(np.zeros((40, 100), np.uint8)[:, ::2])
    assert ops.luma(device.put(image), out=out) is out
    np.testing.assert_array_equal(device.get(out), expected)


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        (np.zeros((4, 4), np.uint8), {}, ValueError, "image must have 3 dimensions"),
        (np.zeros((4, 4, 4), np.uint8), {}, ValueError, "image must have 3 channels"),
        (np.zeros((4, 4, 3)), {}, TypeError, "image must be uint8"),
        (np.zeros((4, 4, 3), np.float16), {}, TypeError, "image must be uint8"),
        (np.full((4, 4, 3), np.nan, np.float32), {}, ValueError, "image must be finite"),
        (np.zeros((4, 4, 3), np.uint8), {"matrix": "bt2020"}, ValueError, "matrix must be"),
        (np.zeros((4, 4, 3), np.uint8), {"layout": "chw"}, ValueError, "layout must be"),
    ],
)
def test_bad_input_is_named(image, options, error, message):
    with pytest.raises(error, match=message):
        ops.luma(image, **options)


@pytest.mark.parametrize(
    ("matrix", "weights"), [("bt601", (299, 587, 114)), ("bt709", (2126, 7152, 722))]
)
def test_every_byte_colour_is_rounded_exactly(matrix, weights):
    levels = np.arange(256, dtype=np.uint8)
    plane = np.empty((256, 256, 3), np.uint8)
    plane[..., 1] = levels[:, None]
    plane[..., 2] = levels
    whole = sum(weights)
    for red in levels[::5]:
        plane[..., 0] = red
        exact = (plane.astype(np.int64) @ np.array(weights) + whole // 2) // whole
        np.testing.assert_array_equal(ops.luma(plane, matrix), exact)
