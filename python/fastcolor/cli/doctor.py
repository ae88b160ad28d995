"""fastcolor doctor: what works on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.text import Text

import fastcolor
from fastcolor.engines import _telemetry

NVIDIA_SMI_SECONDS = 10


@dataclass(frozen=True)
class Library:
    """Something optional: how it is imported, what its distribution is called, how to get it."""

    name: str
    module: str  # or several, parted by spaces, the first that is there
    distributions: tuple[str, ...]
    install: str


ENGINES = (
    Library("onnxruntime", "onnxruntime", ("onnxruntime", "onnxruntime-gpu"), "onnxruntime"),
    Library("openvino", "openvino", ("openvino",), "'fastcolor[openvino]'"),
    Library(
        "tensorrt",
        "tensorrt tensorrt_bindings",
        ("tensorrt-cu13-bindings",),
        "'fastcolor[tensorrt]'",
    ),
    Library("torch", "torch", ("torch",), "'fastcolor[train]'"),
)
CODECS = (
    Library("simplejpeg", "simplejpeg", ("simplejpeg",), "simplejpeg"),
    Library("Pillow", "PIL.Image", ("pillow",), "pillow"),
    Library("tifffile", "tifffile", ("tifffile",), "tifffile"),
    Library("imagecodecs", "imagecodecs", ("imagecodecs",), "imagecodecs"),
    Library("zstandard", "zstandard", ("zstandard",), "zstandard"),
    Library("PyAV", "av", ("av",), "'fastcolor[codecs]'"),
    Library("nvImageCodec", "nvidia.nvimgcodec", ("nvidia-nvimgcodec-cu13",), "'fastcolor[cuda]'"),
)
ARRAYS = (
    Library("numpy", "numpy", ("numpy",), "numpy"),
    Library("cupy", "cupy", ("cupy-cuda13x", "cupy-cuda12x", "cupy"), "'fastcolor[cuda]'"),
)


@dataclass(frozen=True)
class Probe:
    """What was found of a library: a version when it works, else why not and how to get it."""

    name: str
    version: str | None
    problem: str
    install: str


def probe(library: Library) -> Probe:
    install = f"pip install {library.install}"
    names = library.module.split()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = [name for name in names if importlib.util.find_spec(name.split(".")[0])]
            module = importlib.import_module((there or names)[0])
    except ModuleNotFoundError:
        return Probe(library.name, None, "not installed", install)
    except Exception as error:  # a library that is there and broken may raise anything
        return Probe(library.name, None, f"installed, but fails: {error}", install)
    for distribution in library.distributions:
        try:
            return Probe(library.name, metadata.version(distribution), "", "")
        except metadata.PackageNotFoundError:
            continue
    return Probe(library.name, str(getattr(module, "__version__", "unknown")), "", "")


def nvidia_driver() -> tuple[str, list[str]]:
    """The driver's version and the GPUs that nvidia-smi names; empty where it is not."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "", []
    query = [tool, "--query-gpu=driver_version,name", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return "", []
    rows = [line.split(", ", 1) for line in done.stdout.splitlines() if ", " in line]
    return (rows[0][0], [row[1] for row in rows]) if done.returncode == 0 and rows else ("", [])


def report(version: str) -> dict[str, Any]:
    _telemetry.forbid()
    build = fastcolor.build_info()
    driver, gpus = nvidia_driver()
    cuda = dict(build["cuda"])
    if not cuda["built"]:
        cuda["install"] = (
            "put nvcc (CUDA 12.4 or newer) on PATH and run: FASTCOLOR_CUDA=ON "
            "pip install --force-reinstall --no-deps ."
        )
    elif cuda["problem"]:
        cuda["install"] = "install the NVIDIA driver of this machine's GPU"
    return {
        "version": version,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "compiler": build["compiler"],
        "cpu": {
            "level": build["cpu_level"],
            "available": build["cpu_levels"],
            "forced": os.environ.get("FASTCOLOR_CPU", ""),
        },
        "threads": build["threads"],
        "cuda": cuda,
        "gpu": {"driver": driver, "names": gpus},
        "auto": auto_engine(),
        "engines": [asdict(probe(library)) for library in ENGINES],
        "codecs": [asdict(probe(library)) for library in CODECS],
        "arrays": [asdict(probe(library)) for library in ARRAYS],
    }


def auto_engine() -> str:
    """What runs the shipped model here, in words."""
    from fastcolor.cli import engines

    try:
        auto = engines.report("fast")["auto"]
    except Exception as error:  # doctor tells, it does not fail
        return f"none: {error}"
    if "problem" in auto:
        return f"none: {auto['problem']}"
    return f"{auto['engine']} on {auto['device']} in {auto['precision']}: {auto['why']}"


def cuda_version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}" if number else "none"


def show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    cpu, cuda, gpu = found["cpu"], found["cuda"], found["gpu"]
    rows: list[tuple[str, str]] = []

    def add(name: str, value: str) -> None:
        rows.append((name, value))

    forced = f", forced by FASTCOLOR_CPU={cpu['forced']}" if cpu["forced"] else ""
    available = ", ".join(cpu["available"])
    add("fastcolor", f"{found['version']}, built with {found['compiler']}")
    add("Python", f"{found['python']} on {found['platform']}")
    add("CPU level", f"{cpu['level']} (available: {available}{forced})")
    add("threads", f"{found['threads']} (FASTCOLOR_THREADS changes it)")
    state = "built" if cuda["built"] else "not built"
    add("CUDA operators", f"{state}: {cuda['reason']}")
    if cuda["built"]:
        add("architectures", str(cuda["architectures"]))
        add("CUDA runtime", cuda_version(cuda["toolkit"]))
        add("CUDA of the driver", cuda_version(cuda["driver"]))
    for name in cuda["devices"] or gpu["names"] or ["none found"]:
        add("GPU", name)
    add("driver", gpu["driver"] or "none found")
    if cuda["built"] and cuda["problem"]:
        add("CUDA problem", str(cuda["problem"]))
    if "install" in cuda:
        add("for CUDA", str(cuda["install"]))
    add("NOTE", "nothing that needs a GPU has been run on one yet, TensorRT included")
    add("engine", f"auto takes {found['auto']}")
    for section in ("engines", "codecs", "arrays"):
        add("", "")
        for item in found[section]:
            state = item["version"] or f"{item['problem']}; {item['install']}"
            add(f"{section[:-1]} {item['name']}", state)
    # Lines, not a table: one that is narrower than its first column shows nothing else.
    console = Console(soft_wrap=True, highlight=False, markup=False)
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        console.print(Text.assemble((f"{name:<{width}}" if value else "", "bold"), value))
