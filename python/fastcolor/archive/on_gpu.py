"""Grey JPEGs that stay on the GPU at full size: decoded, prepared and merged there.

Only the network's small input and the planes of chroma come down. nvImageCodec decodes, whose
pixels differ by a code here and there from the CPU's, so this is an option of the job and part of
what its journal knows. Not yet run on a GPU: tests/test_on_gpu.py runs it over emulated kernels
and the CPU decoder of the genuine library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import simplejpeg

from fastcolor._arrays import Array
from fastcolor.errors import EngineError, MissingDependencyError
from fastcolor.media.codecs import Page
from fastcolor.media.metadata import tone_curve

# The one kind that decodes JPEG on every GPU, and the only one that is allowed: with several, which
# of them decodes a picture, and so its pixels, would depend on what else is in work.
KIND = "HYBRID_CPU_GPU"
HUFFMAN = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive frames
MOST_DIFFERENCE = 3  # codes that a decoder may differ by from another
NEEDS = "--decode gpu needs nvImageCodec with nvJPEG: pip install 'fastcolor[cuda]'"


class OnGpu:
    """A decoder for each thread, and a stream: what lane() gives, to be entered around its work."""

    def __init__(self, kind: str = KIND, device: int = -1) -> None:
        import cupy

        self._cupy: Any = cupy
        self._kind, self._device = kind, device
        self._own = threading.local()
        try:
            from nvidia import nvimgcodec
        except Exception as error:  # a broken installation may raise anything
            raise MissingDependencyError(f"{NEEDS} ({error})") from error
        self._library: Any = nvimgcodec
        self.name = f"nvImageCodec {nvimgcodec.__version__} {kind}"
        self._check()

    def lane(self) -> Any:
        """The stream of this thread, as a context."""
        if not hasattr(self._own, "stream"):
            self._own.stream = self._cupy.cuda.Stream(non_blocking=True)
        return self._own.stream

    def luma(self, page: Page, remarks: list[str]) -> Array | None:
        """(H, W) on the GPU; None for what only the CPU decodes, which the file alone decides."""
        frame, data = getattr(page, "frame", None), getattr(page, "data", b"")
        if page.channels != 1 or page.dtype != np.uint8 or frame is None:
            return None
        if frame.marker not in HUFFMAN or not data.endswith(b"\xff\xd9"):
            return None
        if page.metadata.orientation != 1 or tone_curve(page.metadata.icc, page.dtype) is not None:
            return None
        try:
            found = self._decode(data)
            if found is None:  # perhaps for want of memory, which the library does not tell apart
                self._cupy.get_default_memory_pool().free_all_blocks()
                found = self._decode(data)
        except RuntimeError as error:  # not the CPU then: pixels must not depend on the day
            raise EngineError(f"{self.name} failed: {' '.join(str(error).split())}") from error
        if found is None or found.shape != (page.height, page.width):
            remarks.append("decoded on the CPU: the GPU's decoder refused it")
            return None
        return found

    def run(self, operator: Callable[..., Any], luma: Array, *arrays: Any) -> Any:
        """What an operator gives, on the host; by the CPU, with the same bytes, where the GPU has
        no memory for it."""
        try:
            found = operator(luma, *map(self._cupy.asarray, arrays))
            return tuple(map(self.host, found)) if isinstance(found, tuple) else self.host(found)
        except self._cupy.cuda.memory.OutOfMemoryError:
            return operator(self.host(luma), *arrays)

    def host(self, array: Array) -> Any:
        return self._cupy.asnumpy(array)

    def _decode(self, data: bytes) -> Array | None:
        nv, own = self._library, self._own
        if not hasattr(own, "decoder"):
            backends = [nv.Backend(getattr(nv.BackendKind, self._kind))]
            own.decoder = nv.Decoder(
                device_id=self._device, max_num_cpu_threads=1, backends=backends
            )
            own.params = nv.DecodeParams(apply_exif_orientation=False, color_spec=nv.ColorSpec.GRAY)
        stream = self._cupy.cuda.get_current_stream()
        image = own.decoder.decode(data, params=own.params, cuda_stream=stream.ptr)
        if image is None:
            return None
        return self._cupy.asarray(image)[..., 0]

    def _check(self) -> None:
        """Decodes a picture: a library without its parts, or without a GPU, says so only then."""
        plane = np.add.outer(np.arange(48) * 3, np.arange(64)).astype(np.uint8)[..., None]
        data = bytes(simplejpeg.encode_jpeg(plane, 90, "GRAY", "GRAY"))
        wanted = simplejpeg.decode_jpeg(data, "GRAY")[..., 0].astype(int)
        try:
            with self.lane():
                found = self._decode(data)
                pixels = None if found is None else self.host(found)
        except RuntimeError as error:
            raise MissingDependencyError(f"{NEEDS} ({' '.join(str(error).split())})") from error
        if pixels is None:
            raise MissingDependencyError(f"{NEEDS} (it does not decode a JPEG)")
        if pixels.shape != wanted.shape or np.abs(pixels - wanted).max() > MOST_DIFFERENCE:
            raise MissingDependencyError(f"--decode gpu: {self.name} decodes a JPEG wrongly here")
