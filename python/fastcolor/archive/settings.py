"""The settings of a job: checked values, their TOML file and the hash that the journal keeps."""

from __future__ import annotations

import hashlib
import json
import os
import typing
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fastcolor.errors import FastcolorError

OUTPUT_REVISION = 5  # raised whenever the same settings come to give other bytes
FORMATS = ("same", "jpg", "png", "tiff", "webp")


class SettingsError(FastcolorError):
    """A setting has a value that it cannot have."""

    exit_code = 2


def _setting(default: Any, *choices: str, output: bool = True, **limits: float) -> Any:
    """A field with its allowed values; ``output`` says whether it changes what is written."""
    return field(default=default, metadata={"choices": choices, "output": output, **limits})


@dataclass(frozen=True)
class Settings:
    """How pictures are coloured and written. Fields without influence on outputs are marked; of
    size and saturation None is the model's own."""

    model: str = _setting("fast")
    engine: str = _setting("auto")
    device: str = _setting("auto")
    size: int | None = _setting(None, least=1, most=4096)  #: short side that the network sees
    chroma: str = _setting("guided", "guided", "bicubic", "bilinear")
    saturation: float | None = _setting(None, least=0, most=10)
    contrast: str = _setting("none", "none", "clahe")
    format: str = _setting("same", *FORMATS)
    quality: int = _setting(90, least=1, most=100)
    subsampling: str = _setting("420", "420", "444")
    lossless_luma: str = _setting("auto", "auto", "always", "never")
    provenance: bool = _setting(True)
    fail_on: str = _setting("error", "none", "truncated", "error", "warning")
    force: bool = _setting(False, output=False)  #: colours colour, replaces what others made
    max_pixels: int = _setting(1_000_000_000, output=False, least=0, most=1 << 40)
    max_bytes: int = _setting(4 << 30, output=False, least=0, most=1 << 50)
    max_pages: int = _setting(10_000, output=False, least=0, most=1 << 30)
    max_scans: int = _setting(200, output=False, least=0, most=1 << 30)  #: of a progressive JPEG
    max_file: int = _setting(4 << 30, output=False, least=0, most=1 << 50)  #: bytes as stored
    jobs: int | None = _setting(None, output=False, least=0, most=1024)  #: None: CPUs
    batch: int = _setting(8, output=False, least=1, most=1024)  #: that go to a GPU together
    #: of grey JPEGs whose luma is kept; "gpu" gives other pixels, which Steps.influencing() says
    decode: str = _setting("cpu", "cpu", "gpu", output=False)

    def __post_init__(self) -> None:
        for item in fields(self):
            check(item.name, getattr(self, item.name))
        changed = self.contrast != "none" or self.format not in ("same", "jpg")
        if self.lossless_luma == "always" and changed:
            raise SettingsError(
                "--lossless-luma always cannot be had with --contrast or with another --format"
            )
        if self.decode == "gpu" and (changed or self.lossless_luma == "never"):
            raise SettingsError(
                "--decode gpu is for JPEGs whose luma is kept, which --contrast, another --format "
                "and --lossless-luma never rule out"
            )

    def influencing(self) -> dict[str, Any]:
        """What the outputs depend on."""
        values = asdict(self)
        found = {item.name: values[item.name] for item in fields(self) if item.metadata["output"]}
        return found | {"revision": OUTPUT_REVISION}


_TYPES: dict[str, Any] = typing.get_type_hints(Settings)
_FIELDS = {item.name: item for item in fields(Settings)}
#: What a TOML file may also say: of a run, not of the outputs.
_OF_A_RUN: dict[str, type] = {"report": str, "json_log": bool, "quiet": bool}


def check(name: str, value: Any) -> None:
    option = "--" + name.replace("_", "-")
    if value is None and _FIELDS[name].default is None:
        return
    limits = _FIELDS[name].metadata
    _check_type(option, value, next(iter(typing.get_args(_TYPES[name])), _TYPES[name]))
    if limits["choices"] and value not in limits["choices"]:
        raise SettingsError(f"{option} must be {' or '.join(limits['choices'])}, got {value!r}")
    least, most = limits.get("least", value), limits.get("most", value)
    if not least <= value <= most:
        raise SettingsError(f"{option} must be between {least:g} and {most:g}, got {value}")


def _check_type(option: str, value: Any, kind: type) -> None:
    allowed: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise SettingsError(f"{option} must be of the type {kind.__name__}, got {value!r}")


def load(path: Path | None, given: dict[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Settings of the TOML file, overridden by those given (names as in Settings, or with -); and
    report, json_log and quiet, as far as either has them."""
    values: dict[str, Any] = {}
    of_a_run: dict[str, Any] = {}
    if path is not None:
        for key, value in _read_toml(path).items():
            name = key.replace("-", "_")
            if name in values or name in of_a_run:
                raise SettingsError(f"{path} sets {key} twice, with - and with _")
            if name in _OF_A_RUN:
                _check_type(f"--{key}", value, _OF_A_RUN[name])
                of_a_run[name] = value
            elif name in _FIELDS:
                values[name] = value
            else:
                known = ", ".join(sorted({*_FIELDS, *_OF_A_RUN}))
                raise SettingsError(f"{path} has the unknown setting {key!r}; known are {known}")
    for name, value in given.items():
        (of_a_run if name in _OF_A_RUN else values)[name] = value
    return replace(Settings(), **values), of_a_run


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from error


def digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Words for what changed: "saturation 1.4, now 1.0; ..."."""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return "; ".join(f"{name} {before.get(name)}, now {now.get(name)}" for name in names)


def worker_count(jobs: int | None) -> int:
    """Pictures worked on at a time for a --jobs of this value; 0: in the caller's own thread."""
    if jobs is not None:
        return jobs
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
