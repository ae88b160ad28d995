"""A discriminator that learns beside the network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training import losses
from training.models import build
from training.recipe import Named


class Adversary:
    """Scores pictures; ``loss`` compares scores with ones (real) and zeros (made)."""

    def __init__(self, part: Named, device: torch.device) -> None:
        self.network = build(part.name, **part.arguments).to(device)
        self.weight, self.start = part.weight, part.start
        self.judge = losses.get(part.loss)
        self.peak = part.lr or 2e-4
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=self.peak, betas=(0.5, 0.999)
        )

    def _loss(self, seen: Tensor, real: bool) -> Tensor:
        scores = self.network(seen)
        return self.judge(scores, torch.full_like(scores, float(real)))

    def generator_loss(self, made: Tensor) -> Tensor:
        """How little ``made`` passes for real; leaves no gradient in the discriminator."""
        self.network.train().requires_grad_(False)
        return self._loss(made, True)

    def step(self, real: Tensor, made: Tensor, rate: float) -> Tensor:
        """One update of the discriminator; ``made`` carries no gradient."""
        self.network.train().requires_grad_(True)
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * rate
        loss = 0.5 * (self._loss(real, True) + self._loss(made, False))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._average_gradients()
        self.optimizer.step()
        return loss.detach()

    def _average_gradients(self) -> None:
        if torch.distributed.is_initialized():
            world = torch.distributed.get_world_size()
            for parameter in self.network.parameters():
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= world  # type: ignore[operator]

    def state_dict(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
