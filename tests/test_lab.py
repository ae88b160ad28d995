"""rgb_to_lab and lab_to_rgb against scikit-image in float64, and the promises about bytes."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab

from fastcolor import _core, ops

GREY_RAMP = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def photo(rng, height, width, dtype=np.uint8):
    if dtype == np.float32:
        return rng.random((height, width, 3), dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (43, 67), (9, 513)])
def test_matches_scikit_image(device, rng, dtype, size):
    image = photo(rng, *size, dtype)
    scale = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    lab = device.run(ops.rgb_to_lab, image)
    assert lab.dtype == np.float32
    np.testing.assert_allclose(lab, rgb2lab(image / np.float64(scale)), atol=0.01)


@pytest.mark.parametrize(
    ("dtype", "atol"), [(np.uint8, 0.51), (np.uint16, 0.9), (np.float32, 8e-6)]
)
def test_inverse_matches_float64(device, rng, dtype, atol):
    lab = rgb2lab(photo(rng, 31, 77) / 255.0).astype(np.float32)
    lab[:4] *= (1, 1.5, 1.5)  # some of these leave the gamut and are clipped
    scale = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    got = device.run(ops.lab_to_rgb, lab, dtype)
    assert got.dtype == dtype
    expected = reference.lab_to_rgb(lab.astype(np.float64)) * scale
    np.testing.assert_allclose(got.astype(np.float64), expected, atol=atol)


def test_reference_agrees_with_scikit_image(rng):
    image = photo(rng, 31, 77) / 255.0
    np.testing.assert_allclose(reference.rgb_to_lab(image), rgb2lab(image), atol=0.006)


def test_round_trip_is_identity_for_all_colours():
    levels = np.arange(256, dtype=np.uint8)
    plane = np.empty((256, 256, 3), np.uint8)
    plane[..., 1] = levels[:, None]
    plane[..., 2] = levels
    for red in levels:
        plane[..., 0] = red
        np.testing.assert_array_equal(ops.lab_to_rgb(ops.rgb_to_lab(plane)), plane)


def test_neutral_stays_neutral(device):
    lab = device.run(ops.rgb_to_lab, GREY_RAMP)
    assert not lab[..., 1:].any()
    assert (np.diff(lab[0, :, 0]) > 0).all()
    np.testing.assert_array_equal(device.run(ops.lab_to_rgb, lab), GREY_RAMP)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_same_bytes_from_every_level_and_thread_count(each_level, rng, dtype):
    image = photo(rng, 61, 301, dtype)

    def convert():
        lab = ops.rgb_to_lab(image)
        return lab.tobytes(), ops.lab_to_rgb(lab, dtype).tobytes()

    results = each_level(convert)
    before = _core.thread_count()
    try:
        for threads in (1, 3, 7):
            _core.set_thread_count(threads)
            results.append(convert())
    finally:
        _core.set_thread_count(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_cuda_gives_the_bytes_of_the_cpu(cuda, rng, dtype):
    images = [photo(rng, *size, dtype) for size in [(5, 7), (33, 64), (1, 1031)]]
    for image, lab in zip(images, cuda.run(ops.rgb_to_lab, images)):
        expected = ops.rgb_to_lab(image)
        np.testing.assert_array_equal(lab, expected)
        np.testing.assert_array_equal(
            cuda.run(ops.lab_to_rgb, expected, dtype), ops.lab_to_rgb(expected, dtype)
        )


def test_half_precision_lab_on_cuda(cuda, rng):
    image = photo(rng, 12, 34)
    lab = cuda.run(ops.rgb_to_lab, image, dtype=np.float16)
    np.testing.assert_array_equal(lab, ops.rgb_to_lab(image).astype(np.float16))


def test_layouts_and_strides(device, rng):
    image = photo(rng, 40, 50)
    expected = ops.rgb_to_lab(image)
    planar = np.ascontiguousarray(image.transpose(2, 0, 1))
    np.testing.assert_array_equal(
        device.run(ops.rgb_to_lab, planar, layout="planar"), expected.transpose(2, 0, 1)
    )
    for cut in (np.s_[::-1], np.s_[3:, ::3], np.s_[:, :, ::-1], np.s_[1:30:2, 7::-1]):
        np.testing.assert_array_equal(
            device.run(ops.rgb_to_lab, image[cut]), ops.rgb_to_lab(np.ascontiguousarray(image[cut]))
        )


def test_out_is_filled_and_returned(device, rng):
    image = photo(rng, 8, 9)
    wide = np.zeros((8, 18, 3), np.float32)
    out = device.put(wide[:, ::2])
    assert ops.rgb_to_lab(device.put(image), out=out) is out
    np.testing.assert_array_equal(device.get(out), ops.rgb_to_lab(image))


@given(
    arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 20), st.integers(1, 300), st.just(3)),
    )
)
def test_any_picture_round_trips(image):
    back = ops.lab_to_rgb(ops.rgb_to_lab(image), image.dtype)
    atol = 0 if image.dtype == np.uint8 else 4
    np.testing.assert_allclose(back.astype(int), image.astype(int), atol=atol)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), ValueError, "image must not be empty"),
        (np.zeros((4, 4, 3)), TypeError, "image must be uint8"),
        (np.zeros((4, 4, 2), np.uint8), ValueError, "image must have 3 channels"),
        (np.zeros((4, 4, 3, 1), np.uint8), ValueError, "image must have 2 or 3 dimensions"),
        (np.zeros((4, 4, 3), ">u2"), TypeError, "byte order"),
        (np.full((4, 4, 3), np.nan, np.float32), ValueError, "image must be finite"),
        (np.full((4, 4, 3), np.inf, np.float32), ValueError, "image must be finite"),
        ([], ValueError, "image must hold at least one image"),
        ("scan.jpg", TypeError, "image must be a NumPy array"),
        (np.broadcast_to(np.uint8(1), (1, 1 << 40, 3)), ValueError, "image has a side of"),
    ],
)
def test_bad_input_is_named(image, error, message):
    with pytest.raises(error, match=message):
        ops.rgb_to_lab(image)


def test_bad_out_is_named(rng):
    image = photo(rng, 4, 4)
    locked = np.empty((4, 4, 3), np.float32)
    locked.flags.writeable = False
    shared = np.empty((4, 4, 3), np.float32)
    cases = [
        (locked, ValueError, "out must be writable"),
        (np.empty((4, 5, 3), np.float32), ValueError, "out must have the shape"),
        (np.empty((4, 4, 3), np.uint8), TypeError, "out must be float32"),
        (np.lib.stride_tricks.as_strided(shared, strides=(0, 12, 4)), ValueError, "overlap itself"),
    ]
    for out, error, message in cases:
        with pytest.raises(error, match=message):
            ops.rgb_to_lab(image, out=out)
    with pytest.raises(ValueError, match="out must not overlap image"):
        ops.rgb_to_lab(shared, out=shared)
