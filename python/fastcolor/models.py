"""Models: ONNX files that describe themselves in their metadata (the table of training/README.md).

A file is checked once, when its spec is read: whole, ours, with finite weights whose digest is the
one it states, and an input that its kind wants. What is wrong is a ModelError naming the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastcolor import _onnx
from fastcolor.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"
FORMATS = ("1",)
KINDS = {"colorizer": "ab", "upscaler": "luma", "restorer": "rgb"}
INPUT_SCALING = {
    "colorizer": "L*/50-1",
    "upscaler": "encoded grey in [0,1]",
    "restorer": "encoded grey in [0,1]",
}
OUTPUT_SCALING = {"colorizer": "ab/110"}
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
OPSETS = range(13, 26)
MOST_COLOUR_ERROR = 0.5  # mean CIEDE2000 against fp32 above which "auto" leaves a precision out
LARGEST_SIDE = 1 << 14  # pixels, of any size that a model may state


@dataclass(frozen=True)
class ModelSpec:
    """What a model says of itself.

    ``working_size`` is the short side that pictures are shrunk to (0: their own size);
    ``multiple_of`` what both sides of the input must be divisible by. The output is the input's
    size / ``chroma_divisor`` * ``scale``. ``colour_errors`` are measured CIEDE2000 (mean, 99.9th
    percentile) of final pictures against fp32, by precision.
    """

    name: str
    kind: str
    path: Path
    input: str
    output: str
    input_scaling: str
    output_scaling: str
    working_size: int
    multiple_of: int
    chroma_divisor: int
    scale: int
    receptive_field: int
    tiling: str
    tile_overlap: int
    saturation: float
    precision: str
    storage: str
    opset: int
    parameters: int
    licence: str
    card: str
    weights_sha256: str
    network_sha256: str = ""  # of all that computes: weights, nodes, opset
    made_of: str = ""  # weights_sha256 of the fp32 file, where this one was made of it
    made_of_network: str = ""  # its network_sha256, in files that state it
    colour_errors: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    @property
    def output_channels(self) -> int:
        return {"colorizer": 2, "upscaler": 1, "restorer": 3}[self.kind]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """The shape of the answer to a batch of this shape."""
        n, _, height, width = shape
        factor = (self.scale, self.chroma_divisor)
        sides = (side * factor[0] // factor[1] for side in (height, width))
        return (n, self.output_channels, *sides)  # type: ignore[return-value]

    def offers(self, precision: str) -> bool:
        """Whether "auto" may compute in ``precision``: fp32, or measured and good enough."""
        if precision == "fp32":
            return self.precision == "fp32"
        return precision in self.colour_errors and (
            self.colour_errors[precision][0] <= MOST_COLOUR_ERROR
        )

    def content(self) -> bytes:
        """The file; ModelError where it was replaced since this spec was read."""
        return self._unchanged()[0]

    def graph(self) -> _onnx.Graph:
        """The network of the file; ModelError as content() says."""
        return self._unchanged()[1]

    def _unchanged(self) -> tuple[bytes, _onnx.Graph]:
        content = _onnx.load(self.path)
        graph = _onnx.read(self.path, content)
        if graph.network_sha256 != self.network_sha256:
            raise ModelError(f"{self.path} holds another model than when it was read: open it anew")
        return content, graph


def shipped() -> list[str]:
    """Names of the models inside the package."""
    return sorted(path.stem for path in WEIGHTS.glob("*.onnx") if "." not in path.stem)


def find(model: str | Path) -> Path:
    """The file of a model: a shipped name, or a path."""
    text = str(model)
    if text in shipped():
        return WEIGHTS / f"{text}.onnx"
    path = Path(model)
    if path.exists() or path.suffix or path.parent != Path("."):
        return path
    known = ", ".join(shipped()) or "none"
    raise ModelError(f"there is no model {text!r}: shipped are {known}; or give a path")


def load_spec(model: str | Path | ModelSpec = "fast") -> ModelSpec:
    """The spec of a shipped model or of a file, after checking the file."""
    if isinstance(model, ModelSpec):
        return model
    if not isinstance(model, (str, Path)):
        raise TypeError(f"model must be a name or a path, got {type(model).__name__}")
    path = find(model)
    graph = _onnx.read(path)
    if "format" not in graph.metadata or "kind" not in graph.metadata:
        raise ModelError(
            f"{path} is not a model of fastcolor: its metadata lacks 'format' and 'kind' "
            "(`fastcolor describe` writes what a colouriser of your own needs)"
        )
    spec = _Reader(path, graph.metadata).spec()
    _check(spec, graph)
    return replace(spec, network_sha256=graph.network_sha256)


def variant(spec: ModelSpec, precision: str) -> ModelSpec | None:
    """The file of another precision beside an fp32 one (fast.int8.onnx); None: there is none."""
    path = spec.path.with_suffix(f".{precision}.onnx")
    if not path.exists():
        return None
    found = load_spec(path)
    if found.made_of != spec.weights_sha256 or (
        found.made_of_network not in ("", spec.network_sha256)  # another temperature, say
    ):
        raise ModelError(f"{path} was not made of {spec.path}: make it again")
    if found.precision != precision:
        raise ModelError(f"{path} is of {found.precision}, not {precision}, as its name says")
    return found


class _Reader:
    """Metadata as typed values; every mistake names the file and the key."""

    def __init__(self, path: Path, said: dict[str, str]) -> None:
        self.path, self.said = path, said

    def fail(self, key: str, why: str) -> ModelError:
        return ModelError(f"{self.path}: its metadata {why.format(repr(key))}")

    def text(self, key: str, allowed: tuple[str, ...] = ()) -> str:
        if key not in self.said:
            raise self.fail(key, "lacks {}")
        value = self.said[key]
        if allowed and value not in allowed:
            raise self.fail(key, f"says {{}} is {value!r}, not {' or '.join(allowed)}")
        return value

    def number(self, key: str, least: int, most: int = LARGEST_SIDE) -> int:
        try:
            value = int(self.text(key))
        except ValueError as error:
            raise self.fail(key, f"says {{}} is {self.said[key]!r}, no whole number") from error
        if not least <= value <= most:
            raise self.fail(key, f"says {{}} is {value}, outside {least} to {most}")
        return value

    def factor(self, key: str) -> float:
        try:
            value = float(self.text(key))
        except ValueError as error:
            raise self.fail(key, f"says {{}} is {self.said[key]!r}, no number") from error
        if not (math.isfinite(value) and 0 <= value <= 10):
            raise self.fail(key, f"says {{}} is {value}, outside 0 to 10")
        return value

    def errors(self, key: str) -> dict[str, tuple[float, float]]:
        try:
            found = json.loads(self.said.get(key, "{}"))
            return {str(name): (float(mean), float(tail)) for name, (mean, tail) in found.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise self.fail(key, "has a {} that is no table of pairs") from error

    def spec(self) -> ModelSpec:
        self.text("format", FORMATS)
        kind = self.text("kind", tuple(KINDS))
        scalings = (OUTPUT_SCALING[kind],) if kind in OUTPUT_SCALING else ()
        return ModelSpec(
            name=self.text("name"),
            kind=kind,
            path=self.path,
            input=self.text("input"),
            output=self.text("output"),
            input_scaling=self.text("input_scaling", (INPUT_SCALING[kind],)),
            output_scaling=self.text("output_scaling", scalings),
            working_size=self.number("working_size", 0),
            multiple_of=self.number("multiple_of", 1),
            chroma_divisor=self.number("chroma_divisor", 1, 64),
            scale=self.number("scale", 1, 64),
            receptive_field=self.number("receptive_field", 0),
            tiling=self.text("tiling", ("whole", "tiles")),
            tile_overlap=self.number("tile_overlap", 0),
            saturation=self.factor("saturation"),
            precision=self.text("precision", PRECISIONS),
            storage=self.text("storage", PRECISIONS),
            opset=self.number("opset", 1, 1000),
            parameters=self.number("parameters", 1, 1 << 40),
            licence=self.text("licence"),
            card=self.said.get("card", ""),
            weights_sha256=self.text("weights_sha256"),
            made_of=self.said.get("made_of", ""),
            made_of_network=self.said.get("made_of_network", ""),
            colour_errors=self.errors("colour_errors"),
        )


def _check(spec: ModelSpec, graph: _onnx.Graph) -> None:
    """Holds the file to what it says of itself."""
    path = spec.path
    if graph.opset not in OPSETS:
        raise ModelError(
            f"{path} is of ONNX opset {graph.opset}; this version runs "
            f"{OPSETS.start} to {OPSETS.stop - 1}"
        )
    if graph.opset != spec.opset:
        raise ModelError(f"{path} is of opset {graph.opset}, but says {spec.opset}")
    bad = graph.not_finite()
    if bad is not None:
        raise ModelError(f"{path}: its weight {bad} holds NaN or infinity")
    if graph.weights_sha256() != spec.weights_sha256:
        raise ModelError(f"{path} is damaged: its weights do not have the sha256 that it states")
    check_ports(path, graph, spec.output_channels)
    if graph.inputs[0].name != spec.input:
        raise ModelError(f"{path}: its input is {graph.inputs[0].name}, but it says {spec.input}")


def check_ports(path: Path, graph: _onnx.Graph, output_channels: int) -> None:
    """One input (N,1,h,w) and one output of so many channels, float32 and of any size."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError(f"{path} must have one input and one output")
    for port, channels, what in (
        (graph.inputs[0], 1, "input"),
        (graph.outputs[0], output_channels, "output"),
    ):
        if (
            port.type != _onnx.FLOAT
            or len(port.shape) != 4
            or port.shape[1] not in (channels, None)
        ):
            raise ModelError(f"{path}: its {what} {port.name} must be float32 (N,{channels},h,w)")
        fixed = [str(port.shape[axis]) for axis in (0, 2, 3) if (port.shape[axis] or 0) > 0]
        if fixed:
            raise ModelError(
                f"{path}: its {what} {port.name} has a fixed size ({', '.join(fixed)}): export it "
                "with dynamic axes for batch, height and width"
            )
