"""A training recipe: a TOML file read into dataclasses, unknown keys refused.

    name = "fast"; kind = "colorizer"; seed = 1
    [model]      name, init (weights file or ""), and the network's own arguments
    [data]       sets (globs below --data), short_side, crop, zoom, batch, frames, held_out
    [degrade]    arguments of training.degrade.Degrade
    [[loss]]     name, weight, start (progress from which it counts), on (the output it
                 judges), and the loss's own arguments
    [optim]      name, lr, trunk_lr, frozen (progress until which the trunk rests),
                 weight_decay, betas, ema, clip
    [schedule]   steps, warmup, clock ("steps" or "minutes"), minutes, floor
    [[stage]]    from (progress in [0,1]) and any keys of [data] that change there
    [discriminator]  optional: name (of a network), loss ("bce" or "l2", judged on its scores
                 against ones and zeros), lr, weight, start, and the network's own arguments

[data] batch is the batch of all workers together.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

KINDS = ("colorizer", "upscaler", "restorer")
CLOCKS = ("steps", "minutes")


@dataclass(frozen=True)
class Named:
    """Something built by name: a network, a loss, a discriminator."""

    name: str
    weight: float = 1.0
    start: float = 0.0  # progress of the run from which a loss counts
    init: str = ""
    on: str = ""
    lr: float = 0.0
    loss: str = "bce"
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataPart:
    sets: tuple[str, ...] = ("small-*.tar", "train-*.tar")
    short_side: int = 160
    crop: int = 128
    zoom: float = 1.25
    batch: int = 32
    frames: int = 1  # of clips: crops of one picture along a path, as of a hand-held camera
    held_out: int = 50  # one of n pictures validates, told by its name


@dataclass(frozen=True)
class OptimPart:
    name: str = "adamw"
    lr: float = 1e-3
    trunk_lr: float = 0.0  # 0: as lr
    frozen: float = 0.0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    ema: float = 0.999
    clip: float = 5.0


@dataclass(frozen=True)
class SchedulePart:
    steps: int = 10_000
    warmup: int = 200
    clock: str = "steps"
    minutes: float = 20.0
    floor: float = 0.01
    checkpoint_minutes: float = 3.0


@dataclass(frozen=True)
class Recipe:
    name: str
    kind: str
    model: Named
    losses: tuple[Named, ...]
    seed: int = 1
    data: DataPart = DataPart()
    degrade: dict[str, Any] = field(default_factory=dict)
    optim: OptimPart = OptimPart()
    schedule: SchedulePart = SchedulePart()
    stages: tuple[tuple[float, DataPart], ...] = ()
    discriminator: Named | None = None
    sha256: str = ""

    def data_at(self, progress: float) -> DataPart:
        """The data settings in force at ``progress`` of the run, [0,1]."""
        current = self.data
        for begin, part in self.stages:
            if progress >= begin:
                current = part
        return current


def _part(kind: type, table: dict[str, Any], where: str) -> Any:
    known = {f.name for f in dataclasses.fields(kind)}
    unknown = sorted(set(table) - known)
    if unknown:
        expected = ", ".join(sorted(known))
        raise ValueError(f"{where}: unknown {', '.join(unknown)}; known: {expected}")
    made = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
    for item in dataclasses.fields(kind):
        value, default = getattr(made, item.name), getattr(kind(), item.name)
        allowed = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise ValueError(f"{where}: {item.name} must be like {default!r}, got {value!r}")
    return made


def _named(table: dict[str, Any], where: str) -> Named:
    table = dict(table)
    if "name" not in table:
        raise ValueError(f"{where}: has no name")
    fields = [f.name for f in dataclasses.fields(Named) if f.name != "arguments"]
    own = {key: table.pop(key) for key in fields if key in table}
    return Named(**own, arguments=table)


def parse(table: dict[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from a table as `tomllib` gives it; ValueError names what is wrong."""
    table = dict(table)
    data = _part(DataPart, table.pop("data", {}), f"{where} [data]")
    stages = []
    for stage in table.pop("stage", []):
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in stage.items()}
        begin = float(changes.pop("from"))
        merged = dataclasses.asdict(data) | changes
        stages.append((begin, _part(DataPart, merged, f"{where} [[stage]]")))
    discriminator = table.pop("discriminator", None)
    parts: dict[str, Any] = {
        "model": _named(table.pop("model", {}), f"{where} [model]"),
        "losses": tuple(_named(t, f"{where} [[loss]]") for t in table.pop("loss", [])),
        "data": data,
        "stages": tuple(stages),
        "degrade": table.pop("degrade", {}),
        "optim": _part(OptimPart, table.pop("optim", {}), f"{where} [optim]"),
        "schedule": _part(SchedulePart, table.pop("schedule", {}), f"{where} [schedule]"),
        "discriminator": _named(discriminator, where) if discriminator else None,
    }
    unknown = sorted(set(table) - {"name", "kind", "seed"})
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}")
    if not isinstance(table.get("name"), str):
        raise ValueError(f"{where}: has no name")
    if parts["schedule"].clock not in CLOCKS:
        raise ValueError(f"{where} [schedule]: clock must be {' or '.join(CLOCKS)}")
    if table.get("kind") not in KINDS:
        raise ValueError(f"{where}: kind must be one of {', '.join(KINDS)}")
    for part in (data, *(stage for _, stage in stages)):
        if part.frames < 1 or part.batch % part.frames:
            raise ValueError(f"{where} [data]: a batch must be of whole clips of frames pictures")
    if not parts["losses"]:
        raise ValueError(f"{where}: at least one [[loss]] is needed")
    return Recipe(name=table["name"], kind=table["kind"], seed=table.get("seed", 1), **parts)


def load(path: Path) -> Recipe:
    """The recipe in ``path``, with the digest of its bytes."""
    content = path.read_bytes()
    try:
        recipe = parse(tomllib.loads(content.decode()), str(path))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    return dataclasses.replace(recipe, sha256=hashlib.sha256(content).hexdigest())
