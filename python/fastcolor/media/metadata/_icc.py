"""ICC profiles: the tone curve of grey, and profiles for the colour pictures made from it.

What is done with them, and why:

- Grey reaches operators and networks sRGB-encoded. A profile's curve (gray gamma 1.8, dot gain
  20 %...) takes stored luma there: neutral code -> relative luminance -> sRGB encoding, relative
  colorimetric without black point compensation. Of an RGB profile it is the curve of its neutral
  axis, since only pictures without colours are colourised: exact for grey, and off by less than
  the tone's own saturation for sepia.
- A grey profile must not stay in a colour file: readers would refuse or misread it. Where pixels
  were converted, an sRGB profile takes the place of any profile. Where stored luma is kept (JPEGs
  whose scans are not re-encoded) a grey profile is replaced by an RGB profile with the *same curve*
  and sRGB's primaries, so that neutral codes keep their meaning, and RGB profiles stay.
"""

from __future__ import annotations

import functools
import io
import struct
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# sRGB's primaries and white, adapted to D50 (Bradford), as its published profiles have them
_COLORANTS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_D50 = (0.9642, 1.0, 0.8249)
_SAMPLES = 4096  # of a curve that has to be tabulated


def space(icc: bytes | None) -> str | None:
    """The colour space that a profile describes, as "GRAY", "RGB", "CMYK"; None if it is broken."""
    if icc is None or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    return icc[16:20].decode("ascii", "replace").strip()


@functools.lru_cache(maxsize=16)
def tone_curve(icc: bytes | None, dtype: DTypeLike) -> NDArray[Any] | None:
    """Table from stored neutral codes to sRGB-encoded grey; None where both are the same.

    The same means: within half a level of 8 bits everywhere. Broken profiles count as none.
    """
    if space(icc) not in ("GRAY", "RGB") or icc is None:
        return None
    most = np.iinfo(np.dtype(dtype)).max
    codes = np.linspace(0.0, 1.0, most + 1)
    luminance = _luminance(icc, codes)
    if luminance is None:
        return None
    tones = encoded(luminance)
    if np.abs(tones - codes).max() <= 0.5 / 255:
        return None
    table = np.rint(tones * most).astype(dtype)
    table.setflags(write=False)
    return table


def encoded(luminance: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    light = np.clip(luminance, 0.0, 1.0)
    curve = 1.055 * np.power(light, 1 / 2.4) - 0.055
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, curve))


