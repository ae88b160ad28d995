"""Building TensorRT engines from our ONNX files, the same way with TensorRT 10 and 11.

Networks are strongly typed: the precision is that of the graph, which _typed makes. Not yet run on
a GPU; tests/test_trt.py holds every name used here against the real bindings of both versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastcolor._onnx_write import encode
from fastcolor.engines import _cache, _cuda
from fastcolor.engines._typed import typed
from fastcolor.errors import EngineError
from fastcolor.models import ModelSpec

WORKSPACE_BYTES = 2 << 30
LONGEST_ALONE = 16  # times the working size: the longest side of a single picture (a strip)
LONGEST_BATCHED = 4  # times the working size, in batches
USUAL_SIZE = 256  # where a model states none
Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Profile:
    """A range of input shapes that one set of kernels was chosen for, best at ``usual``."""

    least: Shape
    usual: Shape
    most: Shape

    def holds(self, shape: tuple[int, ...]) -> bool:
        return all(a <= b <= c for a, b, c in zip(self.least, shape, self.most))


def profiles(spec: ModelSpec, max_batch: int) -> tuple[Profile, ...]:
    """One for single pictures of any size, and one for batches of usual sizes."""
    step, size = spec.multiple_of, spec.working_size or USUAL_SIZE

    def padded(side: float) -> int:
        return -int(-side // step) * step

    short, long = padded(size), padded(size * 4 / 3)
    alone, batched = padded(size * LONGEST_ALONE), padded(size * LONGEST_BATCHED)
    single = Profile((1, 1, step, step), (1, 1, short, long), (1, 1, alone, alone))
    if max_batch == 1:
        return (single,)
    usual, most = (max_batch, 1, short, long), (max_batch, 1, batched, batched)
    return (single, Profile((1, 1, step, step), usual, most))


def key_of(trt: Any, spec: ModelSpec, precision: str, max_batch: int) -> dict[str, str]:
    return {
        "engine": "tensorrt",
        "version": str(trt.__version__),
        "model": spec.name,
        "network": spec.network_sha256,
        "precision": precision,
        "profiles": repr(profiles(spec, max_batch)),
        **_cuda.describe(),
    }


def build(trt: Any, logger: Any, spec: ModelSpec, precision: str, max_batch: int) -> bytes:
    """The serialised engine. Takes from seconds to minutes; timings are kept for the next build."""
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    graph = typed(spec.graph(), precision if spec.precision == "fp32" else "fp32")
    if not parser.parse(encode(graph)):
        why = "; ".join(str(parser.get_error(i).desc()) for i in range(parser.num_errors))
        raise EngineError(f"TensorRT cannot read {spec.path}: {why}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 is fp32
    for wanted in profiles(spec, max_batch):
        profile = builder.create_optimization_profile()
        profile.set_shape(spec.input, wanted.least, wanted.usual, wanted.most)
        if config.add_optimization_profile(profile) < 0:
            raise EngineError(f"TensorRT refuses the shapes {wanted} for {spec.path}")
    timings_key = {
        "engine": "tensorrt-timings",
        "model": "any",
        "version": str(trt.__version__),
        **_cuda.describe(),
    }
    timings = config.create_timing_cache(_cache.load(timings_key) or b"")
    if timings is None or not config.set_timing_cache(timings, ignore_mismatch=False):
        timings = config.create_timing_cache(b"")  # those kept are of another driver, say
        config.set_timing_cache(timings, ignore_mismatch=False)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"TensorRT cannot build {spec.path} in {precision}{said(logger)}")
    _cache.keep(timings_key, bytes(timings.serialize()))
    return bytes(plan)


def said(logger: Any) -> str:
    """The last complaint of TensorRT, as the end of a sentence."""
    return f": {logger.messages[-1]}" if logger.messages else ""
