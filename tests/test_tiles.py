"""split_tiles and blend_tiles: every tile as the geometry says, and back without a trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcolor import ops


def picture(rng, shape, dtype=np.uint8):
    if dtype == np.float32:
        return rng.standard_normal(shape, dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def expected_tile(image, grid, index):
    columns, _ = grid.counts()
    x = index % columns * (grid.tile_width - grid.overlap) - grid.overlap // 2
    y = index // columns * (grid.tile_height - grid.overlap) - grid.overlap // 2

    def mirrored(start, count, size):
        at = np.abs(np.arange(start, start + count))
        period = max(2 * (size - 1), 1)
        at = at % period
        return np.where(at < size, at, period - at) if size > 1 else at * 0

    rows = mirrored(y, grid.tile_height, grid.height)
    return image[..., rows, :][..., mirrored(x, grid.tile_width, grid.width)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("shape", "tile", "overlap"),
    [((70, 110), 32, 8), ((3, 41, 37), (16, 24), 5), ((1, 1), 7, 3), ((2, 5, 300), 64, 32)],
)
def test_tiles_show_what_the_geometry_says(device, rng, dtype, shape, tile, overlap):
    image = picture(rng, shape, dtype)
    tiles, grid = ops.split_tiles(device.put(image), tile, overlap)
    tiles = device.get(tiles)
    assert tiles.shape[0] == grid.count
    for index, shown in enumerate(tiles):
        np.testing.assert_array_equal(shown, expected_tile(image, grid, index))


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    tile=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    share=st.floats(0, 0.5),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    mode=st.sampled_from(["crop", "feather"]),
    channels=st.sampled_from([None, 1, 3]),
    seed=st.integers(0, 99),
)
@settings(max_examples=150)
def test_split_and_blend_is_identity(shape, tile, share, dtype, mode, channels, seed):
    full = shape if channels is None else (channels, *shape)
    image = picture(np.random.default_rng(seed), full, dtype)
    tiles, grid = ops.split_tiles(image, tile, int(min(tile) * share))
    np.testing.assert_array_equal(ops.blend_tiles(tiles, grid, mode=mode), image)


@pytest.mark.parametrize("mode", ["crop", "feather"])
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_enlarged_tiles(device, rng, mode, scale):
    image = picture(rng, (3, 45, 70), np.uint16)
    tiles, grid = ops.split_tiles(image, 20, 6)
    big = tiles.repeat(scale, axis=-1).repeat(scale, axis=-2)
    out = device.get(ops.blend_tiles(device.put(big), grid, scale=scale, mode=mode))
    np.testing.assert_array_equal(out, image.repeat(scale, axis=-1).repeat(scale, axis=-2))


def test_feather_mixes_with_a_raised_cosine(device):
    grid = ops.TileGrid(16, 4, 16, 16, 8)  # two tiles across, one down
    tiles = np.zeros((grid.count, 16, 16), np.float32)
    tiles[1] = 1.0
    out = device.get(ops.blend_tiles(device.put(tiles), grid, mode="feather"))
    # Tile 0 shows x from -4, tile 1 from 4; they share x = 4 ... 11.
    ramp = np.sin(np.pi / 2 * (np.arange(8) + 0.5) / 8) ** 2
    row = np.concatenate([np.zeros(4), ramp, np.ones(4)])
    np.testing.assert_allclose(out, np.broadcast_to(row, (4, 16)), atol=1e-6)
    cut = device.get(ops.blend_tiles(device.put(tiles), grid))
    np.testing.assert_array_equal(cut[0], np.arange(16) >= 8)


def test_same_bytes_from_levels_and_cuda(each_level, rng, device):
    image = picture(rng, (2, 61, 83), np.float32)

    def run():
        tiles, grid = ops.split_tiles(image, (24, 31), 9)
        noisy = tiles + np.linspace(0, 1, tiles.size, dtype=np.float32).reshape(tiles.shape)
        return tiles, noisy, grid, ops.blend_tiles(noisy, grid, mode="feather")

    results = each_level(run)
    tiles, noisy, grid, blended = results[0]
    assert len({r[3].tobytes() for r in results}) == 1
    there, _ = ops.split_tiles(device.put(image), (24, 31), 9)
    np.testing.assert_array_equal(device.get(there), tiles)
    back = ops.blend_tiles(device.put(noisy), grid, mode="feather")
    np.testing.assert_array_equal(device.get(back), blended)


def test_strides_and_out(device, rng):
    image = picture(rng, (50, 80))[::-1, ::2]
    out = device.put(np.zeros((3 * 4, 20, 20), np.uint8))
    tiles, grid = ops.split_tiles(device.put(image), 20, 4, out=out)
    assert tiles is out
    target = device.put(np.zeros((50, 80), np.uint8)[:, ::2])
    assert ops.blend_tiles(tiles, grid, out=target) is target
    np.testing.assert_array_equal(device.get(target), image)


def test_wider_than_65536(rng):
    image = picture(rng, (2, 70_003))
    tiles, grid = ops.split_tiles(image, 1000, 10)
    np.testing.assert_array_equal(ops.blend_tiles(tiles, grid), image)


def test_bad_input_is_named(rng):
    image = picture(rng, (20, 20))
    tiles, grid = ops.split_tiles(image, 8, 2)
    for call, error, message in [
        (lambda: ops.split_tiles(image[0], 8, 2), ValueError, "image must have 2 or 3 dim"),
        (lambda: ops.split_tiles([image], 8, 2), TypeError, "image must be one array"),
        (lambda: ops.split_tiles(image.astype(np.int64), 8, 2), TypeError, "image must be uint8"),
        (lambda: ops.split_tiles(image, 0, 0), ValueError, "tile must be from 1"),
        (lambda: ops.split_tiles(image, 8, 5), ValueError, "overlap must be from 0 to half"),
        (lambda: ops.split_tiles(image, 8, -1), ValueError, "overlap must be"),
        (lambda: ops.split_tiles(image, "8", 2), TypeError, "tile must be"),
        (lambda: ops.split_tiles(image, 1 << 24, 0), ValueError, "out would have the shape"),
        (lambda: ops.TileGrid(-8, 8, 8, 8, 0), ValueError, "width and height must be .* got -8"),
        (lambda: ops.blend_tiles(tiles[:-1], grid), ValueError, "tiles must be"),
        (lambda: ops.blend_tiles(tiles, grid, scale=2), ValueError, "tiles must be"),
        (lambda: ops.blend_tiles(tiles, grid, scale=0), ValueError, "scale must be"),
        (lambda: ops.blend_tiles(tiles, grid, mode="mean"), ValueError, "mode must be"),
        (lambda: ops.blend_tiles(tiles, (8, 2)), TypeError, "grid must be a TileGrid"),
    ]:
        with pytest.raises(error, match=message):
            call()
