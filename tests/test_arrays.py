"""Arrays of other libraries: where results are made, and which stream is waited for."""

from __future__ import annotations

import sys

import numpy as np

from fastcolor import ops


class Foreign:
    """A CUDA array of a library that fastcolor does not know, made on a stream of its own."""

    def __init__(self, array: object, stream: int | None) -> None:
        self._array = array
        self.shape = array.shape
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, "stream": stream}


def test_the_stream_that_an_array_names_is_waited_for(cuda, monkeypatch):
    cupy = sys.modules["cupy"]
    waited = []
    real = cupy.cuda.ExternalStream

    class Stream(real):
        def synchronize(self) -> None:
            waited.append(True)
            super().synchronize()

    monkeypatch.setattr(cupy.cuda, "ExternalStream", Stream)
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    there = cuda.put(image)
    expected = cuda.get(ops.rgb_to_lab(there))
    for stream, waits in ((None, 0), (1, 1)):  # 1 is the legacy default stream
        got = cuda.get(ops.rgb_to_lab(Foreign(there, stream)))
        assert got.tobytes() == expected.tobytes()
        assert len(waited) == waits


def test_results_are_made_on_the_device_of_the_input(cuda):
    there = cuda.put(np.zeros((4, 4, 3), np.uint8))
    assert ops.rgb_to_lab(there).device.id == there.device.id
