"""Grey JPEG files of every size and kind, for tests."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from jpeg_files import (
    APP0,
    APP2,
    APP9,
    COM,
    DNL,
    DRI,
    EOI,
    Part,
    adobe,
    exif_with_thumbnail,
    grey,
    grey_profile,
    icc,
    inserted,
    named,
    quantised_by,
    sampled,
    without,
    xmp,
)


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
