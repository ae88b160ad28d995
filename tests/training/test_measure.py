"""The figures of pictures whose values can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from training.color import lab_to_rgb
from training.evaluate_sr import score
from training.evaluation.measure import Truth, compare, quantise, summarise


def plain(*rgb: float, width: int = 20) -> Tensor:
    return torch.tensor(rgb).view(3, 1, 1).repeat(1, 20, width)


def whitened(pixels: int) -> dict[str, float]:
    """Black with so many of its 400 pixels white, against black."""
    picture = plain(0.0, 0.0, 0.0)
    picture.view(3, -1)[:, :pixels] = 1
    return compare(picture, Truth(plain(0.0, 0.0, 0.0), {}))


def test_a_tenth_of_white_on_black() -> None:
    found = whitened(40)
    assert found["mae"] == pytest.approx(0.1)
    assert found["mse"] == pytest.approx(0.1 * 255**2)
    assert found["psnr"] == pytest.approx(10)
    assert found["ciede"] == pytest.approx(10, abs=0.01)
    assert found["pixels"] == 400


@pytest.mark.parametrize(("pixels", "p95"), [(0, 0), (20, 0), (21, 100), (400, 100)])
def test_p95_begins_above_a_twentieth_of_the_pixels(pixels: int, p95: float) -> None:
    assert whitened(pixels)["ciede_p95"] == pytest.approx(p95, abs=0.01)


def test_ssim_of_black_and_white_is_what_its_constant_leaves() -> None:
    assert whitened(0)["ssim"] == pytest.approx(1)
    assert whitened(400)["ssim"] == pytest.approx(1e-4 / (1 + 1e-4), rel=1e-3)


def test_colourfulness_and_its_error_have_the_truth_as_the_measure() -> None:
    red = 0.3 * math.hypot(255, 127.5)
    found = compare(plain(0.5, 0.5, 0.5), Truth(plain(1.0, 0.0, 0.0), {}))
    assert found["colour"] == pytest.approx(0, abs=1e-4)
    assert found["colour_truth"] == pytest.approx(red)
    assert found["colour_error"] == pytest.approx(red)
    assert compare(plain(1.0, 0.0, 0.0), Truth(plain(0.5, 0.5, 0.5), {}))["colour_error"] > 0


def test_a_cast_is_what_the_picture_has_more_than_the_truth() -> None:
    tinted = quantise(lab_to_rgb(plain(50.0, 10.0, -6.0)))
    found = compare(tinted, Truth(quantise(lab_to_rgb(plain(50.0, 4.0, 0.0))), {}))
    assert found["cast_a"] == pytest.approx(6, abs=0.3)
    assert found["cast_b"] == pytest.approx(-6, abs=0.3)


def test_pictures_weigh_the_same_but_pixels_in_the_pooled_figure() -> None:
    large = compare(plain(0.0, 0.0, 0.0, width=60), Truth(plain(0.0, 0.0, 0.0, width=60), {}))
    found = summarise([whitened(40), large])
    assert found["psnr"]["mean"] == pytest.approx((10 + 50) / 2)
    assert found["mse"]["mean"] == pytest.approx(0.05 * 255**2)
    assert found["ciede"]["mean"] == pytest.approx(5, abs=0.01)
    assert found["psnr"]["low"] == pytest.approx(10)
    assert found["psnr"]["high"] == pytest.approx(50)
    assert found["psnr_pooled"]["mean"] == pytest.approx(10 * math.log10(40), abs=1e-3)
    assert "pixels" not in found


def test_upscalers_are_measured_without_their_border() -> None:
    truth = torch.zeros(1, 24, 24)
    framed = torch.ones(1, 24, 24)
    framed[:, 4:-4, 4:-4] = 0
    assert score(framed, truth, 4) == pytest.approx((50, 1))
    framed[:, 4:-4, 4:-4] = 0.2004  # 51 of 255 once it is in 8 bits
    assert score(framed, truth, 4)[0] == pytest.approx(20 * math.log10(5), abs=1e-4)
