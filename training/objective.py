"""The weighted sum of a recipe's losses."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training import losses, paths
from training.losses import teacher
from training.losses.perceptual import trunk
from training.recipe import Named
from training.tasks import Batch


def check(items: Sequence[Named], network: nn.Module, device: torch.device, frames: int) -> None:
    """ValueError, before any data is read, for a loss that is not known or that lacks something.
    ``frames``: of the clips that batches hold."""
    for item in items:
        if item.name in getattr(network, "own_losses", ()):
            continue
        judge = losses.get(item.name)
        known = set(inspect.signature(judge).parameters) - {"prediction", "target", "luma"}
        unknown = sorted(set(item.arguments) - known)
        if unknown:
            names = ", ".join(sorted(known)) or "none"
            raise ValueError(f"the loss {item.name} has no {', '.join(unknown)}; known: {names}")
        if item.name == "perceptual":
            trunk(item.arguments.get("net", "vgg19"), paths.weights_dir(), device)
        if item.name == "distil":
            teacher.network(item.arguments.get("teacher", ""), device)
        if item.name == "temporal" and frames != item.arguments.get("frames", 2):
            raise ValueError("the loss temporal needs clips: set frames in [data] as in the loss")


def objective(
    items: Sequence[Named],
    done: float,
    network: nn.Module,
    task: Any,
    outputs: dict[str, Tensor],
    batch: Batch,
) -> dict[str, Tensor]:
    """Each loss in force at progress ``done``, times its weight, by name.

    A loss judges the output named by ``on`` (else the kind's own one) and is handed
    ``luma`` and its arguments; what no function of that name judges, the network does.
    """
    parts: dict[str, Tensor] = {}
    for item in items:
        if done < item.start:
            continue
        own = getattr(network, "own_loss", None)
        if own is not None and item.name in getattr(network, "own_losses", ()):
            value = own(item.name, outputs, batch.target, **item.arguments)
        else:
            judge = losses.get(item.name)
            prediction = outputs[item.on or task.output]
            value = judge(prediction, batch.target, luma=batch.luma, **item.arguments)
        key = item.name if item.name not in parts else f"{item.name}.{len(parts)}"
        parts[key] = item.weight * value
    return parts
