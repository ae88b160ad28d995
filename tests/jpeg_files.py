"""JPEG files for tests: encoded pictures, and surgery on their markers."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fastcolor import jpeg

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


# --- joined files -------------------------------------------------------------------------------


def decoded(file: bytes, mode: str | None = None) -> np.ndarray:
    """Samples as libjpeg gives them in this mode: "L" and "YCbCr" without any conversion."""
    with Image.open(io.BytesIO(file)) as image:
        if mode is not None:
            image.draft(mode, None)
            assert image.mode == mode
        return np.asarray(image)


def chroma_for(width: int, height: int, step_x: int = 2, step_y: int = 2) -> tuple[bytes, bytes]:
    return jpeg.encode_chroma(*planes_for(width, height, step_x, step_y))


def joined(file: bytes, **options: object) -> bytes:
    """Joined with chroma that is far from grey, and seen to come back."""
    info = jpeg.probe(file)
    made = jpeg.join(file, chroma_for(info.width, info.height), **options)
    assert jpeg.revert(made) == file
    return made


def scans_of(file: bytes) -> list[bytes]:
    return [part.data for part in split(file) if part.marker == SOS]
