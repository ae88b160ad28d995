"""is_neutral on generated scans, on pictures inside scikit-image and on labelled collections."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from fastcolor import _core, ops

EVAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "eval"
COLOUR = ["astronaut", "chelsea", "coffee", "rocket"]


def to_u8(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def grey_scan():
    return np.repeat(data.camera()[..., None], 3, axis=2)


def jpeg(image, quality=75):
    _, file = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]


def sepia_scan():
    light = grey_scan() / 255.0
    return to_u8(255 * light ** np.array([0.8, 0.95, 1.25]))


def stained_scan(rng):
    height, width = data.camera().shape
    stains = cv2.resize(rng.random((5, 6)), (width, height), interpolation=cv2.INTER_CUBIC)
    paper = sepia_scan() * (1 - 0.35 * stains[..., None] * np.array([0.25, 0.45, 1.0]))
    return jpeg(to_u8(paper + rng.normal(0, 3, paper.shape)))


def faded(image):
    grey = image @ np.array([0.299, 0.587, 0.114])
    weak = grey[..., None] + 0.5 * (image - grey[..., None])
    return to_u8(weak * np.array([0.8, 0.7, 0.6]) + np.array([50, 40, 30]))


def test_grey_is_grey(device):
    found = ops.is_neutral(device.put(grey_scan()))
    assert found.kind == "grey" and bool(found)
    assert (found.mean_chroma, found.chroma_left, found.off_tone) == (0, 0, 0)


@pytest.mark.parametrize("quality", [30, 60, 95])
def test_noise_around_grey_is_grey(rng, quality):
    noisy = to_u8(grey_scan() + rng.normal(0, 3, grey_scan().shape))
    assert ops.is_neutral(jpeg(noisy, quality)).kind == "grey"
    assert ops.is_neutral(noisy).kind == "grey"


def test_sepia_is_toned(device):
    found = ops.is_neutral(device.put(sepia_scan()))
    assert found.kind == "toned" and bool(found)
    assert found.mean_chroma > 8 and found.chroma_left < 2


def test_stained_paper_is_toned(rng):
    assert ops.is_neutral(stained_scan(rng)).kind == "toned"


@pytest.mark.parametrize("name", COLOUR)
def test_photographs_are_colour(device, name):
    found = ops.is_neutral(device.put(getattr(data, name)()))
    assert found.kind == "colour" and not found


# The other two are of one hue, brown and orange: faded, nothing tells them from stained paper.
@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_faded_photographs_are_colour(name):
    assert ops.is_neutral(faded(getattr(data, name)())).kind == "colour"


def test_one_red_object_is_colour():
    image = grey_scan()
    image[100:151, 200:251] = to_u8(image[100:151, 200:251] * 0.5 + np.array([90, 10, 10]))
    found = ops.is_neutral(jpeg(image))
    assert found.kind == "colour"
    assert found.off_tone == pytest.approx(0.01, rel=0.2)


def framed(image, level, share, degrees=0.0):
    """Inside a neutral frame with a little noise, which may lie askew, as a JPEG."""
    height, width = image.shape[:2]
    edge = int(share * height)
    size = (width + 2 * edge, height + 2 * edge)
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, 1.0)
    inner = cv2.copyMakeBorder(image, *[edge] * 4, cv2.BORDER_CONSTANT)
    cover = cv2.copyMakeBorder(np.ones((height, width)), *[edge] * 4, cv2.BORDER_CONSTANT)
    cover = cv2.warpAffine(cover, turn, size)[..., None]
    noise = np.random.default_rng(1).normal(0, 2, (size[1], size[0], 1))
    return jpeg(to_u8(cv2.warpAffine(inner, turn, size) + (1 - cover) * level + noise))


@pytest.mark.parametrize("degrees", [0.0, 2.0])
@pytest.mark.parametrize("level", [12, 50, 80, 128, 230])
def test_a_neutral_frame_around_sepia_is_toned(level, degrees):
    for share in (0.05, 0.4):
        assert ops.is_neutral(framed(sepia_scan(), level, share, degrees)).kind == "toned"


def test_a_frame_is_seen_in_every_form(device):
    scan = framed(sepia_scan()[:128, :128], 128, 0.4)
    planar = np.ascontiguousarray(scan.transpose(2, 0, 1))
    for image in (scan, scan[:, ::-1]):
        assert ops.is_neutral(device.put(image)).kind == "toned"
    assert ops.is_neutral(device.put(planar), layout="planar").kind == "toned"


@pytest.mark.parametrize("name", COLOUR)
@pytest.mark.parametrize("level", [12, 80, 128, 255])
def test_photographs_in_frames_are_colour(name, level):
    for share in (0.05, 0.4):
        assert ops.is_neutral(framed(getattr(data, name)(), level, share)).kind == "colour"


def test_one_red_object_beside_a_frame_is_colour():
    image = sepia_scan()
    image[180:260, 15:65] = to_u8(image[180:260, 15:65] * 0.5 + np.array([90, 10, 10]))
    assert ops.is_neutral(framed(image, 128, 0.4)).kind == "colour"


def reference_sums(image):
    r, g, b = (image[..., c].astype(np.int64) for c in range(3))
    cb = (-11059 * r - 21709 * g + 32768 * b + 32768) >> 16
    cr = (32768 * r - 27439 * g - 5329 * b + 32768) >> 16
    row = (19595 * r + 38470 * g + 7471 * b + 32768) >> 19
    table = np.zeros((32, 6), np.int64)
    for column, values in enumerate([np.ones_like(cb), cb, cr, cb * cb, cr * cr, cb * cr]):
        np.add.at(table[:, column], row, values)
    return table.ravel().tolist()


def test_sums_are_exact_on_every_level_and_thread_count(each_level, rng):
    image = rng.integers(0, 256, (301, 97, 3), np.uint8)
    expected = reference_sums(image)

    def sums():
        return _core.tone_sums([image], "interleaved", 0)[0]

    results = each_level(sums)
    before = _core.thread_count()
    try:
        for threads in (1, 3, 7):
            _core.set_thread_count(threads)
            results.append(sums())
    finally:
        _core.set_thread_count(before)
    assert all(result == expected for result in results)


def test_types_layouts_and_lists_agree(device):
    image = data.chelsea()[:50]
    expected = ops.is_neutral(image)
    wide = image.astype(np.uint16) * 257
    forms = [image, wide, (image / 255).astype(np.float32), image[::-1, ::-1]]
    for form in forms:
        assert ops.is_neutral(device.put(form)) == expected
    planar = np.ascontiguousarray(image.transpose(2, 0, 1))
    assert ops.is_neutral(device.put(planar), layout="planar") == expected
    both = ops.is_neutral([device.put(image), device.put(grey_scan())])
    assert both == [expected, ops.is_neutral(grey_scan())]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4), np.uint8), ValueError, "image must have 3 channels"),
        (np.zeros((4, 4, 3)), TypeError, "image must be uint8"),
        (np.full((4, 4, 3), np.inf, np.float32), ValueError, "image must be finite"),
        ([], ValueError, "image must hold at least one image"),
    ],
)
def test_bad_input_is_named(image, error, message):
    with pytest.raises(error, match=message):
        ops.is_neutral(image)


# What was measured when the limits were set. The colour pictures called neutral are of one hue: a
# silhouette at sunset, red-chalk drawings.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("collection", "neutral", "most_wrong"),
    [
        ("photos-500", False, 3),
        ("urban-150", False, 0),
        ("paintings-200", False, 7),
        ("historical", True, 0),
    ],
)
def test_labelled_collections(collection, neutral, most_wrong):
    path = EVAL / f"{collection}.tar"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the sources")
    wrong = []
    with tarfile.open(path) as archive:
        for member in archive:
            file = np.frombuffer(archive.extractfile(member).read(), np.uint8)
            found = ops.is_neutral(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1])
            if bool(found) != neutral:
                wrong.append((member.name, found))
    assert len(wrong) <= most_wrong, wrong
