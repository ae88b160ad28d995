"""JPEG files for tests: encoded pictures, and surgery on their markers."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

SOI, EOI, SOS, DQT, DHT, DRI, DNL, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xFE
APP0, APP1, APP2, APP9, APP14 = 0xE0, 0xE1, 0xE2, 0xE9, 0xEE
FRAMES = (0xC0, 0xC1, 0xC2)


def plain_environment() -> dict[str, str]:
    """For programs of others: without the sanitizers that a build of ours is loaded with."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def picture(width: int, height: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Smooth waves with a little noise, away from black and white."""
    rng = np.random.default_rng((seed, width, height))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    planes = []
    for _ in range(channels):
        a, b, phase = rng.uniform(-0.2, 0.2, 2).tolist() + [rng.uniform(0, 6)]
        planes.append(128 + 40 * np.sin(a * x + b * y + phase) + rng.normal(0, 3, x.shape))
    made = np.clip(np.round(np.stack(planes, -1)), 0, 255).astype(np.uint8)
    return made[..., 0] if channels == 1 else made


def planes_for(width: int, height: int, step_x: int = 2, step_y: int = 2) -> tuple[np.ndarray, ...]:
    """Cb and Cr as ops.merge_ycc sizes them: far from grey, far from each other."""
    w, h = -(-width // step_x), -(-height // step_y)
    y, x = np.mgrid[:h, :w]
    wide, high = max(9, w / 12), max(9, h / 12)
    cb = 100 + 20 * np.sin(x / wide + y / (2 * high))
    cr = 150 + 20 * np.cos(x / (2 * wide) - y / high)
    return np.round(cb).astype(np.uint8), np.round(cr).astype(np.uint8)


def encode(image: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", **options)
    return out.getvalue()


def grey(width: int = 40, height: int = 30, seed: int = 0, **options: object) -> bytes:
    return encode(picture(width, height, 1, seed), **options)


def colour(width: int = 40, height: int = 30, seed: int = 0, **options: object) -> bytes:
    """A YCbCr file; its chroma is far from flat."""
    return encode(picture(width, height, 3, seed), **options)


@dataclass
class Part:
    """One marker with its payload, and for SOS the coded data."""

    marker: int
    payload: bytes = b""
    data: bytes = b""

    def __bytes__(self) -> bytes:
        if self.marker in (SOI, EOI):
            return bytes((0xFF, self.marker))
        head = bytes((0xFF, self.marker)) + struct.pack(">H", len(self.payload) + 2)
        return head + self.payload + self.data


def split(file: bytes) -> list[Part]:
    """The parts of a well-formed file."""
    parts = [Part(SOI)]
    at = 2
    while True:
        marker = file[at + 1]
        if marker == EOI:
            return [*parts, Part(EOI)]
        (length,) = struct.unpack_from(">H", file, at + 2)
        part = Part(marker, file[at + 4 : at + 2 + length])
        at += 2 + length
        if marker == SOS:
            end = at
            while file[end] != 0xFF or file[end + 1] == 0 or 0xD0 <= file[end + 1] <= 0xD7:
                end += 1
            part.data = file[at:end]
            at = end
        parts.append(part)


def built(parts: list[Part]) -> bytes:
    return b"".join(map(bytes, parts))


def index_of(parts: list[Part], *markers: int) -> int:
    return next(i for i, part in enumerate(parts) if part.marker in markers)


def inserted(file: bytes, *new: Part, before: tuple[int, ...] = (DQT,)) -> bytes:
    parts = split(file)
    at = index_of(parts, *before)
    return built([*parts[:at], *new, *parts[at:]])


def without(file: bytes, *markers: int) -> bytes:
    return built([part for part in split(file) if part.marker not in markers])


def adobe(transform: int) -> Part:
    return Part(APP14, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))


def icc(profile: bytes) -> Part:
    return Part(APP2, b"ICC_PROFILE\0\1\1" + profile)


def xmp(packet: bytes) -> Part:
    return Part(APP1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def exif_with_thumbnail(thumbnail: bytes) -> Part:
    first = struct.pack(">2sHIHHHIHH", b"MM", 42, 8, 1, 0x0112, 3, 1, 1, 0)
    second = struct.pack(">HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    tiff = first + struct.pack(">I", len(first) + 4) + second
    return Part(APP1, b"Exif\0\0" + tiff + thumbnail)


def grey_profile(gamma: float = 2.2) -> bytes:
    """A small ICC profile of colour space GRAY."""

    def text(value: bytes) -> bytes:
        return b"text\0\0\0\0" + value + b"\0"

    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(78),
        b"cprt": text(b"none"),
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D),
        b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    return head + bytes(128 - len(head)) + table + body


def edited_frame(file: bytes, offset: int, value: int) -> bytes:
    """One byte of the frame header's payload changed."""
    parts = split(file)
    frame = parts[index_of(parts, *FRAMES)]
    frame.payload = frame.payload[:offset] + bytes((value,)) + frame.payload[offset + 1 :]
    return built(parts)


def named(file: bytes, name: int) -> bytes:
    """The only component called otherwise."""
    parts = split(edited_frame(file, 6, name))
    for part in parts:
        if part.marker == SOS:
            part.payload = part.payload[:1] + bytes((name,)) + part.payload[2:]
    return built(parts)


def sampled(file: bytes, h: int, v: int) -> bytes:
    return edited_frame(file, 7, h << 4 | v)


def quantised_by(file: bytes, number: int, *others: int) -> bytes:
    """Luma's quantisation table under this number, a flat one under the others."""
    parts = split(edited_frame(file, 8, number))
    at = index_of(parts, DQT)
    parts[at].payload = bytes((number,)) + parts[at].payload[1:]
    flat = [Part(DQT, bytes((other,)) + bytes([16] * 64)) for other in others]
    return built([*parts[: at + 1], *flat, *parts[at + 1 :]])


def odd_structures() -> Iterator[tuple[str, bytes]]:
    """Grey files that readers take, with something unusual about their markers."""
    for kind, options in (("sequential", {}), ("progressive", {"progressive": True})):
        file = grey(**options)
        yield f"{kind}, without JFIF", without(file, APP0)
        yield f"{kind}, Adobe 0", inserted(without(file, APP0), adobe(0))
        yield f"{kind}, Adobe 1", inserted(without(file, APP0), adobe(1))
        yield f"{kind}, JFIF and Adobe 0", inserted(file, adobe(0))
        yield f"{kind}, Adobe after EXIF", inserted(file, exif_with_thumbnail(grey(8, 8)), adobe(0))
        exif = exif_with_thumbnail(grey(16, 12))
        yield f"{kind}, EXIF before JFIF", inserted(file, exif, before=(APP0,))
        yield f"{kind}, grey ICC", inserted(file, icc(grey_profile()))
        yield (
            f"{kind}, grey ICC in two",
            inserted(
                file,
                Part(APP2, b"ICC_PROFILE\0\1\2" + grey_profile()[:200]),
                Part(APP2, b"ICC_PROFILE\0\2\2" + grey_profile()[200:]),
            ),
        )
        large = grey_profile() + bytes(64000)
        yield (
            f"{kind}, ICC too large for one recipe segment",
            inserted(
                file,
                Part(APP2, b"ICC_PROFILE\0\1\2" + large),
                Part(APP2, b"ICC_PROFILE\0\2\2" + bytes(65000)),
            ),
        )
        yield f"{kind}, XMP", inserted(file, xmp(b"<x:xmpmeta/>"))
        yield f"{kind}, MPF", inserted(file, Part(APP2, b"MPF\0" + bytes(50))) + grey(8, 8)
        yield f"{kind}, comments", inserted(file, Part(COM, b"a"), Part(COM, bytes(65533)))
        yield (
            f"{kind}, every APPn",
            inserted(file, *[Part(APP0 + n, b"x" * (n + 1)) for n in range(16)]),
        )
        yield (
            f"{kind}, recipe of another file",
            inserted(file, Part(APP9, b"fastcolor\0\1\0\0\0\1" + bytes(60))),
        )
        for name in (0, 2, 82, 255):
            yield f"{kind}, component {name}", named(file, name)
        yield f"{kind}, component 82 without JFIF", named(without(file, APP0), 82)
        for h, v in ((2, 2), (4, 1), (1, 4), (3, 1)):
            yield f"{kind}, sampled {h}x{v}", sampled(file, h, v)
        for number, *others in ((1,), (3,), (0, 1), (0, 1, 2, 3), (2, 0, 1, 3), (1, 0, 2, 3)):
            yield (
                f"{kind}, tables {number} {others}",
                quantised_by(file, number, *[other for other in others if other != number]),
            )
        yield f"{kind}, after EOI", file + b"trailing \xff\xd8 bytes"
        yield f"{kind}, padded", file + bytes(4096)
        yield (
            f"{kind}, fill bytes",
            file[:2] + b"\xff\xff" + file[2:-2] + b"\xff\xff\xff" + file[-2:],
        )
        yield f"{kind}, comment before EOI", inserted(file, Part(COM, b"late"), before=(EOI,))
        yield (
            f"{kind}, lines stated again",
            inserted(file, Part(DNL, struct.pack(">H", 30)), before=(EOI,)),
        )
        yield f"{kind}, DRI of 0", inserted(file, Part(DRI, b"\0\0"))


def damaged() -> Iterator[tuple[str, bytes]]:
    """Grey files that readers still show something of."""
    for kind, options in (("sequential", {}), ("progressive", {"progressive": True})):
        file = grey(120, 90, **options)
        yield f"{kind}, no EOI", file[:-2]
        yield f"{kind}, ends in FF", file[:-1]
        for percent in (55, 70, 85, 95):
            yield f"{kind}, cut to {percent} %", file[: len(file) * percent // 100]
        restarts = bytearray(grey(120, 90, restart_marker_blocks=4, **options))
        at = restarts.rfind(b"\xff\xd2")
        del restarts[at : at + 2]
        yield f"{kind}, a restart marker lost", bytes(restarts)
        other = grey(120, 90, restart_marker_blocks=4, **options).replace(b"\xff\xd3", b"\xff\xd5")
        yield f"{kind}, wrong restart markers", other


def corpus() -> Iterator[tuple[str, bytes]]:
    """Small grey files of every size from 1x1 to 17x17, and of every coding at some sizes."""
    for width in range(1, 18):
        for height in range(1, 18):
            options = {"quality": 10 + (width * 37 + height * 11) % 90}
            if (width + height) % 2:
                options["progressive"] = True
            if (width * height) % 3 == 0:
                options["restart_marker_blocks"] = 1 + width % 3
            yield f"{width}x{height} {options}", grey(width, height, **options)
    for width, height in ((64, 64), (65, 33), (120, 1), (1, 120), (199, 211)):
        for quality in (1, 25, 50, 75, 90, 95, 100):
            for options in (
                {},
                {"optimize": True},
                {"progressive": True},
                {"restart_marker_rows": 1},
                {"progressive": True, "restart_marker_blocks": 5},
                {"comment": b"scan 12"},
            ):
                name = f"{width}x{height} q{quality} {options}"
                yield name, grey(width, height, quality=quality, **options)
