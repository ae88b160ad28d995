"""Which library an array belongs to: where new arrays are made and on which stream work runs.

NumPy arrays (and anything on the CPU that exports DLPack, such as a torch CPU tensor) are worked on
by the CPU. Objects with a ``__cuda_array_interface__`` (CuPy, torch, Numba) and CUDA arrays that
export DLPack stay on their GPU; work is enqueued on the caller's current stream.
"""

from __future__ import annotations

import operator
import sys
from contextlib import nullcontext
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

Array: TypeAlias = Any  # numpy.ndarray, cupy.ndarray, torch.Tensor or another CUDA array
Images: TypeAlias = Any  # one Array, or a list or tuple of them

_DLPACK_CPU = 1


class MissingCupyError(TypeError):
    """An array is on CUDA, and what reads it is not installed."""


def as_list(images: Images) -> list[Array]:
    return list(images) if isinstance(images, (list, tuple)) else [images]


def adopt(array: Array, name: str) -> Array:
    """The array as one of the kinds that the compiled module takes, without copying pixels."""
    if isinstance(array, np.ndarray):
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{name} has a mask, which no operator takes; give {name}.filled()")
        return array
    try:
        if hasattr(array, "__cuda_array_interface__"):
            _wait_for_its_stream(array)
            return array
        if hasattr(array, "__dlpack_device__"):
            on_cpu = array.__dlpack_device__()[0] == _DLPACK_CPU
            return np.from_dlpack(array) if on_cpu else _cupy(name).from_dlpack(array)
    except MissingCupyError:
        raise
    except Exception as error:  # whatever the object's own code throws
        raise TypeError(f"{name} cannot be read as an array: {error!r}") from error
    raise TypeError(f"{name} must be a NumPy array or a CUDA array, got {type(array).__name__}")


def shape_of(array: Array, name: str) -> tuple[int, ...]:
    """The shape of what adopt() gave; CUDA arrays need nothing but their interface."""
    if isinstance(array, np.ndarray):
        return tuple(array.shape)
    try:
        return tuple(operator.index(side) for side in array.__cuda_array_interface__["shape"])
    except Exception as error:
        raise TypeError(f"{name}: __cuda_array_interface__ must have a tuple as 'shape'") from error


def dtype_of(array: Array, name: str) -> np.dtype[Any]:
    """The type of what adopt() gave, as NumPy calls it."""
    if isinstance(array, np.ndarray):
        dtype: np.dtype[Any] = array.dtype
        return dtype
    try:
        face: dict[str, Any] = array.__cuda_array_interface__
        found: np.dtype[Any] = np.dtype(face["typestr"])
        return found
    except Exception as error:
        raise TypeError(
            f"{name}: __cuda_array_interface__ must have a type as 'typestr'"
        ) from error


def window(array: Array, axis: int, start: int, end: int) -> Array:
    """A part of what adopt() gave, along one axis, without copying pixels."""
    if isinstance(array, np.ndarray):
        return array[(slice(None),) * axis + (slice(start, end),)]
    return _Window(array, axis, start, end)


class _Window:
    """A part of a CUDA array, of which nothing is asked but its interface."""

    def __init__(self, array: Array, axis: int, start: int, end: int) -> None:
        self._whole = array  # its memory must stay
        face = dict(array.__cuda_array_interface__)
        shape = [operator.index(side) for side in face["shape"]]
        strides = face.get("strides")
        if strides is None:
            sizes = [np.dtype(face["typestr"]).itemsize, *shape[:0:-1]]
            strides = np.cumprod(sizes)[::-1].tolist()
        pointer, fixed = face["data"]
        shape[axis] = end - start
        face["shape"], face["strides"] = tuple(shape), tuple(strides)
        face["data"] = (pointer + start * strides[axis], fixed)
        self.__cuda_array_interface__ = face


def is_cuda(array: Array) -> bool:
    return not isinstance(array, np.ndarray)


def empty(shape: tuple[int, ...], dtype: DTypeLike, like: Array, name: str) -> Array:
    """A new array beside ``like``: NumPy for NumPy, torch for torch, CuPy for the rest of CUDA."""
    if isinstance(like, np.ndarray):
        return np.empty(shape, dtype)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(like, torch.Tensor):
        kind = getattr(torch, np.dtype(dtype).name)
        return torch.empty(shape, dtype=kind, device=like.device)
    cupy = _cupy(name)
    with _device(cupy, like):
        return cupy.empty(shape, dtype)


def stream_of(array: Array) -> int:
    """The caller's current stream, as the integer that CUDA knows it by; 0 on the CPU."""
    if isinstance(array, np.ndarray):
        return 0
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return int(torch.cuda.current_stream(array.device).cuda_stream)
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return 0
    with _device(cupy, array):
        return int(cupy.cuda.get_current_stream().ptr)


def _device(cupy: Any, array: Array) -> Any:
    """The device of a CUDA array, as a context in which CuPy makes arrays and knows streams."""
    if isinstance(array, cupy.ndarray):
        return array.device
    try:
        pointer = operator.index(array.__cuda_array_interface__["data"][0])
    except (KeyError, IndexError, TypeError):
        return nullcontext()  # the compiled module says what is wrong with it
    return cupy.cuda.Device(cupy.cuda.runtime.pointerGetAttributes(pointer).device)


def _wait_for_its_stream(array: Array) -> None:
    """Arrays of other libraries may say on which stream their values are still being made."""
    for module in ("cupy", "torch"):  # whose arrays belong to the current stream
        library = sys.modules.get(module)
        own = getattr(library, "ndarray" if module == "cupy" else "Tensor", None)
        if own is not None and isinstance(array, own):
            return
    face = array.__cuda_array_interface__
    stream = face.get("stream") if isinstance(face, dict) else None
    if isinstance(stream, int) and stream > 0:
        _cupy("an array with a stream of its own").cuda.ExternalStream(stream).synchronize()


def _cupy(name: str) -> Any:
    try:
        import cupy
    except ImportError as error:
        raise MissingCupyError(
            f"{name} is on CUDA and CuPy is not installed; install it with "
            "pip install 'fastcolor[cuda]'"
        ) from error
    return cupy
