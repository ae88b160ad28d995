"""A checkpoint small enough to travel: averaged weights as fp16, in pieces.

    python -m training.pieces split runs/best/last.pt FOLDER     best.pt.00, best.pt.01, ...
    python -m training.pieces join FOLDER runs/best/last.pt      the other way

The joined file evaluates, exports and resumes; only the optimizer starts afresh.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training import checkpoint

LARGEST = 15_000_000


def slim(state: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint without optimizer, adversary and raw weights, floats as fp16."""
    kept = {k: v for k, v in state.items() if k not in ("optimizer", "adversary", "network")}
    small = {n: v.half() if v.dtype == torch.float32 else v for n, v in state["average"].items()}
    return kept | {"average": small}


def full(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint again, both networks the averaged one."""
    wide = {n: v.float() if v.dtype == torch.float16 else v for n, v in state["average"].items()}
    return state | {"average": wide, "network": {n: v.clone() for n, v in wide.items()}}


def split(source: Path, folder: Path, largest: int = LARGEST) -> list[Path]:
    """Write ``source`` as ``folder/NAME.pt.00`` ... of at most ``largest`` bytes each."""
    state = slim(checkpoint.load(source))
    stream = io.BytesIO()
    torch.save(state, stream)
    content = stream.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, first in enumerate(range(0, len(content), largest)):
        path = folder / f"{state['recipe']['name']}.pt.{number:02d}"
        path.write_bytes(content[first : first + largest])
        paths.append(path)
    return paths


def join(folder: Path, target: Path) -> None:
    """Put the pieces in ``folder`` together again as a checkpoint."""
    paths = sorted(folder.glob("*.pt.[0-9][0-9]"))
    if not paths:
        raise ValueError(f"{folder}: no pieces there")
    if len({path.stem for path in paths}) > 1:
        raise ValueError(f"{folder}: pieces of more than one checkpoint")
    if [path.suffix for path in paths] != [f".{n:02d}" for n in range(len(paths))]:
        raise ValueError(f"{folder}: a piece is missing")
    content = b"".join(path.read_bytes() for path in paths)
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(target, full(state))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.pieces", description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=("split", "join"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.verb == "split":
            for path in split(options.source, options.target):
                print(path)
        else:
            join(options.source, options.target)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
