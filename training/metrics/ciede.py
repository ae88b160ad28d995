"""CIEDE2000 colour difference of L*a*b* tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _degrees(value: float) -> float:
    return math.radians(value)


def ciede2000(first: Tensor, second: Tensor) -> Tensor:
    """Difference per pixel of two (..., 3, h, w) L*a*b* tensors -> (..., h, w).

    Follows Sharma, Wu and Dalal (2005) with kL = kC = kH = 1. Not meant for gradients:
    the hue of a neutral colour has none.
    """
    l1, a1, b1 = first.unbind(-3)
    l2, a2, b2 = second.unbind(-3)
    chroma7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    g = 1.5 - 0.5 * torch.sqrt(chroma7 / (chroma7 + 25.0**7))
    a1, a2 = a1 * g, a2 * g
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    turn = 2 * math.pi
    h1 = torch.atan2(b1, a1)
    h2 = torch.atan2(b2, a2)
    h1 = torch.where(h1 < 0, h1 + turn, h1)
    h2 = torch.where(h2 < 0, h2 + turn, h2)
    neutral = c1 * c2 == 0

    dh = h2 - h1
    dh = torch.where(dh > math.pi, dh - turn, torch.where(dh < -math.pi, dh + turn, dh))
    dh = torch.where(neutral, torch.zeros_like(dh), dh)
    delta_h = 2 * torch.sqrt(c1 * c2) * torch.sin(dh / 2)

    total = h1 + h2
    wrapped = torch.where(total < turn, total + turn, total - turn)
    mean_h = torch.where((h1 - h2).abs() > math.pi, wrapped, total) / 2
    mean_h = torch.where(neutral, total, mean_h)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2

    t = (
        1
        - 0.17 * torch.cos(mean_h - _degrees(30))
        + 0.24 * torch.cos(2 * mean_h)
        + 0.32 * torch.cos(3 * mean_h + _degrees(6))
        - 0.20 * torch.cos(4 * mean_h - _degrees(63))
    )
    l50 = (mean_l - 50) ** 2
    sl = 1 + 0.015 * l50 / torch.sqrt(20 + l50)
    sc = 1 + 0.045 * mean_c
    sh = 1 + 0.015 * mean_c * t
    theta = _degrees(30) * torch.exp(-(((torch.rad2deg(mean_h) - 275) / 25) ** 2))
    c7 = mean_c**7
    rt = -2 * torch.sqrt(c7 / (c7 + 25.0**7)) * torch.sin(2 * theta)

    dl, dc, dhh = (l2 - l1) / sl, (c2 - c1) / sc, delta_h / sh
    return torch.sqrt((dl**2 + dc**2 + dhh**2 + rt * dc * dhh).clamp_min(0))
