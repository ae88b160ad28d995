"""The path over a GPU: the bytes of the CPU path, NumPy and CUDA arrays, memory that runs out."""

from __future__ import annotations

import numpy as np
import pytest
from doubles import SmallMemory

from fastcolor.colorizer import BatchWarning, Colorizer
from fastcolor.errors import OutOfMemoryError


def pictures(rng, count, dtype=np.uint8):
    shapes = [(90, 120), (120, 90), (64, 64)]
    return [
        rng.integers(0, np.iinfo(dtype).max, shapes[i % 3], dtype, endpoint=True)
        for i in range(count)
    ]


@pytest.mark.filterwarnings("ignore::fastcolor.colorizer.BatchWarning")
@pytest.mark.parametrize("room", [64, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_numpy_pictures_come_back_with_the_bytes_of_the_cpu(cuda, tiny, rng, dtype, room):
    images = pictures(rng, 100, dtype)
    with Colorizer(engine=SmallMemory(tiny, 64)) as on_cpu:
        wanted = on_cpu.colorize_batch(images)
    with Colorizer(engine=SmallMemory(tiny, room, cuda._cupy)) as on_gpu:
        got = on_gpu.colorize_batch(images)
        assert max(on_gpu.engine.batches) <= room
    for a, b in zip(got, wanted):
        assert isinstance(a, np.ndarray)
        assert a.dtype == dtype
        np.testing.assert_array_equal(a, b)


def test_cuda_arrays_stay_there(cuda, tiny, rng):
    images = pictures(rng, 4)
    with Colorizer(engine=SmallMemory(tiny, 64, cuda._cupy)) as colorizer:
        got = colorizer.colorize_batch([cuda.put(image) for image in images])
        wanted = colorizer.colorize_batch(images)
    for a, b in zip(got, wanted):
        assert not isinstance(a, np.ndarray)
        np.testing.assert_array_equal(cuda.get(a), b)


def test_a_picture_that_never_fits(cuda, tiny, rng):
    with (
        Colorizer(engine=SmallMemory(tiny, 0, cuda._cupy)) as colorizer,
        pytest.raises(OutOfMemoryError, match="no memory for a single picture"),
    ):
        colorizer.colorize(pictures(rng, 1)[0])


def test_out_of_memory_halves_the_batch_and_says_so(tiny, rng):
    images = [image for image in pictures(rng, 60) if image.shape == (64, 64)]
    with Colorizer(engine=SmallMemory(tiny, 64)) as roomy:
        wanted = roomy.colorize_batch(images)
        assert roomy.effective_batch == 32
        assert roomy.engine.batches == [20]
    with Colorizer(engine=SmallMemory(tiny, 6)) as colorizer:
        with pytest.warns(BatchWarning) as said:
            got = colorizer.colorize_batch(images)
        assert [str(w.message) for w in said] == [
            "no memory for a batch of 20: going on with 10",
            "no memory for a batch of 10: going on with 5",
        ]
        assert colorizer.effective_batch == 5
        assert colorizer.engine.batches == [5, 5, 5, 5]
        colorizer.colorize_batch(images)  # remembered: no further warning
    for a, b in zip(got, wanted):
        np.testing.assert_array_equal(a, b)
