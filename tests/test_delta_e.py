"""delta_e2000 against the published test data and against scikit-image in float64."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from fastcolor import _core, ops

# L1 a1 b1 L2 a2 b2 and the difference: table 1 of G. Sharma, W. Wu and E. N. Dalal, "The CIEDE2000
# Color-Difference Formula: Implementation Notes, Supplementary Test Data, and Mathematical
# Observations", Color Research and Application 30 (2005) 21-30.
PUBLISHED = np.array(
    """
    50.0000   2.6772 -79.7751 50.0000   0.0000 -82.7485  2.0425
    50.0000   3.1571 -77.2803 50.0000   0.0000 -82.7485  2.8615
    50.0000   2.8361 -74.0200 50.0000   0.0000 -82.7485  3.4412
    50.0000  -1.3802 -84.2814 50.0000   0.0000 -82.7485  1.0000
    50.0000  -1.1848 -84.8006 50.0000   0.0000 -82.7485  1.0000
    50.0000  -0.9009 -85.5211 50.0000   0.0000 -82.7485  1.0000
    50.0000   0.0000   0.0000 50.0000  -1.0000   2.0000  2.3669
    50.0000  -1.0000   2.0000 50.0000   0.0000   0.0000  2.3669
    50.0000   2.4900  -0.0010 50.0000  -2.4900   0.0009  7.1792
    50.0000   2.4900  -0.0010 50.0000  -2.4900   0.0010  7.1792
    50.0000   2.4900  -0.0010 50.0000  -2.4900   0.0011  7.2195
    50.0000   2.4900  -0.0010 50.0000  -2.4900   0.0012  7.2195
    50.0000  -0.0010   2.4900 50.0000   0.0009  -2.4900  4.8045
    50.0000  -0.0010   2.4900 50.0000   0.0010  -2.4900  4.8045
    50.0000  -0.0010   2.4900 50.0000   0.0011  -2.4900  4.7461
    50.0000   2.5000   0.0000 50.0000   0.0000  -2.5000  4.3065
    50.0000   2.5000   0.0000 73.0000  25.0000 -18.0000 27.1492
    50.0000   2.5000   0.0000 61.0000  -5.0000  29.0000 22.8977
    50.0000   2.5000   0.0000 56.0000 -27.0000  -3.0000 31.9030
    50.0000   2.5000   0.0000 58.0000  24.0000  15.0000 19.4535
    50.0000   2.5000   0.0000 50.0000   3.1736   0.5854  1.0000
    50.0000   2.5000   0.0000 50.0000   3.2972   0.0000  1.0000
    50.0000   2.5000   0.0000 50.0000   1.8634   0.5757  1.0000
    50.0000   2.5000   0.0000 50.0000   3.2592   0.3350  1.0000
    60.2574 -34.0099  36.2677 60.4626 -34.1751  39.4387  1.2644
    63.0109 -31.0961  -5.8663 62.8187 -29.7946  -4.0864  1.2630
    61.2901   3.7196  -5.3901 61.4292   2.2480  -4.9620  1.8731
    35.0831 -44.1164   3.7933 35.0232 -40.0716   1.5901  1.8645
    22.7233  20.0904 -46.6940 23.0331  14.9730 -42.5619  2.0373
    36.4612  47.8580  18.3852 36.2715  50.5065  21.2231  1.4146
    90.8027  -2.0831   1.4410 91.1528  -1.6435   0.0447  1.4441
    90.9257  -0.5406  -0.9208 88.6381  -0.8985  -0.7239  1.5381
     6.7747  -0.2908  -2.4247  5.8714  -0.0985  -2.2286  0.6377
     2.0776   0.0795  -1.1350  0.9033  -0.0636  -0.5514  0.9082
    """.split(),
    np.float64,
).reshape(34, 7)


def lab_pictures(rng, height, width, spread=128):
    low, high = [0, -spread, -spread], [100, spread, spread]
    return [rng.uniform(low, high, (height, width, 3)).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("swap", [False, True])
def test_published_pairs(device, swap):
    pairs = PUBLISHED[:, :6].astype(np.float32).reshape(34, 1, 2, 3)
    one, two = pairs[:, :, 0], pairs[:, :, 1]
    got = device.run(ops.delta_e2000, *((two, one) if swap else (one, two)))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, 0], PUBLISHED[:, 6], atol=1e-4)


@pytest.mark.parametrize("spread", [3, 25, 128])
def test_matches_scikit_image(device, rng, spread):
    height = 20 if device.name == "cuda" else 400
    one, two = lab_pictures(rng, height, 500, spread)
    near = (one + rng.normal(0, 1, one.shape)).astype(np.float32)
    for other in (two, near):
        expected = deltaE_ciede2000(one.astype(np.float64), other.astype(np.float64))
        np.testing.assert_allclose(
            device.run(ops.delta_e2000, one, other), expected, rtol=1e-5, atol=1e-4
        )


def test_equal_colours_differ_by_nothing(rng):
    one, _ = lab_pictures(rng, 30, 40)
    one[0] = 0
    assert not ops.delta_e2000(one, one).any()


def test_same_bytes_from_every_level_and_thread_count(each_level, rng):
    one, two = lab_pictures(rng, 61, 301)
    results = each_level(lambda: ops.delta_e2000(one, two).tobytes())
    before = _core.thread_count()
    try:
        for threads in (1, 3, 7):
            _core.set_thread_count(threads)
            results.append(ops.delta_e2000(one, two).tobytes())
    finally:
        _core.set_thread_count(before)
    assert len(set(results)) == 1


def test_cuda_gives_the_bytes_of_the_cpu(cuda, rng):
    pairs = [lab_pictures(rng, *size) for size in [(5, 7), (33, 64), (1, 1031)]]
    ones, twos = map(list, zip(*pairs))
    for (one, two), got in zip(pairs, cuda.run(ops.delta_e2000, ones, twos)):
        np.testing.assert_array_equal(got, ops.delta_e2000(one, two))


def test_layouts_strides_and_out(device, rng):
    one, two = lab_pictures(rng, 12, 34)
    expected = ops.delta_e2000(one, two)
    planar = [np.ascontiguousarray(lab.transpose(2, 0, 1)) for lab in (one, two)]
    np.testing.assert_array_equal(device.run(ops.delta_e2000, *planar, layout="planar"), expected)
    cut = np.s_[::-2, 3::3]
    np.testing.assert_array_equal(device.run(ops.delta_e2000, one[cut], two[cut]), expected[cut])
    out = device.put(np.zeros((12, 68), np.float32)[:, ::2])
    assert ops.delta_e2000(device.put(one), device.put(two), out=out) is out
    np.testing.assert_array_equal(device.get(out), expected)


def test_bad_input_is_named(rng):
    one, two = lab_pictures(rng, 4, 5)
    hole = two.copy()
    hole[3, 4, 2] = np.nan
    cases = [
        (hole, two, ValueError, "lab1 must be finite"),
        (one, hole, ValueError, "lab2 must be finite"),
        (one, two[:3], ValueError, "lab2 must be as large as lab1"),
        (one, two[..., :2], ValueError, "lab2 must have 3 channels"),
        (one.astype(np.float64), two, TypeError, "lab1 must be"),
        (one, [two], ValueError, "two lists of one length"),
        ([one], [two, two], ValueError, "two lists of one length"),
        (one[0], two[0], ValueError, "lab1 must have 3 dimensions"),
    ]
    for first, second, error, message in cases:
        with pytest.raises(error, match=message):
            ops.delta_e2000(first, second)
