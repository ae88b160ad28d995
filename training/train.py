"""Train one recipe: ``python -m training.train RECIPE.toml [options]``."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from training import checkpoint
from training.colour import (
    AB_UNIT,
    bytes_to_linear,
    decode_srgb,
    linear_to_lab,
    luma_ab_to_rgb,
    luminance_to_lightness,
)
from training.data.batches import CropBatches
from training.data.cache import PictureCache, open_cache
from training.data.sources import find
from training.degrade import Degrade
from training.models import build
from training.recipe import DataPart, Recipe, load


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def colour_pair(pixels: Tensor, degrade: Degrade, rng: torch.Generator, divisor: int) -> tuple[Tensor, Tensor]:
    """uint8 RGB (N,3,h,w) to ``luma`` (N,1,h,w) and the true ``ab`` at h/divisor."""
    linear = bytes_to_linear(pixels)
    grey = degrade(linear, rng)
    luma = luminance_to_lightness(decode_srgb(grey)) / 50.0 - 1.0
    half = F.avg_pool2d(linear, 2) if divisor > 1 else linear
    ab = linear_to_lab(half)[:, 1:]
    if divisor > 2:
        ab = F.avg_pool2d(ab, divisor // 2)
    return luma, ab / AB_UNIT


class Clock:
    """Active time of a run: a pause of the process (a stop signal) does not count."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last = time.monotonic()
        self._usual = 30.0

    def tick(self) -> None:
        now = time.monotonic()
        spent = now - self._last
        self._last = now
        self.seconds += min(spent, 5 * self._usual)
        self._usual += 0.05 * (min(spent, 2 * self._usual) - self._usual)


