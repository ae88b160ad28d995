"""Throws arrays of every kind at every public operator: a result or a clear error, never a crash.

Operators are found in ops.__all__, so new ones are attacked without a line here.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastcolor
from fastcolor import _core, ops

OPERATORS = [
    name for name in ops.__all__ if inspect.isfunction(getattr(ops, name)) and name.islower()
]
ALLOWED = (ValueError, TypeError, MemoryError, fastcolor.DeviceError)
DTYPES = ["u1", "u2", "<f4", "f2", "f8", "i1", "i4", "i8", "u8", "?", "c8", ">u2", ">f4", "O", "S3"]
DTYPES += ["U2", "M8[s]", "V5", [("r", "u1"), ("g", "u1")]]
ODD = [None, 0, -1, 1.5, math.nan, 1 << 70, "", "planar", b"x", object(), {}, [], [[1, 2]], (), ...]
SIDES = st.integers(0, 7) | st.sampled_from([3, 3, 3, 1, 64])


def base_array(dtype, items, seed):
    """A flat array of this type, with wild bytes where any bytes are a value."""
    dtype = np.dtype(dtype)
    if dtype.kind in "OUSMV":
        return np.zeros(items, dtype)
    wild = np.random.default_rng(seed).integers(0, 256, items * dtype.itemsize, np.uint8)
    return wild.view(dtype)


@st.composite
def numpy_arrays(draw):
    dtype = draw(st.sampled_from(["u1", "u2", "<f4"]) | st.sampled_from(DTYPES))
    shape = draw(
        st.tuples(SIDES, SIDES, st.just(3)) | st.tuples(st.just(3), SIDES, SIDES)
        | st.lists(SIDES, max_size=5).map(tuple)
    )  # fmt: skip
    items = max(math.prod(shape), 1)
    flat = base_array(dtype, items * 2 + 1, draw(st.integers(0, 9)))
    if draw(st.booleans()) and np.dtype(dtype).kind in "uf":  # ordinary values: get past the checks
        flat = (np.arange(flat.size) % 200).astype(dtype)
    array = flat[: math.prod(shape)].reshape(shape)
    change = draw(
        st.sampled_from(
            ["none", "none", "reverse", "step", "zero", "swap", "misaligned", "locked", "huge"]
        )
    )
    if change == "reverse":
        array = array[(slice(None, None, -1),) * array.ndim]
    elif change == "step" and math.prod(shape) > 0:
        wide = flat[: math.prod(shape) * 2].reshape((*shape[:-1], -1)) if shape else array
        array = wide[..., ::2] if shape else wide
    elif change == "zero" and shape:
        axis = draw(st.integers(0, array.ndim - 1))
        strides = [0 if i == axis else s for i, s in enumerate(array.strides)]
        array = np.lib.stride_tricks.as_strided(array, shape, strides)
    elif change == "swap" and array.ndim > 1:
        array = array.swapaxes(0, -1)
    elif change == "misaligned" and np.dtype(dtype).kind in "uf":
        room = np.zeros(items * np.dtype(dtype).itemsize + 1, np.uint8)
        array = room[1:].view(dtype)[: math.prod(shape)].reshape(shape)
    elif change == "locked":
        array.flags.writeable = False
    elif change == "huge":
        side = draw(st.sampled_from([(1 << 24) + 1, 1 << 31, 1 << 40]))
        array = np.broadcast_to(np.zeros(1, np.dtype(dtype)), (side, 1, 3))
    return array


class Fake:
    """An object that claims to be a CUDA array."""

    def __init__(self, interface):
        self.__cuda_array_interface__ = interface


class Angry:
    """An object whose claim fails when it is looked at."""

    @property
    def __cuda_array_interface__(self):
        raise RuntimeError("not today")


NUMBERS = st.sampled_from([0, 1, 3, 4, -1, -(1 << 40), 1 << 24, 1 << 62, 1 << 64, "3", None, 2.0])
TYPESTRS = ["|u1", "<u2", "<f4", "<i8", ">f4", "<f99", "|O8", "<", "", "<f", "\ud800"]
TUPLES = st.lists(NUMBERS, max_size=5).map(tuple) | st.sampled_from(ODD)


@st.composite
def fake_cuda_arrays(draw):
    if draw(st.integers(0, 20)) == 0:
        return Angry()
    interface = {
        "shape": draw(st.just((4, 4, 3)) | TUPLES),
        "typestr": draw(
            st.sampled_from(TYPESTRS)
            | st.sampled_from(ODD)
        ),
        # Null only: a wrong address that is not null is found by a driver, not by the emulator.
        "data": draw(st.sampled_from([(0, False), (0, True)]) | st.just((0, 0)) | TUPLES.filter(
            lambda data: not (isinstance(data, tuple) and len(data) == 2
                              and isinstance(data[0], int) and isinstance(data[1], bool)))),
        "strides": draw(st.none() | TUPLES),
        "mask": draw(st.sampled_from([None, None, None, 1])),
        "version": 3,
    }  # fmt: skip
    for key in draw(st.lists(st.sampled_from(list(interface)), max_size=2)):
        interface.pop(key, None)
    return Fake(draw(st.just(interface) | st.sampled_from(ODD)))


ARRAYS = numpy_arrays() | fake_cuda_arrays() | st.sampled_from(ODD)
IMAGES = numpy_arrays() | ARRAYS | st.lists(ARRAYS, max_size=3)
KEYWORDS = {
    "out": st.none() | IMAGES,
    "layout": st.sampled_from(["interleaved", "planar"]) | st.sampled_from(ODD),
    "dtype": st.sampled_from([np.uint8, np.uint16, np.float32, np.float16, "f8", "O", ">u2"])
    | st.sampled_from(ODD),
}
OTHERS = (
    st.sampled_from(ODD) | st.integers(-3, 70) | st.sampled_from([(8, 8), (0, 1), (1 << 40, 2)])
)


@st.composite
def calls(draw, function):
    """Arguments for a function: arrays where it has no default, anything for the rest."""
    arguments = []
    options = {}
    for parameter in inspect.signature(function).parameters.values():
        required = parameter.default is parameter.empty
        if required:
            arguments.append(draw(IMAGES))
        elif draw(st.integers(0, 3)) == 0:
            options[parameter.name] = draw(KEYWORDS.get(parameter.name, OTHERS))
    if draw(st.integers(0, 9)) == 0 and "out" in inspect.signature(function).parameters:
        options["out"] = arguments[0]  # overlaps an input
    return arguments, options


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_survive(name):
    function = getattr(ops, name)

    @settings(
        max_examples=300,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(calls(function))
    def attack(call):
        arguments, options = call
        try:
            function(*arguments, **options)
        except ALLOWED as error:
            assert str(error)

    attack()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"typestr": None}, TypeError, "image: .*'typestr'"),
        ({"typestr": "<f99"}, TypeError, "image"),
        ({"shape": [4, 4, 3]}, TypeError, "image: .*'shape'"),
        ({"shape": (4, "4", 3)}, TypeError, "image: .*'shape'"),
        ({"shape": (4, -4, 3)}, ValueError, "image has a side of -4"),
        ({"shape": (4, 1 << 70, 3)}, ValueError, "image has a number in 'shape'"),
        ({"data": None}, TypeError, "image: .*'data'"),
        ({"data": (0, False)}, ValueError, "image must not be a null pointer"),
        ({"data": (-1, False)}, ValueError, "image has a pointer"),
        ({"data": (64, 0)}, TypeError, "image: .*bool"),
        ({"strides": (1, 2)}, ValueError, "image must have one stride for each side"),
        ({"strides": (1 << 62, 3, 1)}, ValueError, "image has strides that reach too far"),
        ({"mask": 1}, TypeError, "image: .*mask"),
    ],
)
def test_malformed_interfaces_are_named(change, error, message):
    interface = {"shape": (4, 4, 3), "typestr": "|u1", "data": (0, False), "version": 3}
    with pytest.raises(error, match=message):
        fastcolor._core.tone_sums([Fake(interface | change)], "interleaved", 0)


def test_the_bindings_themselves_check_counts_and_steps():
    """The functions of fastcolor.ops see to both; the compiled ones must not rely on it."""
    grey = np.zeros((8, 8), np.uint8)
    ab = np.zeros((2, 2, 2), np.float32)
    rgb = np.zeros((8, 8, 3), np.uint8)
    plane = np.zeros((4, 4), np.uint8)
    for call in (
        lambda: _core.clahe([grey, grey], [grey.copy()], 2.0, 8, 8, 0),
        lambda: _core.merge_rgb([grey] * 2, [ab] * 2, [rgb], "interleaved", "guided", 1, 0, -1, 0),
        lambda: _core.rgb_to_lab([rgb, rgb], [rgb.astype(np.float32)], "interleaved", 0),
    ):
        with pytest.raises(ValueError, match="out must hold 2 arrays"):
            call()
    for steps in ((0, 0), (1, 2), (3, 1), (-1, 1)):
        with pytest.raises(ValueError, match="subsampling"):
            _core.merge_ycc(
                [grey], [ab], [plane], [plane.copy()], *steps, False, False, 8, "guided", 1.0, 0
            )


def test_a_type_that_contradicts_out_is_refused():
    lab = np.zeros((4, 4, 3), np.float32)
    grey, ab = np.zeros((4, 4), np.uint8), np.zeros((2, 2, 2), np.float32)
    out = np.zeros((4, 4, 3), np.uint8)
    for call in (
        lambda: ops.lab_to_rgb(lab, np.float32, out=out),
        lambda: ops.merge_rgb(grey, ab, dtype=np.uint16, out=out),
        lambda: ops.prepare(grey, 4, 1, dtype=np.float16, out=np.zeros((1, 1, 4, 4), np.float32)),
    ):
        with pytest.raises(TypeError, match="out must be"):
            call()


def test_messages_name_the_argument():
    grey = np.zeros((4, 4), np.uint8)
    rgb = np.zeros((4, 4, 3), np.uint8)
    lab = np.zeros((4, 4, 3), np.float32)
    for bad in ("garbage", 5, np.float64):
        with pytest.raises(TypeError, match="dtype"):
            ops.rgb_to_lab(rgb, dtype=bad)
    for call, name in (
        (lambda: ops.luma(rgb, layout=5), "layout"),
        (lambda: ops.luma(rgb, 5), "matrix"),
        (lambda: ops.delta_e2000(lab, lab, layout=None), "layout"),
        (lambda: ops.prepare(grey, levels=(0, float("inf"))), "levels"),
        (lambda: ops.clahe(grey, 10**400), "clip_limit"),
        (lambda: ops.is_neutral(np.broadcast_to(np.uint8(3), (2**23, 2**23, 3))), "image"),
    ):
        with pytest.raises((ValueError, TypeError), match=name):
            call()
