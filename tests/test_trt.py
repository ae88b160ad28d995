"""TensorRT without a GPU: every name that our code uses, held against the genuine bindings.

The bindings (tensorrt-cu13-bindings and the like) are wheels without the library; their undefined
symbols are a handful of C entry points, which a stub library defines, so that the real modules
import on any machine. The lean runtime is checked with its real library. The wheels are those in
$FASTCOLOR_TENSORRT_WHEELS, which tools/fetch_tensorrt.sh fills.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx_files
import pytest

from fastcolor.engines import _trt_build, trt
from fastcolor.models import load_spec

WHEELS = sorted(Path(os.environ.get("FASTCOLOR_TENSORRT_WHEELS", "/nowhere")).glob("*.whl"))
FULL = [w for w in WHEELS if "_bindings-" in w.name and "_lean_" not in w.name]
LEAN = [w for w in WHEELS if "_lean_" in w.name and "_bindings-" in w.name]
ENTRY_POINTS = (
    "createInferBuilder_INTERNAL", "createInferRuntime_INTERNAL", "createInferRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL", "createNvOnnxParserRefitter_INTERNAL", "getNvOnnxParserVersion",
    "getPluginRegistry", "getBuilderPluginRegistry", "initLibNvInferPlugins",
)  # fmt: skip
# What the variables of our two files hold.
CLASSES = {
    "builder": "Builder", "network": "INetworkDefinition", "parser": "OnnxParser",
    "config": "IBuilderConfig", "profile": "IOptimizationProfile", "timings": "ITimingCache",
    "engine": "ICudaEngine", "context": "IExecutionContext", "self._runtime": "Runtime",
    "self._engine": "ICudaEngine",
}  # fmt: skip
MAKERS = {  # names whose calls give something that CLASSES must know
    "Builder", "create_network", "OnnxParser", "create_builder_config", "create_timing_cache",
    "create_optimization_profile", "Runtime", "deserialize_cuda_engine", "create_execution_context",
}  # fmt: skip
RUNTIME, BUILDER = Path(trt.__file__), Path(_trt_build.__file__)
PROBE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
module = importlib.import_module(sys.argv[2])
found = {}
for path in json.loads(sys.argv[3]):
    thing = module
    for name in path.split("."):
        thing = getattr(thing, name, None)
    found[path] = None if thing is None else [callable(thing), thing.__doc__ or ""]
print(json.dumps([module.__version__, found]))
"""


