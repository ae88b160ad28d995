"""merge_rgb and merge_ycc against their float64 composition, and what they promise of colour."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.transform import downscale_local_mean

import fastcolor
from fastcolor import ops

MODES = ["bilinear", "bicubic", "guided"]


def scene(rng, height, width, ab_height, ab_width, dtype=np.uint8, strength=60.0):
    """Luma with edges and noise, and chroma some of which leaves the gamut."""
    y, x = np.mgrid[:height, :width]
    smooth = 0.5 + 0.35 * np.sin(x / 9.0) * np.cos(y / 13.0) + 0.1 * ((x // 17 + y // 11) % 2)
    noisy = np.clip(smooth + rng.normal(0, 0.03, (height, width)), 0, 1)
    luma = np.round(noisy * np.iinfo(dtype).max).astype(dtype)
    ab = rng.normal(0, strength, (2, ab_height, ab_width)).astype(np.float32)
    return luma, ab


@pytest.mark.parametrize("chroma", MODES)
@pytest.mark.parametrize(
    "sizes", [(97, 131, 12, 17), (64, 300, 64, 31), (33, 20, 1, 1), (7, 9, 30, 50), (1, 1, 3, 2)]
)
def test_merge_rgb_matches_float64(device, rng, chroma, sizes):
    luma, ab = scene(rng, *sizes)
    exact = reference.merge_rgb(luma / 255.0, ab.astype(np.float64), chroma) * 255
    got = device.run(ops.merge_rgb, luma, ab, chroma)
    assert got.dtype == np.uint8
    assert np.abs(got - exact).max() <= 1
    assert (got == np.round(exact)).mean() >= 0.99


def test_sixteen_bit(device, rng):
    luma, ab = scene(rng, 60, 80, 9, 12, np.uint16)
    exact = reference.merge_rgb(luma / 65535.0, ab.astype(np.float64), "guided") * 65535
    got = device.run(ops.merge_rgb, luma, ab)
    assert got.dtype == np.uint16
    assert np.abs(got - np.round(exact)).max() <= 1  # of 65,535
    assert (got == np.round(exact)).mean() >= 0.99
    narrow = device.run(ops.merge_rgb, luma, ab, dtype=np.uint8)
    assert np.abs(narrow - exact / 257).max() <= 1


def test_saturation_scales_chroma(device, rng):
    luma, ab = scene(rng, 40, 50, 10, 10, strength=10)
    np.testing.assert_array_equal(
        device.run(ops.merge_rgb, luma, ab, saturation=2.0), device.run(ops.merge_rgb, luma, ab * 2)
    )
    grey = device.run(ops.merge_rgb, luma, ab, saturation=0.0)
    np.testing.assert_array_equal(grey, np.repeat(luma[..., None], 3, 2))


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 300),
    small=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    chroma=st.sampled_from(MODES),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_neutral_stays_neutral(height, width, small, chroma, dtype, seed):
    luma = np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max, (height, width), dtype, endpoint=True
    )
    ab = np.zeros((2, *small), np.float32)
    rgb = ops.merge_rgb(luma, ab, chroma)
    if dtype == np.uint8:
        np.testing.assert_array_equal(rgb, np.repeat(luma[..., None], 3, 2))
        for plane in ops.merge_ycc(luma, ab, chroma=chroma):
            assert (plane == 128).all()
    else:
        assert (rgb == rgb[..., :1]).all()
        assert np.abs(rgb[..., 0].astype(int) - luma).max() <= 2


@pytest.mark.parametrize("value", [0, 1, 77, 200, 255])
@pytest.mark.parametrize("chroma", MODES)
def test_constant_stays_constant(device, value, chroma):
    luma = np.full((37, 290), value, np.uint8)
    ab = np.broadcast_to(np.float32([[[20.0]], [[-35.0]]]), (2, 5, 23))
    rgb = device.run(ops.merge_rgb, luma, ab.copy(), chroma)
    assert (rgb == rgb[0, 0]).all()


def test_lightness_survives_the_gamut(device, rng):
    luma, ab = scene(rng, 80, 90, 20, 20, strength=120)
    rgb = device.run(ops.merge_rgb, luma, ab)
    before = reference.lightness(luma / 255.0)
    after = reference.rgb_to_lab(rgb / 255.0)[..., 0]
    assert np.abs(after - before).max() < 0.6  # the rounding of three bytes


YCC = [("420", 2, 2), ("422", 2, 1), ("444", 1, 1)]


@pytest.mark.parametrize(("subsampling", "step_x", "step_y"), YCC)
@pytest.mark.parametrize("sizes", [(40, 60, 7, 9), (41, 533, 12, 30), (1, 1, 2, 2), (2, 3, 9, 9)])
@pytest.mark.parametrize("chroma", MODES)
def test_merge_ycc_matches_float64(device, rng, subsampling, step_x, step_y, sizes, chroma):
    luma, ab = scene(rng, *sizes)
    exact = reference.merge_ycc(
        luma / 255.0, ab.astype(np.float64), chroma, step_x, step_y, 0.299, 0.114
    )
    original = luma.copy()
    planes = device.run(ops.merge_ycc, luma, ab, subsampling, chroma=chroma)
    np.testing.assert_array_equal(luma, original)
    for plane, wanted in zip(planes, exact):
        codes = np.clip(wanted * 255 + 128, 0, 255)
        assert plane.dtype == np.uint8
        assert np.abs(plane - codes).max() <= 1
        assert (plane == np.round(codes)).mean() >= 0.99


@pytest.mark.parametrize("bits", [8, 10])
def test_video_codes(device, rng, bits):
    unit = 1 << (bits - 8)
    luma = rng.integers(16 * unit, 235 * unit, (34, 46), endpoint=True)
    luma = luma.astype(np.uint8 if bits == 8 else np.uint16)
    ab = rng.normal(0, 25, (2, 9, 11)).astype(np.float32)
    exact = reference.merge_ycc(
        (luma - 16.0 * unit) / (219 * unit), ab.astype(np.float64), "guided", 2, 2, 0.2126, 0.0722
    )
    options = {"range": "limited", "matrix": "bt709", "bits": bits}
    for plane, wanted in zip(device.run(ops.merge_ycc, luma, ab, **options), exact):
        codes = np.clip(wanted * 224 * unit + 128 * unit, 16 * unit, 240 * unit)
        assert plane.dtype == luma.dtype
        assert np.abs(plane - codes).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_same_bytes_from_every_level_thread_count_and_device(each_level, rng, dtype, device):
    luma, ab = scene(rng, 90, 613, 13, 71, dtype)
    bits = 8 if dtype == np.uint8 else 16

    def run(place=None):
        call = place.run if place else lambda f, *a, **k: f(*a, **k)
        parts = [call(ops.merge_rgb, luma, ab, mode) for mode in MODES]
        parts += [p for s, _, _ in YCC for p in call(ops.merge_ycc, luma, ab, s, bits=bits)]
        return b"".join(part.tobytes() for part in parts)

    results = [*each_level(run), run(device)]
    before = fastcolor.thread_count()
    try:
        for threads in (1, 6):
            fastcolor.set_thread_count(threads)
            results.append(run())
    finally:
        fastcolor.set_thread_count(before)
    assert len(set(results)) == 1


def test_lists_strides_and_layouts(device, rng):
    pairs = [scene(rng, *s) for s in [(30, 40, 5, 6), (9, 700, 8, 8), (64, 3, 2, 2)]]
    lumas = [luma for luma, _ in pairs]
    abs_ = [ab for _, ab in pairs]
    for (luma, ab), rgb in zip(pairs, device.run(ops.merge_rgb, lumas, abs_)):
        expected = ops.merge_rgb(luma, ab)
        np.testing.assert_array_equal(rgb, expected)
        planar = device.run(ops.merge_rgb, luma, ab, layout="planar")
        np.testing.assert_array_equal(planar, expected.transpose(2, 0, 1))
        flipped = device.run(ops.merge_rgb, luma[::-1, ::-1], ab[:, ::-1, ::-1])
        copied = ops.merge_rgb(luma[::-1, ::-1].copy(), ab[:, ::-1, ::-1].copy())
        np.testing.assert_array_equal(flipped, copied)
        planes = device.run(ops.merge_ycc, luma[:, ::2], ab)
        for plane, wanted in zip(planes, ops.merge_ycc(luma[:, ::2].copy(), ab)):
            np.testing.assert_array_equal(plane, wanted)


@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_guided_beats_bicubic_beats_bilinear_on_photographs(name, factor):
    lab = rgb2lab(getattr(data, name)() / 255.0)
    grey = reference.encode(reference.lab_f_inverse((lab[..., 0] + 16) / 116))
    luma = np.round(grey * 255).astype(np.uint8)
    height, width = (side // factor * factor for side in luma.shape)
    lab, luma = lab[:height, :width], luma[:height, :width]
    ab = np.stack([downscale_local_mean(lab[..., k], (factor, factor)) for k in (1, 2)])
    errors = [
        deltaE_ciede2000(
            rgb2lab(ops.merge_rgb(luma, ab.astype(np.float32), mode) / 255.0), lab
        ).mean()
        for mode in ("guided", "bicubic", "bilinear")
    ]
    assert errors == sorted(errors), errors


def test_wider_than_65536(rng):
    luma, ab = scene(rng, 2, 70_003, 2, 300)
    rgb = ops.merge_rgb(luma, ab)
    exact = reference.merge_rgb(luma / 255.0, ab.astype(np.float64), "guided") * 255
    assert np.abs(rgb - exact).max() <= 1


def test_bad_input_is_named(rng):
    luma, ab = scene(rng, 8, 8, 4, 4)
    bad = ab.copy()
    bad[1, 2, 3] = np.nan
    for call, error, message in [
        (
            lambda: ops.merge_rgb(luma.astype(np.int16), ab),
            TypeError,
            "luma must be uint8",
        ),
        (lambda: ops.merge_rgb(luma[..., None], ab), ValueError, "luma must have the shape"),
        (lambda: ops.merge_rgb(luma, ab[0]), ValueError, "ab must have the shape"),
        (lambda: ops.merge_rgb(luma, ab.astype(np.float64)), TypeError, "ab must be"),
        (lambda: ops.merge_rgb(luma, bad), ValueError, "ab must be finite"),
        (lambda: ops.merge_rgb(luma, ab, "nearest"), ValueError, "chroma must be"),
        (lambda: ops.merge_rgb(luma, ab, saturation=-1), ValueError, "saturation must be"),
        (lambda: ops.merge_rgb(luma, ab, saturation=np.nan), ValueError, "saturation must be"),
        (lambda: ops.merge_rgb([luma, luma], [ab]), ValueError, "ab must hold 2"),
        (lambda: ops.merge_rgb(luma, ab, dtype=np.float32), TypeError, "dtype must be one of"),
        (lambda: ops.merge_ycc(luma, ab, "411"), ValueError, "subsampling must be"),
        (lambda: ops.merge_ycc(luma, ab, bits=10), TypeError, "luma must be uint16 for 10 bits"),
        (lambda: ops.merge_ycc(luma, ab, bits=7), ValueError, "bits must be from 8"),
        (lambda: ops.merge_ycc(luma, ab, matrix="bt2020"), ValueError, "matrix must be"),
        (lambda: ops.merge_ycc(luma, ab, range="tv"), ValueError, "range must be"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_positions_are_exact_in_very_wide_pictures(rng):
    width, small = 100_001, 77_777
    luma = rng.integers(60, 200, (1, width), dtype=np.uint8)
    ab = rng.normal(0, 20, (2, 1, small)).astype(np.float32)
    at = (np.arange(width) + 0.5) * small / width - 0.5
    full = np.stack([np.interp(at, np.arange(small), plane[0])[None] for plane in ab])
    exact = reference.colour(reference.lightness(luma / 255.0), full) * 255
    got = ops.merge_rgb(luma, ab, "bilinear")
    assert np.abs(got - exact).max() <= 1
    assert (got == np.round(exact)).mean() >= 0.99


def test_outputs_may_share_memory_in_turn(rng):
    luma, ab = scene(rng, 20, 30, 4, 5)
    nv12 = np.zeros((10, 15, 2), np.uint8)
    ops.merge_ycc(luma, ab, out=(nv12[..., 0], nv12[..., 1]))
    for plane, wanted in zip(np.moveaxis(nv12, 2, 0), ops.merge_ycc(luma, ab)):
        np.testing.assert_array_equal(plane, wanted)
    canvas = np.zeros((20, 60, 3), np.uint8)
    ops.merge_rgb([luma, luma], [ab, ab], out=[canvas[:, :30], canvas[:, 30:]])
    np.testing.assert_array_equal(canvas[:, :30], canvas[:, 30:])
    with pytest.raises(ValueError, match="out must not overlap out"):
        ops.merge_rgb([luma, luma], [ab, ab], out=[canvas[:, :30], canvas[:, 29:59]])


def test_absurd_chroma_keeps_lightness(device, rng):
    luma, ab = scene(rng, 16, 16, 4, 4)
    ab[:] = 1e30
    rgb = device.run(ops.merge_rgb, luma, ab)
    light = reference.rgb_to_lab(rgb / 255.0)[..., 0]
    assert np.abs(light - reference.lightness(luma / 255.0)).max() < 0.6


@settings(deadline=None, max_examples=25)
@given(
    first=st.integers(0, 69),
    count=st.integers(1, 40),
    chroma=st.sampled_from(MODES),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_rows_are_those_of_the_whole(first, count, chroma, dtype):
    luma, ab = scene(np.random.default_rng(5), 70, 300, 9, 31, dtype)
    last = min(70, first + count)
    whole = ops.merge_rgb(luma, ab, chroma)
    part = ops.merge_rgb(luma, ab, chroma, rows=(first, last))
    np.testing.assert_array_equal(part, whole[first:last])


def test_rows_on_every_device(device, rng):
    luma, ab = scene(rng, 50, 64, 8, 9)
    whole = device.run(ops.merge_rgb, luma, ab, layout="planar")
    part = device.run(ops.merge_rgb, luma, ab, layout="planar", rows=(7, 41))
    np.testing.assert_array_equal(part, whole[:, 7:41])
    for rows, kind in (((0, 51), ValueError), ((3, 3), ValueError), ((-1, 4), ValueError),
                       (5, TypeError), ((1.5, 3), TypeError)):  # fmt: skip
        with pytest.raises(kind, match="rows"):
            ops.merge_rgb(luma, ab, rows=rows)