class Run:
    """State of a training run and its three verbs: step, validate, save."""

    def __init__(self, recipe: Recipe, data: Path, out: Path, device: torch.device, cache: Path,
                 weights: Path) -> None:
        self.recipe, self.out, self.device = recipe, out, device
        self.data, self.cache_folder = data, cache
        torch.manual_seed(recipe.seed)
        self.network = build(recipe.model.name, **recipe.model.arguments)
        if recipe.model.init:
            self._initialise(weights / recipe.model.init)
        self.network.to(device, memory_format=torch.channels_last)
        self.average = checkpoint.Average(self.network, recipe.optim.ema)
        self.degrade = Degrade(**recipe.degrade)
        self.optimizer = self._optimizer()
        self.step_number = 0
        self.clock = Clock(0.0)
        self.best = math.inf
        self.caches: dict[tuple[Any, ...], PictureCache] = {}

    def _initialise(self, path: Path) -> None:
        if not path.exists():
            note(f"{path}: not there; the trunk starts from scratch")
            return
        from safetensors.torch import load_file

        left = self.network.load_trunk(load_file(path))  # type: ignore[operator]
        note(f"{path.name}: trunk loaded, {len(left)} of its tensors start from scratch")

    def _optimizer(self) -> torch.optim.Optimizer:
        o = self.recipe.optim
        trunk = list(self.network.trunk_parameters()) if o.trunk_lr else []  # type: ignore[operator]
        ids = {id(p) for p in trunk}
        rest = [p for p in self.network.parameters() if id(p) not in ids]
        groups = []
        for parameters, lr in ((trunk, o.trunk_lr), (rest, o.lr)):
            for wide in (True, False):
                chosen = [p for p in parameters if (p.ndim > 1) == wide]
                if chosen:
                    decay = o.weight_decay if wide else 0.0
                    groups.append({"params": chosen, "lr": lr, "peak": lr, "weight_decay": decay})
        return torch.optim.AdamW(groups, betas=o.betas, fused=True)

    def batches(self, part: DataPart) -> CropBatches:
        key = (part.sets, part.short_side)
        if key not in self.caches:
            sources = find(self.data, part.sets, note)
            self.caches[key] = open_cache(sources, part.short_side, self.cache_folder, note)
        cache = self.caches[key]
        numbers = np.arange(len(cache))
        numbers = numbers[numbers % part.held_out != 0] if len(cache) > part.held_out else numbers
        return CropBatches(cache, numbers, part.crop, part.batch, self.recipe.seed, part.zoom)

    @property
    def progress(self) -> float:
        s = self.recipe.schedule
        if s.clock == "minutes":
            return min(1.0, self.clock.seconds / (60 * s.minutes))
        return min(1.0, self.step_number / s.steps)

    def _set_lr(self) -> float:
        s = self.recipe.schedule
        warm = min(1.0, (self.step_number + 1) / max(1, s.warmup))
        scale = warm * (s.floor + (1 - s.floor) * 0.5 * (1 + math.cos(math.pi * self.progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * scale
        return scale

    def losses(self, outputs: dict[str, Tensor], ab: Tensor) -> dict[str, Tensor]:
        network: Any = self.network
        out: dict[str, Tensor] = {}
        for item in self.recipe.losses:
            if self.progress < item.start:
                continue
            if item.name == "ab_nodes":
                rebalance = float(item.arguments.get("rebalance", 0.5))
                value = network.grid.cross_entropy(outputs["logits"], ab * AB_UNIT, rebalance)
            else:
                raise ValueError(f"no loss is called {item.name!r}")
            out[item.name] = item.weight * value
        return out

    def rng(self, salt: int) -> torch.Generator:
        seed = (self.recipe.seed * 1_000_003 + self.step_number) * 101 + salt
        return torch.Generator(self.device).manual_seed(seed)

    def step(self) -> dict[str, float]:
        self.network.train()
        scale = self._set_lr()
        pixels = self.batches(self.recipe.data_at(self.progress)).at(self.step_number, self.device)
        luma, ab = colour_pair(pixels, self.degrade, self.rng(1), 4)
        luma = luma.to(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            outputs = self.network(luma, full=True)
        outputs = {name: value.float() for name, value in outputs.items()}
        parts = self.losses(outputs, ab)
        total = torch.stack(list(parts.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.optim.clip)
        self.optimizer.step()
        self.average.update(self.network)
        self.step_number += 1
        self.clock.tick()
        return {"loss": float(total), "lr": scale, "norm": float(norm)}

    @torch.no_grad()
    def prior(self, batches: int = 24) -> None:
        """Measure how often each ab node occurs, where the network has a prior."""
        grid = getattr(self.network, "grid", None)
        if grid is None:
            return
        source = self.batches(self.recipe.data)
        total = torch.zeros(len(grid), device=self.device)
        for number in range(batches):
            pixels = source.at(10_000_000 + number, self.device)
            _, ab = colour_pair(pixels, Degrade(0, 0, 0, 0, 0, 0, 0), self.rng(2), 4)
            total += grid.frequencies(ab * AB_UNIT)
        for network in (self.network, self.average.network):
            network.grid.prior.copy_(total / total.sum())  # type: ignore[union-attr]

    @torch.no_grad()
    def validate(self, limit: int = 384) -> dict[str, float]:
        """Undegraded centre crops of the held-out pictures through the averaged network."""
        part = self.recipe.data_at(self.progress)
        cache = self.batches(part).cache
        numbers = np.arange(0, len(cache), part.held_out)[:limit]
        network = self.average.network
        errors, base, chroma, truth = [], [], [], []
        sample: list[Tensor] = []
        for first in range(0, len(numbers), 32):
            crops = []
            for number in numbers[first : first + 32]:
                picture = cache.picture(int(number))
                h, w = picture.shape[:2]
                side = min(part.crop, h, w) // 32 * 32
                y, x = (h - side) // 2, (w - side) // 2
                crops.append(torch.from_numpy(picture[y : y + side, x : x + side].copy()))
            pixels = torch.stack(crops).permute(0, 3, 1, 2).contiguous().to(self.device)
            luma, ab = colour_pair(pixels, Degrade(0, 0, 0, 0, 0, 0, 0), self.rng(3), 4)
            with torch.autocast(self.device.type, torch.bfloat16):
                full = network(luma, full=True)
            grid = network.grid  # type: ignore[union-attr]
            logits = full["logits"].float()
            mean = grid.decode(logits, 1.0, 0.0)
            guess = grid.decode(logits, network.temperature, network.emphasis)  # type: ignore
            errors.append((mean - ab).mul(AB_UNIT).norm(dim=1).mean((1, 2)))
            base.append(ab.mul(AB_UNIT).norm(dim=1).mean((1, 2)))
            chroma.append(guess.mul(AB_UNIT).norm(dim=1).mean((1, 2)))
            if first == 0:
                up = lambda t: F.interpolate(t, luma.shape[2:], mode="bicubic")  # noqa: E731
                rows = [luma_ab_to_rgb(luma, up(t)) for t in (ab * 0, ab, mean, guess)]
                sample = [torch.cat(list(row[:16]), 2) for row in rows]
        if sample:
            grid_picture = (torch.cat(sample, 1) * 255).round().byte().permute(1, 2, 0).cpu()
            from PIL import Image

            folder = self.out / "samples"
            folder.mkdir(exist_ok=True)
            Image.fromarray(grid_picture.numpy()).save(folder / f"{self.step_number:07d}.png")
        total = torch.cat(base).mean()
        return {
            "val_error": float(torch.cat(errors).mean() / total),
            "val_chroma": float(torch.cat(chroma).mean() / total),
        }

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "average_updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step_number,
            "seconds": self.clock.seconds,
            "best": self.best,
            "model": {"name": self.recipe.model.name, **self.recipe.model.arguments},
            "recipe": {"name": self.recipe.name, "kind": self.recipe.kind,
                       "sha256": self.recipe.sha256},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.average.updates = state["average_updates"]
        peaks = [group["peak"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, peak in zip(self.optimizer.param_groups, peaks, strict=True):
            group["peak"] = peak
        self.step_number, self.best = state["step"], state["best"]
        self.clock = Clock(state["seconds"])

    def log(self, **fields: Any) -> None:
        row = {"step": self.step_number, "seconds": round(self.clock.seconds, 1),
               "wall": time.strftime("%H:%M:%S")} | fields
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def checkpoint(self) -> None:
        row = self.validate()
        self.log(**row)
        state = self.state()
        checkpoint.save(self.out / "last.pt", state)
        if row["val_error"] < self.best:
            self.best = row["val_error"]
            checkpoint.save(self.out / "best.pt", self.state())
        self.clock.tick()

    def loop(self, minutes: float | None) -> None:
        started = self.clock.seconds
        saved = self.clock.seconds
        every = self.recipe.schedule.checkpoint_minutes * 60
        recent: list[float] = []
        bar = tqdm(desc=self.recipe.name, unit="step", mininterval=10, initial=self.step_number)
        while self.progress < 1.0:
            row = self.step()
            recent.append(row["loss"])
            bar.update()
            if self.step_number % 50 == 0:
                mean = float(np.mean(recent))
                recent.clear()
                bar.set_postfix(loss=f"{mean:.4f}", progress=f"{self.progress:.3f}")
                self.log(loss=round(mean, 5), lr=round(row["lr"], 5), norm=round(row["norm"], 3))
            if self.clock.seconds - saved > every:
                self.checkpoint()
                saved = self.clock.seconds
            if minutes and self.clock.seconds - started > 60 * minutes:
                break
        self.checkpoint()
        bar.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.train", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/train"))
    parser.add_argument("--weights", type=Path, default=Path("../shared/weights"))
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = load(options.recipe)
    if options.minutes and recipe.schedule.clock == "minutes":
        recipe = replace(recipe, schedule=replace(recipe.schedule, minutes=options.minutes))
    out = options.out or Path("runs") / recipe.name
    out.mkdir(parents=True, exist_ok=True)
    run = Run(recipe, options.data, out, torch.device(options.device), options.cache,
              options.weights)
    last = out / "last.pt"
    if options.resume and last.exists():
        run.restore(checkpoint.load(last))
        note(f"{last}: continuing at step {run.step_number}")
    else:
        run.prior()
    run.loop(options.minutes)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