class Uses(ast.NodeVisitor):
    """Dotted names below the module, and the calls made of them: (positional, keywords)."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.calls: list[tuple[str, int, tuple[str, ...]]] = []
        self.unknown: list[str] = []

    def path(self, node: ast.expr) -> str | None:
        text = ast.unparse(node)
        for prefix in ("self._trt.", "trt."):
            if text.startswith(prefix):
                return text[len(prefix) :]
        owner, _, name = text.rpartition(".")
        return f"{CLASSES[owner]}.{name}" if owner in CLASSES else None

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self.path(node)
        if path is not None and "(" not in path:
            self.names.add(path)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        path = self.path(node.func)
        if path is not None and "(" not in path:
            keywords = tuple(word.arg or "" for word in node.keywords)
            self.calls.append((path, len(node.args), keywords))
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        value = node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            target = ast.unparse(node.targets[0])
            if value.func.attr in MAKERS and target not in CLASSES:
                self.unknown.append(f"line {node.lineno}: {target}")
        self.generic_visit(node)


def uses(*files: Path) -> Uses:
    found = Uses()
    for file in files:
        found.visit(ast.parse(file.read_text()))
    return found


def signatures(doc: str) -> list[tuple[list[str], int]]:
    """(parameters without self, how many must be given) of each overload in a docstring."""
    found = []
    for line in doc.splitlines():
        head = line.strip().split(". ", 1)[-1] if line.strip()[:1].isdigit() else line.strip()
        if "(self:" not in head or "->" not in head:
            continue
        inside, depth, parts, current = head[head.index("(") + 1 :], 0, [], ""
        for letter in inside:
            if letter == ")" and depth == 0:
                break
            depth += letter in "([<"
            depth -= letter in ")]>"
            if letter == "," and depth == 0:
                parts.append(current)
                current = ""
            else:
                current += letter
        names = [part.strip() for part in [*parts, current]][1:]
        needed = sum("=" not in name for name in names)
        found.append(([name.split(":")[0] for name in names], needed))
    return found


def check(version: str, found: dict[str, list | None], used: Uses) -> list[str]:
    wrong = [f"{version} has no {name}" for name, thing in found.items() if thing is None]
    for name, positional, keywords in used.calls:
        thing = found.get(name) or found.get(f"{name}.__init__")
        if thing is None or not thing[0]:
            wrong.append(f"{version}: {name} cannot be called")
            continue
        positional -= name.endswith(".__init__")  # called with self
        overloads = signatures((found.get(f"{name}.__init__") or thing)[1])
        if not overloads and "." in name:
            wrong.append(f"{version}: {name} has no signature")
        fits = [
            needed <= positional + len(keywords) <= len(names)
            and set(keywords) <= set(names[positional:])
            for names, needed in overloads
        ]
        if overloads and not any(fits):
            wrong.append(f"{version}: {name}({positional} arguments, {keywords}) fits no overload")
    return wrong


def unpacked(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def probe(folder: Path, module: str, libraries: Path, used: Uses) -> tuple[str, dict]:
    constructors = {f"{name}.__init__" for name, _, _ in used.calls if "." not in name}
    names = sorted(used.names | constructors)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(folder), module, json.dumps(names)],
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    version, found = json.loads(done.stdout)
    for name in constructors:
        if found[name] is None:
            del found[name]
    return version, found


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("stubs")
    code = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in ENTRY_POINTS)
    (folder / "stub.c").write_text(code)
    for major in (10, 11):
        for library in ("nvinfer", "nvonnxparser", "nvinfer_plugin"):
            name = f"lib{library}.so.{major}"
            target = ["-o", str(folder / name), f"-Wl,-soname,{name}"]
            subprocess.run(
                [compiler, "-shared", "-fPIC", str(folder / "stub.c"), *target], check=True
            )
    return folder


def for_this_python(wheels: list[Path]) -> list:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    fitting = [wheel for wheel in wheels if f"-{tag}-" in wheel.name or "-py3-" in wheel.name]
    skip = pytest.mark.skip(reason="FASTCOLOR_TENSORRT_WHEELS has no bindings for this Python")
    params = [pytest.param(wheel, id="-".join(wheel.name.split("-")[:2])) for wheel in fitting]
    return params or [pytest.param(None, marks=skip)]


def test_the_walk_sees_what_the_code_uses():
    used = uses(RUNTIME, BUILDER)
    assert used.unknown == []
    assert used.names >= {
        "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
        "IExecutionContext.execute_async_v3",
        "MemoryPoolType.WORKSPACE",
        "OnnxParser.parse",
        "ILogger.ERROR",
    }
    assert ("IBuilderConfig.set_timing_cache", 1, ("ignore_mismatch",)) in used.calls
    assert {name for name, _, _ in used.calls} >= {"Builder", "Runtime", "OnnxParser"}


@pytest.mark.parametrize("wheel", for_this_python(FULL))
def test_every_name_is_in_the_genuine_bindings(wheel, stubs, tmp_path):
    used = uses(RUNTIME, BUILDER)
    folder = unpacked(wheel, tmp_path)
    version, found = probe(folder, "tensorrt_bindings", stubs, used)
    assert wheel.name.split("-")[1] == version
    assert check(version, found, used) == []
    # The check itself notices what is not there.
    used.names |= {"BuilderFlag.FP17"}
    used.calls += [("Builder.create_network", 3, ()), ("OnnxParser.parse", 1, ("mode",))]
    version, found = probe(folder, "tensorrt_bindings", stubs, used)
    wrong = check(version, found, used)
    assert len(wrong) == 3, wrong


def test_both_major_versions_were_there():
    majors = {wheel.name.split("-")[1].split(".")[0] for wheel in FULL}
    if not majors and os.environ.get("CI") != "true":
        pytest.skip("FASTCOLOR_TENSORRT_WHEELS is not set")
    if not majors:
        pytest.skip("no wheels of TensorRT's bindings were fetched")
    assert majors >= {"10", "11"}


@pytest.mark.parametrize("wheel", for_this_python(LEAN))
def test_the_runtime_half_is_in_the_lean_runtime(wheel, tmp_path):
    version = wheel.name.split("-")[1]
    libraries = [w for w in WHEELS if "_lean_" in w.name and f"_libs-{version}-" in w.name]
    if not libraries:
        pytest.skip(f"no library of {version}")
    folder = unpacked(wheel, unpacked(libraries[0], tmp_path))
    used = uses(RUNTIME)
    found_version, found = probe(
        folder, "tensorrt_lean_bindings", folder / "tensorrt_lean_libs", used
    )
    assert found_version == version
    assert check(version, found, used) == []


def test_profiles_cover_what_pictures_become():
    spec = load_spec("fast")
    single, batched = _trt_build.profiles(spec, 32)
    for shape in ((1, 1, 32, 32), (1, 1, 224, 320), (1, 1, 224, 3584), (1, 1, 3584, 32)):
        assert single.holds(shape)
    for shape in ((2, 1, 224, 320), (32, 1, 224, 896), (32, 1, 896, 224)):
        assert batched.holds(shape)
    assert not batched.holds((33, 1, 224, 224))
    assert _trt_build.profiles(spec, 1) == (single,)
    for profile in (single, batched):
        assert profile.holds(profile.usual)
        assert all(
            side % 32 == 0 for p in (profile.least, profile.usual, profile.most) for side in p[2:]
        )


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((1, 1, 224, 320), [(0, 1, 0)]),
        ((5, 1, 224, 320), [(0, 5, 1)]),
        ((9, 1, 224, 320), [(0, 8, 1), (8, 9, 1)]),
        ((3, 1, 224, 3584), [(0, 1, 0), (1, 2, 0), (2, 3, 0)]),
        ((1, 1, 3616, 224), None),
    ],
)
def test_batches_are_parted_by_profile(shape, wanted):
    engine = object.__new__(trt.TensorRtEngine)
    engine._profiles = _trt_build.profiles(load_spec("fast"), 8)
    if wanted is None:
        with pytest.raises(ValueError, match="is beyond"):
            engine._parts(shape)
    else:
        assert engine._parts(shape) == wanted


def test_without_the_library_it_says_what_to_install(tmp_path):
    if trt.available() is None:
        pytest.skip("TensorRT is here")
    assert onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny()).exists()
    assert "pip install" in trt.available() or "CUDA" in trt.available()
    assert trt.available("cpu") == "serves GPUs only"
