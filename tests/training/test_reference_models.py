"""Every recipe builds, takes one step, exports, and its ONNX file answers as PyTorch.

Widths, depths and crops are cut down, so that all of them together stay quick; the
recipes' own sizes are built once without weights to count parameters.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from generated import folder
from training import checkpoint, paths
from training.chain import join
from training.export import export
from training.losses.perceptual import FILES
from training.models import build
from training.recipe import Named, Recipe, load
from training.run import Places, Run

RECIPES = sorted(paths.ROOT.joinpath("training/recipes").rglob("*.toml"))
CPU = torch.device("cpu")

SMALLER: dict[str, dict[str, object]] = {
    "a1_unet": {"widths": (4, 4, 8, 8, 8), "bottleneck": 8},
    "a2_fusion": {"widths": (4, 4, 8, 8), "bottleneck": 8, "classes": 4},
    "b_resnet9": {"trunk": (8, 8, 8, 8), "widths": (8, 8)},
    "c1_cnn": {"width": 8},
    "c2_inception": {"width": 8, "size": 96},
    "c3_vit": {"width": 8, "size": 32, "depth": 1, "dim": 24},
    "d2_pix2pix": {"depth": 6, "width": 8},
    "e1_unet": {"width": 8},
    "e2_srgan": {"width": 8, "blocks": 1},
    "e3_chain": {"width": 8, "blocks": 1},
    "sr": {"width": 8, "depth": 2},
    "restore": {"width": 8},
    "fast": {"blocks": (1, 1, 1, 1), "top": 16, "widths": (16, 16, 16)},
    "best": {"blocks": (1, 1, 1, 1), "top": 16, "widths": (16, 16, 16)},
    "patch": {"width": 8},
    "dense": {"width": 8, "hidden": 8},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return folder(tmp_path_factory.mktemp("reference"), 6)


def small(recipe: Recipe) -> Recipe:
    """The recipe on a few generated pictures with a small network of the same make."""

    def shrunk(part: Named) -> Named:
        smaller = {**part.arguments, **SMALLER.get(part.name, {})}
        return dataclasses.replace(part, arguments=smaller)

    crop = 128 if recipe.kind == "restorer" else 64
    part = dataclasses.replace(
        recipe.data, sets=("pictures",), short_side=84, crop=crop, zoom=1.0, batch=2, held_out=3
    )
    losses = tuple(loss for loss in recipe.losses if usable(loss.name, loss.arguments))
    return dataclasses.replace(
        recipe,
        model=shrunk(recipe.model),
        discriminator=recipe.discriminator and shrunk(recipe.discriminator),
        data=part,
        stages=(),
        losses=losses,
        schedule=dataclasses.replace(recipe.schedule, clock="steps", steps=10, warmup=0),
    )


def usable(name: str, arguments: dict[str, object]) -> bool:
    """Perceptual losses need weights that a checkout may lack."""
    file = FILES[str(arguments.get("net", "vgg19"))]
    return name != "perceptual" or (paths.weights_dir() / file).is_file()


def places(data: Path, out: Path) -> Places:
    """No pretrained trunks here: a recipe must also start without them."""
    return Places(data, out / "no-weights", data / "cache", out)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_builds_steps_exports_and_agrees(path: Path, data: Path, tmp_path: Path) -> None:
    run = Run(small(load(path)), places(data, tmp_path), CPU)
    run.begin()
    before = [p.detach().clone() for p in run.network.parameters()]
    row = run.step()
    assert torch.isfinite(torch.tensor(row["loss"]))
    changed = [not torch.equal(a, b) for a, b in zip(before, run.network.parameters(), strict=True)]
    assert any(changed)
    run.checkpoint()
    assert 0 < run.best < float("inf")
    assert export(tmp_path / "last.pt", tmp_path / "model.onnx") < 1e-4


def adversarial() -> list[Path]:
    return [path for path in RECIPES if load(path).discriminator]


@pytest.mark.parametrize("path", adversarial(), ids=lambda path: path.stem)
def test_adversary_learns_and_is_restored(path: Path, data: Path, tmp_path: Path) -> None:
    run = Run(small(load(path)), places(data, tmp_path), CPU)
    assert run.adversary is not None
    before = [p.detach().clone() for p in run.adversary.network.parameters()]
    row = run.step()
    assert {"adversarial", "discriminator"} <= row.keys()
    pairs = zip(before, run.adversary.network.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [
        ("d1_unet", {}, 64),
        ("b_resnet18", {}, 64),
        ("b_resnet18", {"classes": True, "widths": (128, 64)}, 64),
        ("c2_inception", {"width": 8, "size": 96}, 64),
    ],
)
def test_trunks_are_named_and_within_the_network(
    name: str, arguments: dict[str, object], size: int
) -> None:
    network = build(name, **arguments).eval()
    trunk = {id(p) for p in network.trunk_parameters()}
    assert trunk
    assert trunk < {id(p) for p in network.parameters()}
    with torch.inference_mode():
        ab = network(torch.rand(1, 1, size, 2 * size))
    divisor = getattr(network, "chroma_divisor", 1)
    assert ab.shape == (1, 2, size // divisor, 2 * size // divisor)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("b_resnet18", "resnet18_imagenet_conv1_to_layer3.safetensors"),
        ("d1_unet", "resnet18_imagenet_conv1_to_layer3.safetensors"),
        ("a2_fusion", "mobilenet_v2_imagenet.safetensors"),
    ],
)
def test_pretrained_trunks_load(name: str, file: str) -> None:
    path = paths.weights_dir() / file
    if not path.is_file():
        pytest.skip(f"{file} is not at hand")
    from safetensors.torch import load_file

    left = build(name).load_trunk(load_file(path))
    assert all(part.startswith("layer4") for part in left)
    assert bool(left) == (name == "d1_unet")


@pytest.mark.parametrize(
    ("name", "limit"),
    [("sr-x2", 120_000), ("sr-x4", 120_000), ("sr-x2-gpu", 1_300_000), ("sr-x4-gpu", 1_300_000)],
)
def test_upscalers_keep_their_size(name: str, limit: int) -> None:
    recipe = load(paths.ROOT / "training" / "recipes" / f"{name}.toml")
    network = build(recipe.model.name, **recipe.model.arguments)
    assert sum(p.numel() for p in network.parameters()) <= limit
    grey = torch.full((1, 1, 16, 16), 0.5)
    assert (network(grey) - 0.5).abs().max() < 0.2


def test_chain_joins_two_checkpoints(data: Path, tmp_path: Path) -> None:
    root = paths.ROOT / "training" / "recipes" / "reference"
    for name in ("e1", "e2"):
        run = Run(small(load(root / f"{name}.toml")), places(data, tmp_path), CPU)
        checkpoint.save(tmp_path / f"{name}.pt", run.state())
    join(tmp_path / "e1.pt", tmp_path / "e2.pt", tmp_path / "e3.pt")
    assert export(tmp_path / "e3.pt", tmp_path / "e3.onnx") < 1e-4
    with pytest.raises(ValueError, match="a colorizer is needed"):
        join(tmp_path / "e2.pt", tmp_path / "e1.pt", tmp_path / "no.pt")
