"""A training checkpoint as a predictor: PyTorch, float32, the averaged weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from ..export import load_network
from .predictors import Network


def from_checkpoint(
    path: Path, name: str, size: int = 0, attributes: Mapping[str, float] | None = None
) -> Network:
    """The network of a checkpoint of training.train; ValueError if it is none.

    `attributes` are set on the network first, such as the temperature of an annealed mean.
    """
    chosen = dict(attributes or {})
    network, state = load_network(path, chosen)
    own_size = int(getattr(network, "working_size", 256))

    def run(array: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(array)).numpy()

    return Network(
        name=name,
        run=run,
        kind=state["recipe"]["kind"],
        working_size=size or own_size,
        multiple=int(getattr(network, "multiple_of", 1)),
        parameters=sum(p.numel() for p in network.parameters()),
        attributes=chosen,
        stated={"saturation": 1.0, "working_size": own_size},
    )
