"""Recipes are read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest
from generated import recipe
from training.recipe import load, parse

MINIMAL = {"name": "x", "kind": "colorizer", "model": {"name": "fast"}, "loss": [{"name": "l1"}]}


def test_all_recipes_in_the_tree_are_valid() -> None:
    recipes = sorted(Path(__file__).parents[2].joinpath("training/recipes").rglob("*.toml"))
    assert recipes
    for path in recipes:
        assert load(path).sha256


def test_stages_change_data_from_their_progress_on() -> None:
    stage = {"from": 0.5, "crop": 192, "sets": ["big-*.tar"]}
    plan = parse(MINIMAL | {"data": {"crop": 96}, "stage": [stage]})
    assert plan.data_at(0.49).crop == 96
    assert plan.data_at(0.5).crop == 192
    assert plan.data_at(1.0).sets == ("big-*.tar",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"corp": 1}}, "unknown corp"),
        ({"surprise": {}}, "unknown surprise"),
        ({"kind": "painter"}, "kind must be"),
        ({"loss": []}, "at least one"),
        ({"model": {}}, "has no name"),
    ],
)
def test_mistakes_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(MINIMAL | change)


def test_other_arguments_go_to_the_network(tmp_path: Path) -> None:
    plan = load(recipe(tmp_path / "mini.toml"))
    assert plan.model.arguments["top"] == 32
