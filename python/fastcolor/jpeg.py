"""Colour for grey JPEG files that can be taken back.

:func:`join` puts chroma beside the luma scans of a grey file, which stay bit for bit as they are;
:func:`revert` gives the grey file back, byte for byte. :func:`drop_chroma` makes a grey file of a
colour one without touching a coefficient of its luma. What is wrong with a file, or cannot be done
with it, is a :class:`JpegError` of one sentence. All of it runs without the GIL.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from fastcolor import _core
from fastcolor.errors import JpegError

__all__ = [
    "Chroma",
    "JpegError",
    "JpegInfo",
    "drop_chroma",
    "encode_chroma",
    "is_joined",
    "is_luma_only",
    "join",
    "probe",
    "revert",
]

Data: TypeAlias = "bytes | bytearray | memoryview"
Chroma: TypeAlias = "Data | tuple[Data, Data]"
"""A YCbCr file, or two grey files that hold Cb and Cr."""

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_LUMA_ONLY = b"fastcolor: luma of a colour-encoded file\0"
_MOST = 65533  # bytes of a segment's payload


@dataclass(frozen=True)
class JpegInfo:
    """What the markers of a file say."""

    width: int
    height: int
    precision: int
    """Bits of a sample."""
    sampling: tuple[tuple[int, int], ...]
    """Horizontal and vertical sampling of each component."""
    coding: str
    """baseline, extended, progressive, lossless, hierarchical or arithmetic (also with another)."""
    colour: str
    """What readers take the components for: grey, ycbcr, rgb, cmyk, ycck or unknown."""
    scans: int | None
    progressive: bool
    complete: bool | None
    """False when the file ends without an end marker."""
    joined: bool
    """Made by :func:`join`: :func:`revert` can go back."""
    join_problem: str
    """Why :func:`join` cannot take this as the grey picture; empty when it can."""
    drop_chroma_problem: str
    """Why :func:`drop_chroma` cannot take it; empty when it can."""

    @property
    def components(self) -> int:
        return len(self.sampling)

    @property
    def has_colour_in_coefficients(self) -> bool:
        """There are chroma components, whatever they hold."""
        return self.colour in ("ycbcr", "ycck")


def probe(data: Data, *, scans: bool = True) -> JpegInfo:
    """What a file is; JpegError when it is not a JPEG file or its markers are damaged.

    Without ``scans`` only what precedes them is read, which takes microseconds: damage behind it
    stays unseen, and ``scans`` and ``complete`` are None.
    """
    return JpegInfo(**_core.jpeg_probe(data, scans))


def join(
    grey: Data,
    chroma: Chroma,
    *,
    xmp: Data | None = None,
    icc: Data | None = None,
    optimize: bool = False,
    luma_only: bool = False,
) -> bytes:
    """A colour file with the luma scans of ``grey`` and the chroma of ``chroma``.

    ``grey`` has one component, Huffman coded, sequential or progressive, with 8 bits. ``chroma`` is
    what :func:`encode_chroma` made, or a YCbCr file of the same size with luma at the finest
    sampling. It must be sequential unless ``grey`` is progressive. ``optimize`` codes it again with
    Huffman tables of its own statistics: smaller, a few milliseconds more. ``luma_only`` notes in
    the file that ``grey`` is what :func:`drop_chroma` made, for :func:`is_luma_only`.

    All metadata stays, with these exceptions, which :func:`revert` puts back: ``xmp`` and ``icc``
    (a packet and a profile) replace what the file has; a profile that is not of RGB goes, for it
    would be wrong in a colour file; so does an index of further pictures (MPF), whose offsets would
    be. A file that ends too early is taken as it is.
    """
    segments = [] if xmp is None else [_segment(0xE1, _XMP + bytes(xmp), "xmp")]
    segments += [] if icc is None else _icc_segments(bytes(icc))
    segments += [_segment(0xE9, _LUMA_ONLY, "luma_only")] if luma_only else []
    files = list(chroma) if isinstance(chroma, tuple) else [chroma]
    try:
        digest = hashlib.sha256(grey).digest()
    except TypeError:
        raise TypeError("grey must be bytes") from None
    return _core.jpeg_join(
        grey, files, segments, digest, xmp is not None, icc is not None, optimize
    )


def is_joined(data: Data) -> bool:
    """Whether :func:`join` made this file. False for whatever is not a JPEG file."""
    return _core.jpeg_is_joined(data)


def is_luma_only(data: Data) -> bool:
    """Whether what :func:`revert` gives is only the luma of a colour-encoded file.

    False for what was not joined with ``luma_only``. Unlike the rest of what is known of a joined
    file, this is a segment that programs which drop unknown metadata can take out.
    """
    if not is_joined(data):
        return False
    file = memoryview(data).cast("B")
    at = 2
    while at + 4 <= len(file) and file[at] == 0xFF:
        marker = file[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # the frame
            return False
        end = at + 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        if marker == 0xE9 and file[at + 4 : end] == _LUMA_ONLY:
            return True
        at = end
    return False


def revert(data: Data) -> bytes:
    """The grey file that :func:`join` was given, byte for byte, its SHA-256 compared.

    JpegError when the file does not come from :func:`join` or was changed since.
    """
    original: bytes
    original, digest = _core.jpeg_revert(data)
    if hashlib.sha256(original).digest() != digest:
        raise JpegError("it was changed after fastcolor wrote it: the original cannot be restored")
    return original


def drop_chroma(data: Data) -> bytes:
    """A grey file with the luma coefficients of a YCbCr file, all metadata kept.

    Sequential and progressive, at any sampling that has luma finest. Scans of luma alone are
    copied; interleaved ones are coded anew. JpegError when it cannot be done without decoding
    pixels: ``probe(data).drop_chroma_problem`` knows most of that beforehand.
    """
    return _core.jpeg_drop_chroma(data)


def encode_chroma(
    cb: NDArray[np.uint8], cr: NDArray[np.uint8], *, quality: int = 75
) -> tuple[bytes, bytes]:
    """Chroma for :func:`join` from the planes of ``ops.merge_ycc``, at their own resolution.

    Planes are (h, w), of one size: that of the picture, or a half or a quarter of its width, its
    height or both, rounded up.
    """
    planes: list[Any] = []
    for name, plane in (("cb", cb), ("cr", cr)):
        if not isinstance(plane, np.ndarray) or plane.dtype != np.uint8:
            raise TypeError(f"{name} must be a uint8 array")
        if plane.ndim != 2 or plane.size == 0 or max(plane.shape) > 65535:
            raise ValueError(f"{name} must be (h, w) of 1 to 65535 samples, got {plane.shape}")
        planes.append(np.ascontiguousarray(plane)[..., np.newaxis])
    if cb.shape != cr.shape:
        raise ValueError(f"cr must be as large as cb, {cb.shape}, got {cr.shape}")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1 to 100, got {quality}")
    made = [simplejpeg.encode_jpeg(p, quality=quality, colorspace="GRAY") for p in planes]
    return bytes(made[0]), bytes(made[1])


def _segment(marker: int, payload: bytes, name: str) -> bytes:
    if len(payload) > _MOST:
        raise ValueError(f"{name} must fit into a segment of {_MOST} bytes, got {len(payload)}")
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def _icc_segments(profile: bytes) -> list[bytes]:
    most = _MOST - len(_ICC) - 2
    parts = [profile[i : i + most] for i in range(0, len(profile), most)]
    if not 1 <= len(parts) <= 255:
        raise ValueError(f"icc must be a profile of up to {255 * most} bytes, got {len(profile)}")
    return [
        _segment(0xE2, _ICC + bytes((i, len(parts))) + part, "icc")
        for i, part in enumerate(parts, 1)
    ]
