"""Contact sheets."""

from __future__ import annotations

from pathlib import Path

import torch
from generated import folder, recipe
from PIL import Image

from training import checkpoint
from training.contact import fitted, main
from training.recipe import load
from training.run import Places, Run


def test_pictures_keep_their_shape_in_the_square() -> None:
    tile = fitted(torch.ones(3, 50, 100), 32)
    assert tile.shape == (3, 32, 32)
    assert int(tile[0].amax(1).sum()) == 16


def test_sheet_has_a_row_for_each_model(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    root = folder(tmp_path, 5)
    plan = load(recipe(root / "mini.toml"))
    run = Run(plan, Places(root, root, root / "cache", root), torch.device("cpu"))
    checkpoint.save(root / "last.pt", run.state())
    arguments = [str(root / "last.pt"), "--set", str(root / "pictures"), "--side", "40"]
    arguments += ["--across", "3", "--size", "64", "-o", str(root / "sheet.png")]
    assert main(arguments) == 0
    with Image.open(root / "sheet.png") as sheet:
        assert sheet.size == (120, 160)
