"""Join a trained colouriser E1 and a trained upscaler E2 to the chain E3.

    python -m training.chain E1.pt E2.pt -o e3.pt

The file is a checkpoint that evaluation and export read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import checkpoint
from .models import build


def join(colorizer: Path, upscaler: Path, target: Path) -> None:
    """Write the chain of two checkpoints; ValueError where one is of another kind."""
    states = {"colorizer": checkpoint.load(colorizer), "upscaler": checkpoint.load(upscaler)}
    for kind, state in states.items():
        if state["recipe"]["kind"] != kind:
            raise ValueError(f"a {kind} is needed, {state['recipe']['name']} is none")
    sizes = {k: v for state in states.values() for k, v in state["model"].items() if k != "name"}
    model = {"name": "e3_chain", **{k: sizes[k] for k in ("width", "blocks") if k in sizes}}
    network = build(**model)  # type: ignore[arg-type]
    network.colorizer.load_state_dict(states["colorizer"]["average"])
    network.upscaler.load_state_dict(states["upscaler"]["average"])
    weights = network.state_dict()
    recipe = {"name": "e3", "kind": "restorer", "sha256": ""}
    seconds = sum(state["seconds"] for state in states.values())
    steps = sum(state["step"] for state in states.values())
    whole = {"network": weights, "average": weights, "model": model, "recipe": recipe}
    checkpoint.save(target, whole | {"seconds": seconds, "step": steps})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("colorizer", type=Path)
    parser.add_argument("upscaler", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    join(args.colorizer, args.upscaler, args.output)


if __name__ == "__main__":
    main()
