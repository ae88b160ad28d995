"""ICC profiles: grey ones are applied and replaced, others stay or go."""

from __future__ import annotations

import io

import numpy as np
import pytest
from media_samples import SRGB_PRIMARIES, grey_profile, picture
from metadata_files import encode
from PIL import Image, ImageCms

from fastcolor.media.codecs import Metadata, for_colour, open_document
from fastcolor.media.metadata import _icc, tone_curve


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.6])
@pytest.mark.parametrize("lab", [False, True])
def test_grey_curve_agrees_with_littlecms(gamma: float, lab: bool) -> None:
    icc = grey_profile(gamma, lab=lab)
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    turned = ImageCms.profileToProfile(
        ramp, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
    )  # fmt: skip
    theirs = np.asarray(turned)[0, :, 1].astype(int)
    ours = tone_curve(icc, np.dtype(np.uint8))
    codes = np.arange(256) if ours is None else ours.astype(int)
    # littleCMS tabulates steep curves and Lab coarsely near black
    assert np.abs(codes - theirs)[16 if lab or gamma == 1 else 0 :].max() <= (2 if lab else 1)
    deep = tone_curve(icc, np.dtype(np.uint16))
    if ours is not None:
        assert deep is not None
        assert np.abs(deep[::257] / 257 - ours).max() <= 0.51
        assert (np.diff(deep.astype(int)) >= 0).all()


def test_srgb_needs_no_curve() -> None:
    assert tone_curve(_icc.srgb_profile(), np.dtype(np.uint8)) is None
    pillow = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert tone_curve(pillow, np.dtype(np.uint16)) is None


def test_luma_goes_through_the_profile_and_colour_gets_another() -> None:
    icc = grey_profile(1.8)
    grey = picture(40, 30, 1)
    for format in ("png", "tiff"):
        with open_document(encode(format, Metadata(icc=icc), grey)) as document:
            page = document.page(0)
            curve = tone_curve(icc, np.dtype(np.uint8))
            assert curve is not None
            assert (page.luma() == curve[grey]).all()
            assert (page.stored_luma() == grey).all()
            assert (page.pixels() == grey).all()
            assert for_colour(page.metadata).icc == _icc.srgb_profile()


def test_stored_luma_keeps_its_meaning_in_a_colour_file() -> None:
    """A neutral code means the same under the grey profile and under what replaces it."""
    grey = grey_profile(1.8)
    colour = for_colour(Metadata(icc=grey), "stored").icc
    assert colour is not None and _icc.space(colour) == "RGB"
    for dtype in (np.uint8, np.uint16):
        one, other = tone_curve(grey, np.dtype(dtype)), tone_curve(colour, np.dtype(dtype))
        assert one is not None and other is not None
        assert np.abs(one.astype(int) - other).max() <= np.iinfo(dtype).max / 4000 + 1
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    turned = ImageCms.profileToProfile(
        Image.fromarray(ramp), ImageCms.ImageCmsProfile(io.BytesIO(colour)),
        ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    seen = np.asarray(turned)[0].astype(int)
    assert np.abs(seen - seen[:, :1]).max() <= 1  # neutrals stay neutral
    assert np.abs(seen[:, 1] - tone_curve(grey, np.dtype(np.uint8))).max() <= 1


def test_profiles_that_stay_or_go() -> None:
    rgb = _icc._matrix_profile(np.linspace(0, 1, 256) ** 1.8, "wide")
    assert for_colour(Metadata(icc=rgb), "stored").icc == rgb
    assert for_colour(Metadata(icc=rgb)).icc == _icc.srgb_profile()
    assert for_colour(Metadata()).icc is None
    broken = for_colour(Metadata(icc=b"nonsense"), "stored")
    assert broken.icc is None and len(broken.problems) == 1
    assert tone_curve(b"nonsense", np.dtype(np.uint8)) is None


def test_rgb_profile_of_a_grey_looking_scan() -> None:
    rgb = _icc._matrix_profile(np.linspace(0, 1, 1024) ** 1.8, "gamma 1.8")
    grey = picture(40, 30, 1)
    scan = np.repeat(grey[..., None], 3, 2)
    with open_document(encode("png", Metadata(icc=rgb), scan)) as document:
        curve = tone_curve(grey_profile(1.8), np.dtype(np.uint8))
        assert curve is not None
        assert np.abs(document.page(0).luma().astype(int) - curve[grey]).max() <= 1


def test_our_profiles_are_the_same_bytes_each_time() -> None:
    before = _icc.srgb_profile()
    _icc.srgb_profile.cache_clear()
    assert _icc.srgb_profile() == before
    opened = ImageCms.ImageCmsProfile(io.BytesIO(_icc.srgb_profile()))
    assert ImageCms.getProfileDescription(opened).strip() == "sRGB"
    assert pytest.approx(
        np.array([opened.profile.red_primary[1][:2], opened.profile.green_primary[1][:2],
                  opened.profile.blue_primary[1][:2]]), abs=0.01
    ) == SRGB_PRIMARIES  # fmt: skip
