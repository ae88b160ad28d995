"""The state of one training run: step, validate, save, restore.

Everything random in step n is seeded by (seed, n, worker), so a run that was
killed and resumed from a checkpoint takes the same steps as an undisturbed one.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
from torch import nn

from training import checkpoint, validation
from training.adversary import Adversary
from training.data.batches import CropBatches
from training.data.cache import PictureCache, open_cache
from training.data.sources import find
from training.degrade import Degrade
from training.log import Log
from training.models import build
from training.objective import check, objective
from training.optim import optimizer
from training.recipe import DataPart, Recipe
from training.schedule import Clock, progress, rate
from training.tasks import TASKS
from training.warm_start import warm_start

LOG_STEPS = 50


class DivergedError(RuntimeError):
    """Training went wrong beyond repair."""


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Places:
    data: Path
    weights: Path
    cache: Path
    out: Path


class Run:
    def __init__(
        self, recipe: Recipe, places: Places, device: torch.device, cpu_clock: bool = False
    ) -> None:
        self.recipe, self.places, self.device = recipe, places, device
        self._now = time.process_time if cpu_clock else time.monotonic
        self.rank, self.world = 0, 1
        if distributed.is_initialized():
            self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        torch.manual_seed(recipe.seed)
        self.network = build(recipe.model.name, **recipe.model.arguments)
        if recipe.model.init:
            self._initialise(places.weights / recipe.model.init)
        self.network.to(device, memory_format=torch.channels_last)
        self.task = TASKS[recipe.kind](self.network)
        self.average = checkpoint.Average(self.network, recipe.optim.ema)
        part = recipe.discriminator
        self.adversary = Adversary(part, device) if part else None
        self.wrapped = self._share(self.network)
        self.optimizer = optimizer(recipe.optim, self.network)
        self.degrade = Degrade(**recipe.degrade)
        check(recipe.losses, self.network, device, recipe.data.frames)
        self._call = self._training_call()
        self.step_number = 0
        self.clock = Clock(now=self._now)
        self.best, self.best_of = math.inf, recipe.data
        self.decoding = 0.0  # seconds of this call for data, which the clock leaves out
        self.rows = Log(places.out / "log.jsonl")
        self._sources: dict[DataPart, CropBatches] = {}

    def _share(self, network: nn.Module) -> nn.Module:
        if self.world == 1:
            return network
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=ids)

    def _initialise(self, path: Path) -> None:
        if not path.exists():
            note(f"{path}: not there; the trunk starts from scratch")
            return
        from safetensors.torch import load_file

        left = self.network.load_trunk(load_file(path))  # type: ignore[operator]
        note(f"{path.name}: loaded; {len(left)} tensors of the trunk start from scratch")

    def _training_call(self) -> dict[str, bool]:
        """Ask for every output, but for the answer itself only when something judges it."""
        if not getattr(self.network, "has_full", False):
            return {}
        own = getattr(self.network, "own_losses", ())
        judged = any(i.name not in own and not i.on for i in self.recipe.losses)
        return {"full": True, "answer": judged or self.adversary is not None}

    def batches(self, part: DataPart) -> CropBatches:
        if part not in self._sources:
            if part.batch // self.world % part.frames:
                raise ValueError(
                    f"{self.world} workers cannot share {part.batch} pictures as clips"
                )
            self._sources.clear()
            self.clock.tick()
            begun = self._now()
            cache = self._cache(part)
            self.decoding += self._now() - begun
            self.clock.skip()
            self._sources[part] = CropBatches(
                cache,
                cache.split(part.held_out)[0],
                part.crop,
                max(1, part.batch // self.world),
                self.recipe.seed,
                part.zoom,
                self.rank,
                self.world,
                part.frames,
            )
        return self._sources[part]

    def _cache(self, part: DataPart) -> PictureCache:
        def opened() -> PictureCache:
            sources = find(self.places.data, part.sets, note)
            return open_cache(sources, part.short_side, self.places.cache, note)

        if self.rank:  # the first worker builds it, the others find it whole
            distributed.barrier()
        cache = opened()
        if self.world > 1 and not self.rank:
            distributed.barrier()
        return cache

    @property
    def progress(self) -> float:
        return progress(self.recipe.schedule, self.step_number, self.clock.seconds)

    def rng(self, salt: int) -> torch.Generator:
        seed = ((self.recipe.seed * 1_000_003 + self.step_number) * 101 + salt) * 127 + self.rank
        return torch.Generator(self.device).manual_seed(seed)

    def begin(self) -> None:
        """Before the first step: measure how often colours occur, where the network asks."""
        measure = getattr(self.network, "measure_prior", None)
        if measure is None:
            return
        source = self.batches(self.recipe.data)
        targets = (
            self.task.batch(source.at(10_000_000 + n, self.device), Degrade(), self.rng(2)).target
            for n in range(24)
        )
        measure(targets)
        if self.world > 1:
            distributed.broadcast(self.network.grid.prior, 0)  # type: ignore[union-attr]
        self.average.network.load_state_dict(self.network.state_dict())

    def start_from(self, model: Path) -> None:
        """Take the weights of an exported model instead of the recipe's own start."""
        source = self.batches(self.recipe.data)
        lumas = [
            self.task.batch(source.at(20_000_000 + n, self.device), Degrade(), self.rng(3)).luma
            for n in range(8)
        ]
        warm_start(self.network, model, lumas)
        if self.world > 1:
            for value in self.network.state_dict().values():
                distributed.broadcast(value, 0)
        self.average.network.load_state_dict(self.network.state_dict())
        self.average.updates = round(10 / (1 - self.average.decay))  # at its full decay

    def step(self) -> dict[str, float]:
        done = self.progress
        scale = rate(self.recipe.schedule, self.step_number, done)
        for group in self.optimizer.param_groups:
            group["lr"] = 0.0 if done < group["frozen"] else group["peak"] * scale
        source = self.batches(self.recipe.data_at(done))
        batch = self.task.batch(source.at(self.step_number, self.device), self.degrade, self.rng(1))
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step_number * 64 + self.rank)
        self.network.train()
        luma = batch.luma.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            answers = self.wrapped(luma, **self._call)
        outputs = answers if isinstance(answers, dict) else {self.task.output: answers}
        outputs = {name: value.float() for name, value in outputs.items()}
        parts = objective(self.recipe.losses, done, self.network, self.task, outputs, batch)
        if self.adversary and done >= self.adversary.start:
            seen = self.task.view(outputs[self.task.output], batch)
            parts["adversarial"] = self.adversary.weight * self.adversary.generator_loss(seen)
        total = torch.stack(list(parts.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.optim.clip)
        self.optimizer.step()
        if self.adversary and done >= self.adversary.start:
            real = self.task.view(batch.target, batch)
            parts["discriminator"] = self.adversary.step(real, seen.detach(), scale)
        self.average.update(self.network)
        self.step_number += 1
        if self.step_number % LOG_STEPS and self.device.type == "cuda":
            return {}  # reading a number would wait for the device
        row = {name: float(value.detach()) for name, value in parts.items()}
        return row | {"loss": float(total.detach()), "rate": scale, "norm": float(norm)}

    def agree(self, stop: bool = False) -> bool:
        """All workers take the first one's clock and its wish to stop."""
        self.clock.tick()
        if self.world == 1:
            return stop
        ours = [self.clock.seconds, float(stop)]
        shared = torch.tensor(ours, dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        self.clock.seconds = float(shared[0])
        return bool(shared[1])

    def require_finite(self, value: float) -> None:
        """Weights that are no numbers must not take the place of those that are."""
        if not math.isfinite(value):
            raise DivergedError(
                f"step {self.step_number}: the error is no number any more; the checkpoints in "
                f"{self.places.out} are of before; a smaller lr, or another seed, may get further"
            )

    def validate(self, part: DataPart) -> dict[str, float]:
        """See `validation.validate`; of the averaged network."""
        batches = validation.held_out(self.batches(part), part, self.task, self.device)
        sheet = self.places.out / "samples" / f"{self.step_number:07d}.png"
        return validation.validate(self.average.network, self.task, batches, sheet)

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs, plus what evaluation and export read."""
        recipe = self.recipe
        return {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "average_updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(),
            "adversary": self.adversary.state_dict() if self.adversary else None,
            "step": self.step_number,
            "seconds": self.clock.seconds,
            "best": self.best,
            "model": {"name": recipe.model.name, **recipe.model.arguments},
            "recipe": {"name": recipe.name, "kind": recipe.kind, "sha256": recipe.sha256},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`, or from the slim one of `pieces`, with a fresh optimizer.
        ValueError where it is of another network."""
        try:
            self.network.load_state_dict(state["network"])
        except RuntimeError as error:
            raise ValueError("the checkpoint holds another network than the recipe's") from error
        self.average.network.load_state_dict(state["average"])
        self.average.updates = state["average_updates"]
        settings = [
            {k: g[k] for k in ("peak", "frozen", "weight_decay")}
            for g in self.optimizer.param_groups
        ]
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        for group, kept in zip(self.optimizer.param_groups, settings, strict=True):
            group.update(kept)
        if self.adversary and state.get("adversary"):
            self.adversary.load_state_dict(state["adversary"])
        self.step_number, self.best = state["step"], state["best"]
        self.clock = Clock(state["seconds"], self._now)
        self.best_of = self.recipe.data_at(self.progress)

    def log(self, **fields: Any) -> None:
        seconds = round(self.clock.seconds, 1)
        self.rows.write({"step": self.step_number, "seconds": seconds} | fields)

    def checkpoint(self) -> None:
        """Validate, then write ``last.pt`` and, when it is the best so far, ``best.pt``."""
        part = self.recipe.data_at(self.progress)
        self.batches(part)  # opening data takes all workers
        if self.rank == 0:
            row = self.validate(part)
            self.require_finite(row["val_error"])
            self.log(**row)
            better = part != self.best_of or row["val_error"] < self.best
            if better:  # other crops of other pictures are another measure
                self.best, self.best_of = row["val_error"], part
            for name in ("last.pt", "best.pt") if better else ("last.pt",):
                checkpoint.save(self.places.out / name, self.state())
        self.agree()
