"""Metrics agree with their publications and with other implementations."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import color as skcolor
from skimage import metrics as skmetrics
from torch import Tensor
from training import color, metrics, paths
from training.metrics.perceptual import Fid, lpips_or_none

# Sharma, Wu and Dalal (2005), table 1: pairs that catch mistakes in hue and rotation.
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


def pair() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    first = torch.rand((3, 40, 52), generator=rng)
    noise = torch.rand((3, 40, 52), generator=rng)
    return first, (0.8 * first + 0.2 * noise).clamp(0, 1)


def interleaved(picture: Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).double().numpy()


def test_lab_agrees_with_scikit_image_and_comes_back() -> None:
    rgb, _ = pair()
    lab = color.rgb_to_lab(rgb)
    assert np.abs(interleaved(lab) - skcolor.rgb2lab(interleaved(rgb))).max() < 0.01
    assert torch.allclose(color.lab_to_rgb(lab), rgb, atol=1e-4)


def test_neutral_colours_have_no_chroma() -> None:
    grey = torch.linspace(0, 1, 256).view(1, 1, -1)
    lab = color.rgb_to_lab(grey.expand(3, -1, -1))
    assert lab[1:].abs().max() < 1e-3
    assert torch.allclose(lab[:1], color.grey_to_lightness(grey), atol=1e-3)
    assert torch.allclose(color.lightness_to_grey(lab[:1]), grey, atol=1e-4)


def test_colours_out_of_gamut_keep_their_lightness_and_hue() -> None:
    lab = torch.tensor([50.0, 120.0, 40.0]).view(3, 1, 1).expand(-1, 4, 5)
    mapped = color.rgb_to_lab(color.lab_to_rgb_in_gamut(lab))
    assert (mapped[0] - 50).abs().max() < 0.2
    assert math.isclose(float(mapped[2, 0, 0] / mapped[1, 0, 0]), 1 / 3, abs_tol=0.01)


@pytest.mark.parametrize(("first", "second", "published"), SHARMA)
def test_ciede2000_of_published_pairs(
    first: tuple[float, ...], second: tuple[float, ...], published: float
) -> None:
    a, b = (torch.tensor(x, dtype=torch.float64).view(3, 1, 1) for x in (first, second))
    assert float(metrics.ciede2000(a, b)) == pytest.approx(published, abs=1e-4)
    assert float(metrics.ciede2000(b, a)) == pytest.approx(published, abs=1e-4)


def test_ciede2000_agrees_with_scikit_image() -> None:
    first, second = (color.rgb_to_lab(x) for x in pair())
    ours = metrics.ciede2000(first, second).numpy()
    theirs = skcolor.deltaE_ciede2000(interleaved(first), interleaved(second))
    assert np.abs(ours - theirs).max() < 1e-3


def test_ssim_agrees_with_scikit_image_and_torchmetrics() -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure

    first, second = pair()
    ours = metrics.ssim(first, second)
    theirs = skmetrics.structural_similarity(
        first.numpy(),
        second.numpy(),
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
    )
    assert ours == pytest.approx(theirs, abs=1e-5)
    third = structural_similarity_index_measure(second[None], first[None], data_range=1.0)
    assert ours == pytest.approx(float(third), abs=1e-3)  # it pads where we leave out
    with pytest.raises(ValueError, match="at least 11"):
        metrics.ssim(first[:, :8], second[:, :8])


def test_psnr_agrees_with_scikit_image_and_is_capped() -> None:
    first, second = pair()
    ours = metrics.psnr_from_mse(metrics.mse(first, second))
    theirs = skmetrics.peak_signal_noise_ratio(first.numpy(), second.numpy(), data_range=1.0)
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert metrics.psnr_from_mse(0.0) == 50.0
    assert metrics.psnr_from_mse(1e-9) == 50.0
    assert metrics.mae(first, first + 0.5) == pytest.approx(0.5, abs=1e-5)


def test_colourfulness_follows_its_definition() -> None:
    grey = torch.rand(1, 8, 8).expand(3, -1, -1)
    assert metrics.colourfulness(grey) == pytest.approx(0, abs=1e-4)
    rgb, _ = pair()
    r, g, b = rgb.double().numpy() * 255
    rg, yb = r - g, (r + g) / 2 - b
    expected = math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean())
    assert metrics.colourfulness(rgb) == pytest.approx(expected, rel=1e-4)


def test_bootstrap_covers_the_mean_and_repeats() -> None:
    values = np.random.default_rng(1).normal(10, 2, 200).tolist()
    low, high = metrics.bootstrap_mean(values)
    assert low < np.mean(values) < high
    assert high - low == pytest.approx(4 * 2 / math.sqrt(200), rel=0.2)
    assert metrics.bootstrap_mean(values) == (low, high)
    with pytest.raises(ValueError, match="no values"):
        metrics.bootstrap_mean([])


def test_lpips_equals_the_package_and_says_what_is_missing(tmp_path: Path) -> None:
    missing, reason = lpips_or_none("squeeze", tmp_path)
    assert missing is None
    assert "squeezenet" in reason
    metric, reason = lpips_or_none("squeeze", paths.weights_dir())
    if metric is None:
        pytest.skip(reason)
    first, second = (x[None] for x in pair())
    theirs = metric._model(first, second, normalize=True).flatten()
    assert torch.allclose(metric(first, second), theirs, atol=1e-6)
    assert float(metric(first, first)) == pytest.approx(0, abs=1e-6)


class Colours(torch.nn.Module):
    """Features a test can follow: mean and spread of every channel."""

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures.float().flatten(2)
        return torch.cat((x.mean(2), x.std(2)), 1)


def test_fid_takes_a_trunk_from_a_file(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Colours()).save(str(tmp_path / "trunk.pt"))
    same, far = Fid(tmp_path / "trunk.pt"), Fid(tmp_path / "trunk.pt")
    rng = torch.Generator().manual_seed(0)
    for _ in range(8):
        rgb = torch.rand((3, 16, 16), generator=rng)
        same.update(rgb, rgb)
        far.update(rgb * 0.2, rgb)
    assert same.compute() == pytest.approx(0, abs=1e-2)
    assert far.compute() > 100