def _luminance(icc: bytes, codes: NDArray[np.float64]) -> NDArray[np.float64] | None:
    tags = _tags(icc)
    if space(icc) == "GRAY" and b"kTRC" in tags:
        values: NDArray[np.float64] | None = _curve(tags[b"kTRC"], codes)
        if values is not None and icc[20:24] == b"Lab ":
            fy = (100 * values + 16) / 116
            values = np.where(values > 0.08, fy**3, 100 * values * 27 / 24389)
        return values
    matrix = [tag in tags for tag in (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")]
    if all(matrix) and b"A2B0" not in tags:
        total = np.zeros_like(codes)
        weight = 0.0
        for colour in (b"r", b"g", b"b"):
            part = _curve(tags[colour + b"TRC"], codes)
            column = tags[colour + b"XYZ"]
            if part is None or len(column) < 20:
                return None
            y = struct.unpack_from(">i", column, 12)[0] / 65536
            total += y * part
            weight += y
        return total / weight if weight > 0.5 else None
    return _by_littlecms(icc, codes)


def _by_littlecms(icc: bytes, codes: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Profiles with look-up tables: the neutral axis in 8 bits, smoothed for finer codes."""
    from PIL import Image, ImageCms

    mode = "L" if space(icc) == "GRAY" else "RGB"
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        target = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        turn = ImageCms.buildTransform(profile, target, mode, "RGB", intent)
        seen = ImageCms.applyTransform(ramp.convert(mode), turn)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if seen is None:
        return None
    grey = np.asarray(seen, np.float64).reshape(256, 3) @ (0.2126, 0.7152, 0.0722) / 255
    if len(codes) > 256:
        ends = np.concatenate([2 * grey[0] - grey[4:0:-1], grey, 2 * grey[-1] - grey[-2:-6:-1]])
        grey = np.convolve(ends, np.full(9, 1 / 9), "valid")
    values = np.interp(codes, np.linspace(0, 1, 256), grey)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _tags(icc: bytes) -> dict[bytes, bytes]:
    count = struct.unpack_from(">I", icc, 128)[0]
    tags = {}
    for at in range(132, min(132 + 12 * min(count, 100), len(icc) - 11), 12):
        name, offset, size = struct.unpack_from(">4sII", icc, at)
        tags[name] = icc[offset : offset + size]
    return tags


def _curve(tag: bytes, codes: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A curveType or parametricCurveType at these codes (ICC.1:2010, 10.5 and 10.15)."""
    if tag[:4] == b"curv" and len(tag) >= 12:
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return codes
        if len(tag) < 12 + 2 * count:
            return None
        table = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return np.asarray(codes ** (table[0] / 256))
        return np.interp(codes, np.linspace(0, 1, count), table / 65535)
    if tag[:4] == b"para" and len(tag) >= 12:
        kind = struct.unpack_from(">H", tag, 8)[0]
        needed = (1, 3, 4, 5, 7)[kind] if kind < 5 else 0
        if not needed or len(tag) < 12 + 4 * needed:
            return None
        g, a, b, c, d, e, f = (*np.frombuffer(tag, ">i4", needed, 12) / 65536, *[0.0] * 6)[:7]
        if kind == 0:
            a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        elif kind in (1, 2):  # below -b/a the value is c, which kind 1 does not have
            d, e, f, c = (-b / a if a else 0.0), c, c, 0.0
        elif kind == 3:
            e = f = 0.0
        bend = np.power(np.clip(a * codes + b, 0, None), g) + e
        whole: NDArray[np.float64] = np.where(codes >= d, bend, c * codes + f)
        return np.clip(whole, 0.0, 1.0)
    return None


@functools.lru_cache(maxsize=16)
def colour_profile(icc: bytes) -> bytes | None:
    """For stored luma that keeps its codes: an RGB profile with the curve of this grey profile.

    RGB profiles come back as they are; None for broken ones.
    """
    if space(icc) == "RGB":
        return icc
    if space(icc) != "GRAY":
        return None
    luminance = _luminance(icc, np.linspace(0, 1, _SAMPLES))
    if luminance is None:
        return None
    return _matrix_profile(luminance, "sRGB primaries, the curve of the grey original")


@functools.lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    codes = np.linspace(0, 1, 1024)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return _matrix_profile(light, "sRGB")


def _matrix_profile(curve: NDArray[np.float64], name: str) -> bytes:
    """A version 2 display profile; the same bytes for the same curve."""
    text = name.encode("ascii") + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    table = np.rint(np.clip(curve, 0, 1) * 65535).astype(">u2").tobytes()
    blocks = {
        b"desc": description,
        b"cprt": b"text\0\0\0\0No copyright, use freely\0",
        b"wtpt": _xyz(_D50),
        **{tag: _xyz(value) for tag, value in _COLORANTS.items()},
        b"rTRC": b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + table,
    }
    names = [*blocks, b"gTRC", b"bTRC"]
    directory, body = struct.pack(">I", len(names)), b""
    start = 128 + 4 + 12 * len(names)
    places = {}
    for tag, block in blocks.items():
        places[tag] = (start + len(body), len(block))
        body += block + b"\0" * (-len(block) % 4)
    places |= {b"gTRC": places[b"rTRC"], b"bTRC": places[b"rTRC"]}
    for tag in names:
        directory += struct.pack(">4sII", tag, *places[tag])
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + directory + body


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))
