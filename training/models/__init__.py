"""Every network that can be trained, by name.

A module of this package declares its networks with ``@register("name")``;
``build("name", **kwargs)`` makes one. Modules are found by listing the package,
so a new network needs no change here.

Contracts by kind (the names of the tensors are those of the exported file):

- colorizer: ``luma`` (N,1,h,w) = L*/50 - 1   ->  ``ab`` (N,2,h/k,w/k), units of 110
- upscaler:  ``luma`` (N,1,h,w) in [0,1]      ->  ``luma`` (N,1,s*h,s*w)
- restorer:  ``luma`` (N,1,h,w) in [0,1]      ->  ``rgb`` (N,3,s*h,s*w) in [0,1]
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeVar

from torch import nn

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])

_factories: dict[str, Callable[..., nn.Module]] = {}


def register(name: str) -> Callable[[Factory], Factory]:
    """Make a class or function available to `build` under ``name``."""

    def add(factory: Factory) -> Factory:
        if name in _factories:
            raise ValueError(f"two networks are called {name!r}")
        _factories[name] = factory
        return factory

    return add


def _load_all() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def names() -> list[str]:
    """All registered names, sorted."""
    _load_all()
    return sorted(_factories)


def build(name: str, **kwargs: object) -> nn.Module:
    """Make the network called ``name``; ``kwargs`` are those of its constructor."""
    _load_all()
    if name not in _factories:
        raise ValueError(f"no network is called {name!r}; known: {', '.join(sorted(_factories))}")
    return _factories[name](**kwargs)
