"""prepare against exact area means in float64, and its layout, padding and promises."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

import fastcolor
from fastcolor import _core, ops


def grey(rng, height, width, dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max, (height, width), dtype, endpoint=True)


def expected(luma, size, black=0.0, white=None):
    white = np.iinfo(luma.dtype).max if white is None else white
    codes = np.clip((luma.astype(np.float64) - black) / (white - black), None, None)
    light = reference.small_lightness(codes, size.width, size.height)
    pad = ((0, size.padded_height - size.height), (0, size.padded_width - size.width))
    return np.pad(light / 50 - 1, pad, mode="reflect" if min(light.shape) > 1 else "edge")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((300, 400), 64),
        ((97, 61), 32),
        ((1000, 33), 16),
        ((40, 50), 100),
        ((31, 1), 7),
        ((64, 64), 64),
    ],
)
def test_matches_area_mean(device, rng, dtype, shape, size):
    luma = grey(rng, *shape, dtype)
    wanted = ops.prepared_size(shape[1], shape[0], size, 16)
    got = device.run(ops.prepare, luma, size, 16)
    assert got.shape == (1, 1, wanted.padded_height, wanted.padded_width)
    assert got.dtype == np.float32
    inside = got[0, 0, : wanted.height, : wanted.width]
    light = reference.small_lightness(
        luma / np.float64(np.iinfo(dtype).max), wanted.width, wanted.height
    )
    np.testing.assert_allclose(inside, light / 50 - 1, atol=1e-5)


def test_padding_reflects(device, rng):
    luma = grey(rng, 50, 70)
    size = ops.prepared_size(70, 50, 25, 32)
    assert (size.width, size.height, size.padded_width, size.padded_height) == (35, 25, 64, 32)
    np.testing.assert_allclose(
        device.run(ops.prepare, luma, 25, 32)[0, 0], expected(luma, size), atol=1e-5
    )
    # Padding wider than the picture repeats the reflection.
    tiny = grey(rng, 3, 2)
    got = device.run(ops.prepare, tiny, 2, 16)[0, 0]
    assert got.shape == (16, 16)
    np.testing.assert_array_equal(got[0, :6], got[0, [0, 1, 0, 1, 0, 1]])


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_short_types_round_to_nearest(device, rng, name):
    luma = grey(rng, 60, 80)
    full = ops.prepare(luma, 32, 8)
    short = device.run(ops.prepare, luma, 32, 8, dtype=name)
    if name == "float16":
        np.testing.assert_array_equal(short, full.astype(np.float16))
    else:
        bits = full.view(np.uint32)
        rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        np.testing.assert_array_equal(short, rounded)


def test_video_levels(device, rng):
    luma = grey(rng, 64, 64)
    got = device.run(ops.prepare, luma, 16, 16, levels=(16, 235))[0, 0]
    assert got.min() >= -1
    flat = np.full((8, 8), 16, np.uint8)
    np.testing.assert_allclose(device.run(ops.prepare, flat, 8, 8, levels=(16, 235)), -1, atol=1e-6)
    flat[:] = 235
    np.testing.assert_allclose(device.run(ops.prepare, flat, 8, 8, levels=(16, 235)), 1, atol=1e-5)


def test_batch_of_different_sizes(device, rng):
    pictures = [grey(rng, 120, 160), grey(rng, 240, 320), grey(rng, 60, 80)]
    batch = device.run(ops.prepare, pictures, 60, 20)
    assert batch.shape == (3, 1, 60, 80)
    for picture, item in zip(pictures, batch):
        np.testing.assert_array_equal(item, ops.prepare(picture, 60, 20)[0])
    with pytest.raises(ValueError, match="group them"):
        ops.prepare([pictures[0], grey(rng, 50, 200)], 60, 20)


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.integers(1, 70),
    multiple=st.sampled_from([1, 8, 32]),
    step=st.sampled_from([1, 4]),
    value=st.integers(0, 255),
)
@settings(max_examples=60)
def test_constant_stays_constant(height, width, size, multiple, step, value):
    luma = np.full((height, width), value, np.uint8)
    out = ops.prepare(luma, size, multiple, step=step)
    assert np.unique(out).size == 1
    light = reference.lightness(np.float64(value / 255))
    np.testing.assert_allclose(out.flat[0], light / 50 - 1, atol=1e-5)


def test_same_bytes_from_every_level_and_thread_count(each_level, rng):
    lumas = [grey(rng, 311, 457), grey(rng, 133, 700, np.uint16)[:, ::2]]

    def run():
        return b"".join(ops.prepare(luma, 96, 32).tobytes() for luma in lumas)

    results = each_level(run)
    before = _core.thread_count()
    try:
        for threads in (1, 5):
            fastcolor.set_thread_count(threads)
            results.append(run())
    finally:
        fastcolor.set_thread_count(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cuda_gives_the_bytes_of_the_cpu(cuda, rng, dtype):
    for shape, size in [((70, 90), 32), ((9, 5000), 4), ((30, 20), 50)]:
        luma = grey(rng, *shape, dtype)
        np.testing.assert_array_equal(
            cuda.run(ops.prepare, luma, size, 16), ops.prepare(luma, size, 16)
        )


def test_very_wide_and_tall(rng):
    wide = grey(rng, 3, 70_001)
    np.testing.assert_allclose(
        ops.prepare(wide, 3, 1)[0, 0, :, :100],
        reference.lightness(wide[:, :100] / 255) / 50 - 1,
        atol=1e-5,
    )
    tall = grey(rng, 70_001, 2, np.uint16)  # too tall for 32-bit sums
    got = ops.prepare(tall[:, :1], 1, 1)
    assert got.shape == (1, 1, 70_001, 1)
    mean = ops.prepare(np.ascontiguousarray(tall[:70_000].T), 2, 1, step=2)
    assert mean.shape[2] == 2


def test_bad_input_is_named(rng):
    luma = grey(rng, 8, 8)
    for call, error, message in [
        (lambda: ops.prepare(luma[:0]), ValueError, "luma must not be empty"),
        (lambda: ops.prepare(luma[..., None]), ValueError, "luma must have the shape"),
        (lambda: ops.prepare(luma.astype(np.float32)), TypeError, "luma must be uint8 or uint16"),
        (lambda: ops.prepare(luma, 0), ValueError, "size must be from 1"),
        (lambda: ops.prepare(luma, 8, 0), ValueError, "multiple must be from 1"),
        (lambda: ops.prepare(luma, 8, 8, step=-1), ValueError, "step must be from 1"),
        (lambda: ops.prepare(luma, 8, 8, dtype="int8"), TypeError, "dtype must be one of"),
        (lambda: ops.prepare(luma, 8, 8, levels=(5, 5)), ValueError, "levels must have black"),
        (
            lambda: ops.prepare(luma, 8, 8, out=np.empty((1, 1, 9, 8), np.float32)),
            ValueError,
            "out",
        ),
        (lambda: ops.prepare(grey(rng, 1, 70_000), 4096), ValueError, "size 4096 makes"),
    ]:
        with pytest.raises(error, match=message):
            call()
