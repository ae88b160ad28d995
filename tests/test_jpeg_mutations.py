"""Files that somebody broke, on purpose or not: a result or a JpegError, quickly."""

from __future__ import annotations

import contextlib
import time

import jpeg_files as files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastcolor import jpeg
from fastcolor.jpeg import JpegError

PAIR = jpeg.encode_chroma(*files.planes_for(24, 18))
GREY = [
    files.grey(24, 18),
    files.grey(24, 18, progressive=True),
    files.grey(24, 18, restart_marker_blocks=2),
    files.inserted(files.grey(24, 18), files.icc(files.grey_profile()), files.adobe(0)),
]
COLOUR = [
    files.colour(24, 18, subsampling=subsampling, **options)
    for subsampling in (0, 2)
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 2})
]
JOINED = [jpeg.join(grey, PAIR) for grey in GREY]

CASES = settings(max_examples=400, deadline=2000, suppress_health_check=list(HealthCheck))


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    file = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(file) - 1))
        match draw(st.sampled_from(["byte", "marker", "cut", "delete", "repeat", "insert"])):
            case "byte":
                file[at] = draw(st.integers(0, 255))
            case "marker":
                file[at : at + 2] = bytes((0xFF, draw(st.integers(0xC0, 0xFE))))
            case "cut":
                file = file[: max(at, 4)]
            case "delete":
                del file[at : at + draw(st.integers(1, 40))]
            case "repeat":
                file[at:at] = file[at : at + draw(st.integers(1, 200))]
            case "insert":
                file[at:at] = draw(st.binary(min_size=1, max_size=20))
        if not file:
            return b""
    return bytes(file)


@CASES
@given(mutated(GREY))
def test_join(file):
    for chroma in (PAIR, COLOUR[0]):
        try:
            made = jpeg.join(file, chroma)
        except JpegError:
            continue
        assert jpeg.revert(made) == file
        assert jpeg.is_joined(made)


@CASES
@given(mutated(COLOUR + JOINED))
def test_chroma(file):
    for grey in GREY[:2]:
        for chroma in (file, (PAIR[0], file)):
            try:
                made = jpeg.join(grey, chroma)
            except JpegError:
                continue
            assert jpeg.revert(made) == grey


@CASES
@given(mutated(COLOUR + JOINED))
def test_drop_chroma(file):
    try:
        made = jpeg.drop_chroma(file)
    except JpegError:
        return
    assert jpeg.probe(made).colour == "grey"


@CASES
@given(mutated(JOINED))
def test_revert_gives_the_original_or_an_error(file):
    try:
        assert jpeg.revert(file) in GREY
    except JpegError:
        jpeg.is_joined(file)


@CASES
@given(st.binary(max_size=300))
def test_any_bytes(data):
    assert not jpeg.is_joined(data)
    for head in (b"", b"\xff\xd8", b"\xff\xd8\xff"):
        try:
            jpeg.probe(head + data)
        except JpegError:
            continue


def seconds_for(file: bytes) -> float:
    begin = time.perf_counter()
    for call in (jpeg.probe, jpeg.is_joined, jpeg.revert, jpeg.drop_chroma):
        try:
            call(file)
        except JpegError:
            continue
    with contextlib.suppress(JpegError):
        jpeg.join(file, PAIR)
    return time.perf_counter() - begin


def test_long_files_of_one_thing_take_linear_time():
    """Megabytes of what a parser might look at twice."""
    size = 8_000_000
    comment = b"\xff\xfe\0\2"
    recipe = b"\xff\xe9\0\x11fastcolor\0\1\0\0\xff\xff"
    frame, coded = GREY[0].split(b"\xff\xda", 1)
    scan = b"\xff\xda" + coded[:-2]
    for piece in (b"\xff", b"\xff\0", b"\0", b"\xff\xd0", comment, recipe, scan, b"\xff\xff\0"):
        for head in (b"\xff\xd8", frame, GREY[0][:-2], GREY[0], JOINED[0][:-2]):
            assert seconds_for(head + piece * (size // len(piece))) < 5, (head[:9], piece[:9])


def test_tiny_scans_of_a_progressive_file_take_linear_time():
    colour = files.colour(8, 8, progressive=True, subsampling=0)
    parts = files.split(colour)
    dc = next(part for part in parts if part.marker == files.SOS)
    assert seconds_for(files.built([*parts[:-1], *[dc] * 100_000, parts[-1]])) < 5
