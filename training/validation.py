"""Error of a network on the held-out pictures, and a sheet of samples to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from training.data.batches import CropBatches
from training.degrade import Degrade
from training.recipe import DataPart
from training.tasks import Batch

PICTURES = 384
SHEET_COLUMNS = 16


def held_out(source: CropBatches, part: DataPart, task: Any, device: torch.device) -> list[Batch]:
    """Undegraded, always the same crops of the pictures that validate, at most `PICTURES`."""
    numbers = source.cache.split(part.held_out)[1][:PICTURES]
    fixed = CropBatches(source.cache, numbers, part.crop, min(32, len(numbers)), 0, zoom=1.0)
    fixed.share_device_copy(source)
    rng = torch.Generator(device).manual_seed(0)
    whole = max(1, len(numbers) // fixed.batch)
    return [task.batch(fixed.at(n, device), Degrade(), rng) for n in range(whole)]


@torch.no_grad()
def validate(network: nn.Module, task: Any, batches: list[Batch], sheet: Path) -> dict[str, float]:
    """``val_error``: the network's error over that of doing nothing.

    ``sheet`` gets rows of the first batch: baseline, truth, answer.
    """
    errors, base = [], []
    for number, batch in enumerate(batches):
        with torch.autocast(batch.luma.device.type, torch.bfloat16):
            answer = network(batch.luma).float()
        errors.append(task.error(answer, batch))
        base.append(task.error(task.baseline(batch), batch))
        if number == 0:
            rows = (task.baseline(batch), batch.target, answer)
            save_sheet([task.picture(row, batch)[:SHEET_COLUMNS] for row in rows], sheet)
    return {"val_error": float(torch.cat(errors).mean() / torch.cat(base).mean())}


def save_sheet(rows: list[Tensor], path: Path) -> None:
    """Rows of pictures (N,3,h,w) in [0,1] as one PNG."""
    grid = torch.cat([torch.cat(list(row), 2) for row in rows], 1).clamp(0, 1)
    pixels = (grid * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
