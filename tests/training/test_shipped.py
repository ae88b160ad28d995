"""What the models inside the package promise, checked on the files themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from training.digest import weights_digest

WEIGHTS = Path(__file__).parents[2] / "python/fastcolor/weights"
COLORIZERS = [WEIGHTS / "fast.onnx", WEIGHTS / "best.onnx"]
AB = 110.0


@pytest.fixture(params=COLORIZERS, ids=lambda path: path.stem)
def model(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    if not path.exists():
        pytest.skip(f"{path.name} is not shipped yet")
    return path


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def chroma(path: Path, luma: np.ndarray) -> np.ndarray:
    """ab (2,h,w) in CIELAB units for luma (h,w), at the default saturation."""
    network = session(path)
    saturation = float(network.get_modelmeta().custom_metadata_map["saturation"])
    return saturation * AB * network.run(None, {"luma": luma[None, None].astype(np.float32)})[0][0]


def full_size(ab: np.ndarray) -> np.ndarray:
    """ab at a quarter of the size, enlarged to the size of the luma."""
    planes = torch.from_numpy(ab)[None]
    return nn.functional.interpolate(planes, scale_factor=4, mode="bicubic")[0].numpy()


def test_all_files_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.onnx")) <= 24_000_000


def test_file_is_sound_and_says_what_it_is(model: Path) -> None:
    graph = onnx.load(model)
    onnx.checker.check_model(graph)
    said = {entry.key: entry.value for entry in graph.metadata_props}
    assert said["kind"] == "colorizer"
    assert said["storage"] == "fp16"
    assert said["weights_sha256"] == weights_digest(graph)
    assert (model.parent / said["card"]).is_file()
    assert said["weights_sha256"] in (model.parent / said["card"]).read_text()


@pytest.mark.parametrize("level", [-1.0, -0.7, -0.3, 0.0, 0.4, 0.8, 1.0])
def test_constant_grey_stays_nearly_grey(model: Path, level: float) -> None:
    ab = chroma(model, np.full((192, 256), level))
    assert np.hypot(*ab).max() <= 6


def test_chroma_is_calm_under_shifts_and_noise(model: Path) -> None:
    grey = pytest.importorskip("skimage.data").camera().astype(np.float32)
    luma = grey[::2, ::2] / 127.5 - 1
    rng = np.random.default_rng(0)
    still = full_size(chroma(model, luma[:224, :224]))
    noisy = full_size(chroma(model, luma[:224, :224] + rng.normal(0, 0.02, (224, 224))))
    assert np.hypot(*(noisy - still)).mean() <= 1.5
    moved = full_size(chroma(model, luma[:224, 1:225]))
    assert np.hypot(*(moved[:, :, :-1] - still[:, :, 1:])).mean() <= 1.5


@pytest.mark.parametrize("turns", range(4))
def test_no_bright_line_runs_along_the_border(model: Path, turns: int) -> None:
    """Where the picture ends is no reason for a colour; its mirrored continuation has none."""
    grey = pytest.importorskip("skimage.data").camera().astype(np.float32)
    luma = np.rot90(grey[:224, :224], turns) / 127.5 - 1
    alone = chroma(model, luma)
    inside = chroma(model, np.pad(luma, 32, mode="reflect"))[:, 8:-8, 8:-8]
    change = np.hypot(*(alone - inside))
    for border in (change[0], change[-1], change[:, 0], change[:, -1]):
        assert border.mean() <= 25
