"""Joining chroma with grey JPEG files, and going back."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import replace

import jpeg_corpus
import jpeg_files as files
import numpy as np
import pytest
from jpeg_files import APP0, COM, EOI, SOS, Part, chroma_for, decoded, joined, scans_of
from PIL import Image

from fastcolor import jpeg
from fastcolor.errors import FastcolorError
from fastcolor.jpeg import JpegError

# --- join and revert ----------------------------------------------------------------------------


def test_corpus_comes_back_and_luma_is_identical():
    count = 0
    for name, file in jpeg_corpus.corpus():
        count += 1
        made = joined(file, optimize=count % 2 == 0)
        assert (decoded(made, "L") == decoded(file)).all(), name
        assert jpeg.is_joined(made) and not jpeg.is_joined(file), name
        assert scans_of(made)[: len(scans_of(file))] == scans_of(file), name
        assert made.endswith(b"\xff\xd9"), name
    assert count >= 499


@pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO")
@pytest.mark.parametrize(
    ("name", "file"), [*jpeg_corpus.odd_structures()], ids=lambda v: v if isinstance(v, str) else ""
)
def test_odd_structures(name, file):
    made = joined(file)
    assert (decoded(made, "L") == decoded(file)).all()
    ordinary = decoded(jpeg.join(files.grey(), chroma_for(40, 30)), "YCbCr")
    assert (decoded(made, "YCbCr")[..., 1:] == ordinary[..., 1:]).all()
    info = jpeg.probe(made)
    assert (info.colour, info.complete, info.joined) == ("ycbcr", True, True)
    assert info.sampling == ((2, 2), (1, 1), (1, 1))
    assert info.progressive == ("progressive" in name)


@pytest.mark.parametrize(
    ("name", "file"), [*jpeg_corpus.damaged()], ids=lambda v: v if isinstance(v, str) else ""
)
def test_damaged_files_come_back_and_look_the_same(name, file):
    whole = file + b"\xff\xd9"  # what readers imagine where a file ends
    difference = np.abs(decoded(joined(file), "L").astype(int) - decoded(whole))
    # libjpeg smooths the part that the last scans of a cut progressive file did not reach, and
    # takes chroma's scans for the last ones.
    assert difference.max() <= (8 if name.startswith("progressive, cut") else 0)


def test_every_length_of_a_cut_file():
    """Whatever a cut leaves: an error, or a file that comes back."""
    whole = {False: files.grey(24, 20), True: files.grey(24, 20, progressive=True)}
    pair = chroma_for(24, 20)
    refused = 0
    for file in whole.values():
        for length in range(len(file)):
            try:
                made = jpeg.join(file[:length], pair)
            except JpegError:
                refused += 1
            else:
                assert jpeg.revert(made) == file[:length]
    assert refused < sum(map(len, whole.values())) * 0.9


def test_twelve_megapixels():
    tile = files.picture(400, 300)
    for options in ({}, {"progressive": True}):
        file = files.encode(np.tile(tile, (10, 10)), quality=85, **options)
        made = joined(file)
        assert (decoded(made, "L") == decoded(file)).all()
        # 4:2:0 chroma is half as many samples as luma, and smooth
        assert len(made) < len(file) * 1.1


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize(("step_x", "step_y"), [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)])
def test_chroma_is_what_was_encoded(progressive, optimize, step_x, step_y):
    width, height = 83, 61
    file = files.grey(width, height, progressive=progressive)
    pair = chroma_for(width, height, step_x, step_y)
    made = jpeg.join(file, pair, optimize=optimize)
    assert jpeg.probe(made).sampling == ((step_x, step_y), (1, 1), (1, 1))
    planes = decoded(made, "YCbCr")
    assert (planes[..., 0] == decoded(file)).all()
    for channel, each in enumerate(pair, 1):
        small = decoded(each).astype(float)
        if step_x == step_y == 1:
            assert (planes[..., channel] == small).all()
        else:  # the decoder's own upsampling: compare where it was taken from
            large = np.repeat(np.repeat(small, step_y, 0), step_x, 1)[:height, :width]
            assert np.abs(planes[..., channel] - large).max() <= 6


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(1, 1), (9, 16), (17, 17), (40, 31)])
@pytest.mark.parametrize("optimize", [False, True])
def test_chroma_of_a_colour_file_is_taken_exactly(subsampling, size, optimize):
    for progressive in (False, True):
        file = files.grey(*size, progressive=progressive)
        source = files.colour(*size, subsampling=subsampling)
        made = jpeg.join(file, source, optimize=optimize)
        assert jpeg.revert(made) == file
        assert (decoded(made, "L") == decoded(file)).all()
        expected = decoded(source, "YCbCr")[..., 1:]
        assert (decoded(made, "YCbCr")[..., 1:] == expected).all()
    both = files.colour(*size, subsampling=subsampling, progressive=True)
    made = jpeg.join(files.grey(*size, progressive=True), both)
    assert (decoded(made, "YCbCr")[..., 1:] == decoded(both, "YCbCr")[..., 1:]).all()


def test_sizes_that_one_step_of_chroma_alone_explains():
    """Where a side is one sample long, the other side says what the sampling is."""
    for width, height, w, h in ((1, 9, 1, 5), (9, 1, 5, 1), (1, 9, 1, 9), (2, 2, 1, 1)):
        plane = np.full((h, w), 90, np.uint8)
        made = jpeg.join(files.grey(width, height), jpeg.encode_chroma(plane, plane))
        step = 1 if (w, h) == (width, height) else 2
        assert jpeg.probe(made).sampling[0] == (step, step)
        assert (decoded(made, "YCbCr")[..., 1] == 90).all()


def test_overhead_and_options_that_shrink_it():
    file = files.grey(800, 600, quality=90)
    pair = chroma_for(800, 600)
    plain, optimized = jpeg.join(file, pair), jpeg.join(file, pair, optimize=True)
    assert len(optimized) < len(plain) < len(file) * 1.10
    assert len(optimized) < len(file) * 1.07


def test_a_joined_file_is_not_joined_again_and_a_grey_one_does_not_revert():
    file = files.grey()
    made = joined(file)
    with pytest.raises(JpegError, match="3 components"):
        jpeg.join(made, chroma_for(40, 30))
    with pytest.raises(JpegError, match="not joined by fastcolor"):
        jpeg.revert(file)
    assert not jpeg.is_joined(b"") and not jpeg.is_joined(b"text")


def test_what_was_changed_since_does_not_revert():
    comment = b"the comment of the original"
    made = joined(files.grey(comment=comment))
    for gone in (made.replace(comment, comment.upper()), made.replace(b"JFIF", b"JFIX")):
        with pytest.raises(JpegError, match="was changed after fastcolor wrote it"):
            jpeg.revert(gone)
    scan = len(made) // 2
    with pytest.raises(JpegError, match="changed after fastcolor wrote it"):
        jpeg.revert(made[:scan] + bytes((made[scan] ^ 1,)) + made[scan + 1 :])
    with pytest.raises(JpegError, match="changed after fastcolor wrote it"):
        jpeg.revert(made[:scan])


def test_metadata_that_others_add_does_no_harm():
    """Catalogues write captions and ratings into files."""
    old = [files.xmp(b"<x:xmpmeta>of the original</x:xmpmeta>"), Part(COM, b"twice" * 9)]
    for before in ([], [*old, old[1]]):
        file = files.inserted(files.grey(progressive=True), *before) + b"tail"
        made = jpeg.join(file, chroma_for(40, 30), xmp=b"<x:xmpmeta>of the colouriser</x:xmpmeta>")
        added = Part(0xED, b"Photoshop 3.0\0" + bytes(300))
        new = files.xmp(b"<x:xmpmeta>the same, and a much longer caption</x:xmpmeta>")
        for marker in (APP0, files.DQT, 0xC2):
            edited = files.inserted(made[:-4], added, before=(marker,)) + b"tail"
            parts = files.split(edited[:-4])
            at = next(i for i, part in enumerate(parts) if b"colouriser" in part.payload)
            parts[at] = new
            parts[1 : at + 1] = [parts[at], *parts[1:at]]
            assert jpeg.revert(files.built(parts) + b"tail") == file


def test_the_originals_own_metadata_may_change_up_to_a_share_of_the_file():
    bare = files.grey(300, 200, quality=95)
    share = len(bare) // 32
    for size, comes_back in ((27, True), (share - 60, True), (share + 60, False)):
        file = files.grey(300, 200, quality=95, comment=b"x" * size)
        made = joined(file)
        changed = made.replace(b"x" * size, b"y" * size, 1)
        assert changed != made
        assert len(made) < len(joined(bare)) + 2 * size + 40
        if comes_back:
            assert jpeg.revert(changed) == file
        else:
            with pytest.raises(JpegError, match="metadata was changed after fastcolor wrote it"):
                jpeg.revert(changed)


def test_what_is_appended_later_does_no_harm():
    file = files.grey()
    assert jpeg.revert(joined(file) + b"a tag at the end") == file


# --- metadata -----------------------------------------------------------------------------------


def test_a_grey_profile_makes_room_and_comes_back():
    profile = files.grey_profile()
    file = files.inserted(files.grey(), files.icc(profile))
    made = joined(file)
    with Image.open(io.BytesIO(made)) as image:
        assert "icc_profile" not in image.info
    assert profile in jpeg.revert(made)


def test_a_profile_of_rgb_stays():
    profile = files.grey_profile().replace(b"GRAY", b"RGB ")
    made = joined(files.inserted(files.grey(), files.icc(profile)))
    with Image.open(io.BytesIO(made)) as image:
        assert image.info["icc_profile"] == profile


def test_xmp_and_profile_are_replaced():
    new_xmp, new_icc = b"<x:xmpmeta>new</x:xmpmeta>", b"\0" * 16 + b"RGB " + bytes(70000)
    for old in ((), (files.xmp(b"<x:xmpmeta/>"), files.icc(files.grey_profile()))):
        file = files.inserted(files.grey(), *old)
        made = joined(file, xmp=new_xmp, icc=new_icc)
        with Image.open(io.BytesIO(made)) as image:
            assert image.info["xmp"] == new_xmp
            assert image.info["icc_profile"] == new_icc
        assert made[6:10] == b"JFIF"
        assert made.count(b"http://ns.adobe.com/xap/1.0/\0") == 1 + len(old) // 2
    with pytest.raises(ValueError, match="xmp must fit into a segment"):
        jpeg.join(files.grey(), chroma_for(40, 30), xmp=bytes(65536))
    with pytest.raises(ValueError, match="icc must be a profile"):
        jpeg.join(files.grey(), chroma_for(40, 30), icc=b"")


def test_metadata_stays_in_place():
    exif = files.exif_with_thumbnail(files.grey(16, 12))
    parts = [exif, Part(COM, b"scan 7"), Part(0xED, b"Photoshop 3.0\0")]
    made = joined(files.inserted(files.grey(dpi=(300, 300)), *parts))
    for part in parts:
        assert bytes(part) in made
    with Image.open(io.BytesIO(made)) as image:
        assert image.info["dpi"] == (300, 300)
        assert image.info["comment"] == b"scan 7"
        assert image.getexif()[0x0112] == 1


# --- what cannot be done ------------------------------------------------------------------------


def refusals() -> list[tuple[str, bytes]]:
    file = files.grey()
    twelve = files.edited_frame(file, 0, 12)
    frame = file.index(b"\xff\xc0")

    def coded_as(marker: int) -> bytes:
        return file[: frame + 1] + bytes((marker,)) + file[frame + 2 :]

    return [
        ("not a JPEG", b"text"),
        ("not a JPEG", b"\x89PNG\r\n\x1a\n"),
        ("ends before its first scan", file[:60]),
        ("holds no picture", b"\xff\xd8\xff\xd9"),
        ("12 bits", twelve),
        ("lossless", coded_as(0xC3)),
        ("arithmetic", coded_as(0xC9)),
        ("progressive, arithmetic", coded_as(0xCA)),
        ("hierarchical", coded_as(0xC5)),
        ("3 components", files.colour()),
        ("width is 0", files.edited_frame(files.edited_frame(file, 3, 0), 4, 0)),
        ("height is not", files.edited_frame(files.edited_frame(file, 1, 0), 2, 0)),
        ("height changes", files.inserted(file, Part(files.DNL, b"\0\7"), before=(EOI,))),
        ("second picture begins", file[:-2] + file),
        ("more than one frame", file.replace(b"\xff\xda", file[frame : frame + 13] + b"\xff\xda")),
        ("unknown marker", file[:-2] + b"\xff\x13" + file[-2:]),
        ("length 1", file[:2] + b"\xff\xfe\0\1" + file[2:]),
        ("which the frame does not have", files.edited_frame(file, 6, 7)),
        ("sampled 0x1", files.sampled(file, 0, 1)),
        ("quantisation table 9", files.edited_frame(file, 8, 9)),
    ]


@pytest.mark.parametrize(
    ("problem", "file"), refusals(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_join_says_what_is_wrong(problem, file):
    with pytest.raises(JpegError, match=problem) as caught:
        jpeg.join(file, chroma_for(40, 30))
    assert isinstance(caught.value, FastcolorError)
    assert "\n" not in str(caught.value)


def test_chroma_that_does_not_fit():
    file = files.grey(40, 30)
    for problem, chroma in (
        ("do not fit a picture of 40x30", chroma_for(50, 30)),
        ("differ in size", (chroma_for(40, 30)[0], chroma_for(80, 60)[1])),
        ("not 40x30", files.colour(41, 30)),
        ("three components", files.grey(40, 30)),
        ("must be grey", (files.colour(20, 15), files.colour(20, 15))),
        ("progressive and the grey picture is not", files.colour(40, 30, progressive=True)),
        ("chroma: it is not a JPEG", b"text"),
        ("not YCbCr", files.colour(40, 30, keep_rgb=True)),
    ):
        with pytest.raises(JpegError, match=problem):
            jpeg.join(file, chroma)
    with pytest.raises(TypeError, match="grey must be bytes"):
        jpeg.join("text", chroma_for(40, 30))
    with pytest.raises(ValueError, match="chroma must be one file or two"):
        jpeg.join(file, (file, file, file))


def test_encode_chroma_names_what_is_wrong():
    plane = np.zeros((4, 4), np.uint8)
    with pytest.raises(TypeError, match="cb must be a uint8 array"):
        jpeg.encode_chroma(plane.astype(np.float32), plane)
    with pytest.raises(ValueError, match=r"cr must be \(h, w\)"):
        jpeg.encode_chroma(plane, plane[0])
    with pytest.raises(ValueError, match="cr must be as large as cb"):
        jpeg.encode_chroma(plane, plane[:2])
    with pytest.raises(ValueError, match="quality must be"):
        jpeg.encode_chroma(plane, plane, quality=0)
    strided = np.zeros((8, 8), np.uint8)[::2, ::2]
    assert jpeg.encode_chroma(strided, strided) == jpeg.encode_chroma(plane, plane)


# --- around -------------------------------------------------------------------------------------


def test_probe():
    info = jpeg.probe(files.colour(33, 21, subsampling=1, progressive=True))
    assert (info.width, info.height, info.precision) == (33, 21, 8)
    assert info.sampling == ((2, 1), (1, 1), (1, 1)) and info.components == 3
    assert (info.coding, info.colour, info.progressive) == ("progressive", "ycbcr", True)
    assert info.complete and not info.joined and info.has_colour_in_coefficients
    assert info.drop_chroma_problem == "" and "3 components" in info.join_problem
    assert not jpeg.probe(files.grey()[:-2]).complete
    assert not jpeg.probe(files.grey()).has_colour_in_coefficients


def test_probe_without_scans_reads_what_precedes_them():
    file = files.colour(33, 21, progressive=True)
    whole = jpeg.probe(file)
    head = replace(whole, scans=None, complete=None)
    scan = file.index(bytes((0xFF, SOS)))
    for data in (file, file[:scan], file[:scan] + b"no scan"):
        assert jpeg.probe(data, scans=False) == head
    frame = file.index(bytes((0xFF, 0xC2)))
    for data, words in ((b"no", "not a JPEG"), (file[:frame], "no picture|before its first")):
        with pytest.raises(JpegError, match=words):
            jpeg.probe(data, scans=False)


def test_any_buffer_of_bytes_is_taken():
    file = files.grey()
    pair = chroma_for(40, 30)
    for kind in (bytearray, memoryview):
        made = jpeg.join(kind(file), (kind(pair[0]), kind(pair[1])))
        assert jpeg.revert(kind(made)) == file
    with pytest.raises(TypeError, match="data must be contiguous bytes"):
        jpeg.probe(memoryview(file)[::2])


def test_threads():
    file = files.grey(300, 200)
    pair = chroma_for(300, 200)
    expected = hashlib.sha256(jpeg.join(file, pair)).digest()
    results: list[bool] = []

    def work() -> None:
        for _ in range(50):
            made = jpeg.join(file, pair)
            same = hashlib.sha256(made).digest() == expected and jpeg.revert(made) == file
            results.append(same)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 200
