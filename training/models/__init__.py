"""Every network that can be trained, by name.

A module of this package declares its networks with ``@register("name")``;
``build("name", **kwargs)`` makes one. Modules are found by listing the package,
so a new network needs no change here.

Contracts by kind (the names of the tensors are those of the exported file):

- colorizer: ``luma`` (N,1,h,w) = L*/50 - 1   ->  ``ab`` (N,2,h/k,w/k), units of 110
- upscaler:  ``luma`` (N,1,h,w) in [0,1]      ->  ``luma`` (N,1,s*h,s*w)
- restorer:  ``luma`` (N,1,h,w) in [0,1]      ->  ``rgb`` (N,3,s*h,s*w) in [0,1]

What a network may say about itself, as attributes; all are optional:

- ``multiple_of`` (1): both sides of its input must be multiples of it
- ``chroma_divisor`` (1): k of a colorizer; ``scale`` (1): s of the two other kinds
- ``working_size`` (256): short side that a colorizer was trained for
- ``trunk_parameters()``: those that come from pretrained weights and may take smaller
  steps or rest; ``load_trunk(state) -> names not found`` takes such weights
- ``has_full`` (False): ``forward(luma, full=True, answer=True)`` gives a dict with more
  outputs; with ``answer=False`` the one of the contract may be missing
- ``own_losses`` and ``own_loss(name, outputs, target, **kwargs)``: losses that need its
  internals; ``measure_prior(targets)`` is called once before training
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeVar

from torch import nn

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])

_factories: dict[str, Callable[..., nn.Module]] = {}
_missing: dict[str, str] = {}


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
        try:
            importlib.import_module(f"{__name__}.{module.name}")
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("training"):
                raise
            _missing[module.name] = error.name  # its networks need a library not installed


def names() -> list[str]:
    """All registered names, sorted."""
    _load_all()
    return sorted(_factories)


def build(name: str, **kwargs: object) -> nn.Module:
    """Make the network called ``name``; ``kwargs`` are those of its constructor."""
    _load_all()
    if name not in _factories:
        lacking = [f"{module} needs {library}" for module, library in sorted(_missing.items())]
        known = f"known: {', '.join(sorted(_factories))}"
        raise ValueError("; ".join([f"no network is called {name!r}", known, *lacking]))
    return _factories[name](**kwargs)
