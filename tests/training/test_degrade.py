"""Degradations: ranges, determinism, and what must not change."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import torch
from generated import picture
from PIL import Image
from training import degrade
from training.color import grey_to_lightness, rgb_to_lab
from training.degrade import Degrade
from training.tasks import Colorizer, linear_bytes

#: Of each degradation the least mean change of a grey in [0, 1], about half of what it is on soft
#: pictures, which have little that blurring could take.
SHARES = {
    "film": 0.03, "fading": 0.025, "vignetting": 0.013, "blurring": 5e-4, "graining": 4e-3,
    "scratching": 2e-3, "downscaling": 7e-4, "compressing": 2e-3,
}  # fmt: skip


def pixels(count: int = 3) -> torch.Tensor:
    return torch.stack(
        [torch.from_numpy(np.array(picture(n))).permute(2, 0, 1) for n in range(count)]
    )


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", SHARES)
def test_each_degradation_changes_pictures_within_range(name: str) -> None:
    linear = linear_bytes(pixels(8))
    plain = Degrade()(linear, seeded())
    changed = Degrade(**{name: 1.0})(linear, seeded())
    assert float((changed - plain).abs().mean()) >= SHARES[name]
    assert changed.shape == plain.shape
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1
    assert torch.equal(changed, Degrade(**{name: 1.0})(linear, seeded()))


def test_no_degradation_keeps_lightness() -> None:
    grey = Degrade()(linear_bytes(pixels()), seeded())
    lightness = rgb_to_lab(pixels().float() / 255)[:, :1]
    assert (grey_to_lightness(grey) - lightness).abs().max() < 1e-2


def test_film_leaves_neutral_pictures_alone() -> None:
    level = torch.rand((5, 1, 8, 8), generator=seeded()).expand(-1, 3, -1, -1)
    assert all(abs(sum(film) - 1) < 1e-6 for film in (*degrade.RESPONSES, degrade.LUMINANCE))
    seen = degrade.film_response(level, 1.0, seeded(2))
    plain = degrade.film_response(level, 0.0, seeded(2))
    assert (seen - plain).abs().max() < 1e-5


def test_only_about_the_share_is_degraded() -> None:
    linear = linear_bytes(pixels(1)).expand(200, -1, -1, -1)
    grey = Degrade(graining=0.25, grain_amount=0.2)(linear, seeded())
    changed = (grey != grey[:1]).flatten(1).any(1) | (grey != Degrade()(linear, seeded())).flatten(
        1
    ).any(1)
    assert 25 < int(changed.sum()) < 80


def test_jpeg_loses_what_a_real_encoder_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = picture(3).convert("L")
    stream = io.BytesIO()
    grey.save(stream, "JPEG", quality=30)
    real = np.asarray(Image.open(stream)).astype(np.float32)
    monkeypatch.setattr(degrade, "uniform", lambda like, *_: torch.full((len(like), 1, 1, 1), 30.0))
    given = torch.from_numpy(np.array(grey)).float()[None, None] / 255
    ours = degrade.jpeg(given, 30.0, seeded())[0, 0].numpy() * 255
    assert np.abs(ours - real).mean() < 0.75
    assert np.abs(real - np.asarray(grey)).mean() > 0.75 * np.abs(ours - np.asarray(grey)).mean()


def test_blanks_are_flat_and_colourless() -> None:
    colourful = pixels(1).expand(40, -1, -1, -1)
    task = Colorizer(torch.nn.Identity())
    batch = task.batch(colourful, Degrade(blanks=0.5), seeded())
    flat = batch.target.flatten(1).abs().amax(1) == 0
    spread = batch.luma.flatten(1).std(1)
    assert 8 < int(flat.sum()) < 32
    assert float(spread[flat].max()) < 0.06 < float(spread[~flat].min())


def test_clahe_is_our_operator_on_each_picture() -> None:
    ops = pytest.importorskip("fastcolor.ops", reason="the package is not built")
    try:
        ops.clahe(np.zeros((8, 8), np.uint8))
    except ImportError as error:
        pytest.skip(f"the package is not built: {error}")
    linear = linear_bytes(pixels(2))
    grey = (Degrade()(linear, seeded())[:, 0] * 255).round().byte().numpy()
    got = Degrade(clahe=1.0, clahe_clip=3.0)(linear, seeded())[:, 0] * 255
    expected = np.stack([ops.clahe(picture, clip_limit=3.0, grid=(8, 8)) for picture in grey])
    assert np.abs(got.numpy() - expected).max() < 0.51
    assert expected.std() > grey.std()


def test_missing_clahe_operator_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastcolor", None)
    with pytest.raises(RuntimeError, match=r"pip install \."):
        Degrade(clahe=1.0)(linear_bytes(pixels()), seeded())
