"""Engines for tests: real answers, with memory that runs out or a device that is emulated."""

from __future__ import annotations

from fastcolor.engines import BaseEngine, open_engine
from fastcolor.errors import OutOfMemoryError


class SmallMemory(BaseEngine):
    """A real engine behind, on a device where only ``room`` pictures fit at once."""

    name = "small-memory"

    def __init__(self, model, room, cupy=None):
        self.behind = open_engine(model, "onnxruntime", "cpu", "fp32", threads=1)
        super().__init__(self.behind.spec, "cpu" if cupy is None else "cuda", "fp32")
        self.room, self.cupy = room, cupy
        self.batches: list[int] = []

    def _run(self, batch):
        if len(batch) > self.room:
            raise OutOfMemoryError(f"no memory for {batch.shape}")
        self.batches.append(len(batch))
        if self.cupy is None:
            return self.behind.run(batch)
        return self.cupy.asarray(self.behind.run(self.cupy.asnumpy(batch)))

    def _close(self):
        self.behind.close()
