"""Every loss can be driven down, and means what it says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from training import checkpoint, losses, paths
from training.color import AB_UNIT, lab_to_rgb
from training.losses.bins import AbBins, bins_called, default_bins, gamut_cells
from training.losses.perceptual import FILES
from training.losses.prior import measure_prior
from training.models import build

SIZE = 24


def smooth(channels: int, batch: int = 2, seed: int = 0) -> Tensor:
    """Soft random planes in [0, 1]."""
    rng = torch.Generator().manual_seed(seed)
    small = torch.rand((batch, channels, 4, 4), generator=rng)
    return torch.nn.functional.interpolate(small, (SIZE, SIZE), mode="bilinear")


def descend(loss: Callable[[Tensor], Tensor], start: Tensor, steps: int = 80) -> float:
    """The share of a loss that is left after optimising the prediction itself."""
    prediction = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([prediction], lr=0.05)
    first = float(loss(prediction.detach()))
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(prediction)
        value.backward()
        optimizer.step()
    assert torch.isfinite(value)
    return float(value.detach()) / first


@pytest.mark.parametrize("name", ["l1", "l2", "smooth_l1", "mae_ssim", "total_variation"])
def test_pixel_losses_go_down(name: str) -> None:
    loss, target = losses.get(name), smooth(3)
    assert descend(lambda p: loss(p, target), smooth(3, seed=1)) < 0.25


def test_delta_e94_is_the_published_difference() -> None:
    from skimage.color import deltaE_ciede94

    made, true = (smooth(2, seed=seed) - 0.5 for seed in (4, 5))
    grey = torch.full_like(made[:, :1], 50.0)
    first, second = (
        torch.cat((grey, x * AB_UNIT), 1).permute(0, 2, 3, 1).double().numpy() for x in (true, made)
    )
    expected = deltaE_ciede94(first, second).mean()
    assert float(losses.get("delta_e94")(made, true)) == pytest.approx(expected, rel=1e-3)
    still = torch.zeros_like(true).requires_grad_(True)
    losses.get("delta_e94")(still, torch.zeros_like(true)).backward()
    assert torch.isfinite(still.grad).all()


def test_colourfulness_together_judges_the_mean_of_all() -> None:
    true = 0.6 * (smooth(2) - 0.5)
    calm, lively = true[:1] * 0.5, true[1:] * 1.5
    made, judge = torch.cat((calm, lively)), losses.get("colorfulness")
    apart, together = float(judge(made, true)), float(judge(made, true, together=True))
    assert together < 0.5 * apart
    assert float(judge(true, true, gain=0.5, together=True)) > 0.01


@pytest.mark.parametrize("name", ["bce", "l2"])
def test_adversarial_losses_drive_scores_to_their_target(name: str) -> None:
    loss, ones = losses.get(name), torch.ones(4, 1, 3, 3)
    assert descend(lambda p: loss(p, ones), torch.full_like(ones, -1.0)) < 0.2


@pytest.mark.parametrize("name", ["color_weighted", "colorfulness", "delta_e94", "temporal"])
def test_chroma_losses_go_down(name: str) -> None:
    loss, luma = losses.get(name), smooth(1, seed=2) - 0.5
    target = 0.6 * (smooth(2) - 0.5)
    start = 0.1 * (smooth(2, seed=3) - 0.5)
    assert descend(lambda p: loss(p, target, luma=luma), start) < 0.3


def test_class_loss_goes_down_and_its_mean_finds_the_colour() -> None:
    bins = default_bins()
    loss = losses.get("ab_classes")
    target = torch.full((1, 2, 4, 4), 30 / AB_UNIT)
    logits = torch.zeros(1, len(bins), 4, 4, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    first = float(loss(logits.detach(), target))
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(logits, target)
        value.backward()
        optimizer.step()
    assert float(value.detach()) < 0.5 * first
    assert (bins.annealed_mean(logits.detach(), 0.38) - target).abs().max() * AB_UNIT < 3


@pytest.mark.parametrize("net", sorted(FILES))
def test_perceptual_loss_goes_down(net: str) -> None:
    if not (paths.weights_dir() / FILES[net]).is_file():
        pytest.skip(f"{FILES[net]} is not at hand")
    loss, target = losses.get("perceptual"), smooth(3)
    assert descend(lambda p: loss(p, target, net=net), smooth(3, seed=1), steps=40) < 0.7


def test_perceptual_loss_refuses_without_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCOLOR_WEIGHTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="vgg19"):
        losses.get("perceptual")(smooth(3), smooth(3))


def test_unknown_loss_is_named() -> None:
    with pytest.raises(ValueError, match="surprise"):
        losses.get("surprise")


def test_soft_labels_sum_to_one_and_peak_at_the_nearest_bin() -> None:
    bins, ab = default_bins(), 0.4 * (smooth(2) - 0.5)
    labels = bins.soft_labels(ab)
    assert torch.allclose(labels.sum(1), torch.ones(2, SIZE, SIZE), atol=1e-5)
    distance = (bins.centres[labels.argmax(1)] - bins.centres[bins.nearest(ab)]).norm(dim=-1)
    assert float((distance == 0).float().mean()) > 0.99


def test_rarity_weights_have_mean_one_under_the_prior() -> None:
    bins = default_bins()
    weights = bins.weights(0.5)
    assert float((weights * bins.prior).sum()) == pytest.approx(1, abs=1e-4)
    assert weights[bins.prior.argmax()] < weights[bins.prior.argmin()]


def test_derived_cells_lie_in_the_published_ones() -> None:
    folder = paths.weights_dir()
    centres, prior = folder / "pts_in_hull.npy", folder / "prior_probs.npy"
    if not (centres.is_file() and prior.is_file()):
        pytest.skip("the published bins are not at hand")
    published = AbBins.from_files(centres, prior)
    assert len(published) == 313
    cells = {tuple(row) for row in gamut_cells().int().tolist()}
    assert cells <= {tuple(row) for row in np.load(centres).tolist()}


def test_prior_is_measured_from_pictures(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "red.png")
    bins = measure_prior([tmp_path], 5)
    a, b = bins.centres[bins.prior.argmax()].tolist()
    assert a > 40
    assert b > 20
    assert float(bins.prior.sum()) == pytest.approx(1)


def test_rare_colours_weigh_more() -> None:
    loss = losses.get("color_weighted")
    common, rare = torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), -50 / AB_UNIT)
    assert loss(rare + 0.1, rare) > 3 * loss(common + 0.1, common)


def test_temporal_loss_needs_whole_clips() -> None:
    with pytest.raises(ValueError, match="no clips of 2"):
        losses.get("temporal")(torch.zeros(3, 2, 8, 8), torch.zeros(3, 2, 8, 8))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["l1", "mae_ssim", "color_weighted", "ab_classes"])
def test_a_small_network_overfits_one_batch(name: str) -> None:
    """Two minutes at most for all four: the loss of a network, not of free pixels."""
    torch.manual_seed(0)
    classes = name == "ab_classes"
    restorer = name == "mae_ssim"
    luma = smooth(1, 4, seed=4) * 2 - 1
    ab = 0.5 * (smooth(2, 4, seed=5) - 0.5)
    target = lab_to_rgb(torch.cat(((luma + 1) * 50, ab * AB_UNIT), 1)) if restorer else ab
    outputs = len(default_bins()) if classes else target.shape[1]
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 64, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(64, 64, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(64, outputs, 1),
    )
    position = torch.randn(4, 64, SIZE, SIZE).requires_grad_(True)
    optimizer = torch.optim.Adam([*net.parameters(), position], lr=5e-3)
    loss, values = losses.get(name), []
    for _ in range(300):
        hidden = net[1](net[0](luma) + position)
        value = loss(net[4](net[3](net[2](hidden))), target, luma=luma)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.35 * values[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["patch", "dense"])
def test_discriminators_learn_to_tell_apart(name: str) -> None:
    torch.manual_seed(0)
    net = build(name, channels=3, width=8)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    real, made = smooth(3, 8), smooth(3, 8, seed=9).round()
    loss = losses.get("bce")
    values = []
    for _ in range(60):
        scores = (net(real), net(made))
        value = loss(scores[0], torch.ones_like(scores[0]))
        value = value + loss(scores[1], torch.zeros_like(scores[1]))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.2 * values[0]


def test_a_teachers_answer_is_the_aim(tmp_path: Path) -> None:
    model = {"name": "fast", "top": 32, "widths": [16, 16, 16]}
    torch.manual_seed(1)
    network = build(**model).eval()
    recipe = {"recipe": {"kind": "colorizer"}, "step": 1, "seconds": 1.0}
    state = {"network": network.state_dict(), "average": network.state_dict(), "model": model}
    checkpoint.save(tmp_path / "teacher.pt", state | recipe)
    luma = torch.rand(2, 1, 64, 64) * 2 - 1
    with torch.no_grad():
        aim = network(luma)
    loss = partial(
        losses.get("distil"), target=aim, luma=luma, teacher=str(tmp_path / "teacher.pt")
    )
    assert float(loss(aim)) == 0
    assert float(loss(aim + 0.1)) > 0.05
    assert descend(loss, torch.zeros_like(aim)) < 0.25
    larger = torch.nn.functional.interpolate(aim, scale_factor=2.0, mode="bilinear")
    assert float(loss(larger)) < 0.001
    with pytest.raises(FileNotFoundError, match="needs the teacher"):
        losses.get("distil")(aim, aim, luma=luma, teacher=str(tmp_path / "none.pt"))


def test_the_published_classes_can_be_had(tmp_path: Path, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "pts_in_hull.npy", rng.integers(-10, 10, (31, 2)) * 10)
    np.save(tmp_path / "prior_probs.npy", np.full(31, 1 / 31))
    monkeypatch.setenv("FASTCOLOR_WEIGHTS", str(tmp_path))
    bins_called.cache_clear()
    network = build("b_resnet18", classes=True, widths=[8, 8], bins="published")
    answers = network(torch.zeros(1, 1, 64, 64), full=True)
    assert answers["logits"].shape[1] == len(bins_called("published")) == 31
    loss = losses.get("ab_classes")
    assert torch.isfinite(loss(answers["logits"], answers["ab"], bins="published"))
    with pytest.raises(ValueError, match="gamut or published"):
        bins_called("mine")
    bins_called.cache_clear()
