"""Model files: what a good one says, and one clear sentence for each way of being bad."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import onnx_files
import pytest

from fastcolor import _onnx, _onnx_write
from fastcolor._onnx import FLOAT, INT64, Tensor
from fastcolor.errors import ModelError, exit_code_of
from fastcolor.models import WEIGHTS, load_spec, shipped, variant


def test_the_shipped_model_says_what_it_is():
    spec = load_spec("fast")
    assert (spec.name, spec.kind, spec.working_size, spec.multiple_of) == (
        "fast", "colorizer", 224, 32,
    )  # fmt: skip
    assert (spec.chroma_divisor, spec.scale, spec.saturation) == (4, 1, 1.68)
    assert (spec.precision, spec.storage, spec.parameters) == ("fp32", "fp16", 3775927)
    assert spec.path == WEIGHTS / "fast.onnx"
    assert spec.output_shape((3, 1, 64, 96)) == (3, 2, 16, 24)
    assert load_spec(spec.path) == spec
    assert load_spec(spec) is spec
    assert "fast" in shipped()


def test_reads_what_it_writes(tmp_path):
    graph = onnx_files.shipped()
    again = _onnx.read(onnx_files.write(tmp_path / "again.onnx", graph))
    assert again.metadata == graph.metadata
    assert again.inputs == graph.inputs
    assert [n.encoded_attributes for n in again.nodes] == [
        n.encoded_attributes for n in graph.nodes
    ]
    assert [(n.type, n.inputs, n.outputs) for n in again.nodes] == [
        (n.type, n.inputs, n.outputs) for n in graph.nodes
    ]
    assert again.tensors.keys() == graph.tensors.keys()
    assert again.weights_sha256() == graph.weights_sha256()


def damaged(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("share", [0.0, 1e-5, 0.01, 0.3, 0.5, 0.999, 0.9999999])
def test_truncated_files_are_named(tmp_path, share):
    content = (WEIGHTS / "fast.onnx").read_bytes()
    path = damaged(tmp_path, content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"model\.onnx"):
        load_spec(path)


def test_any_flipped_byte_of_a_weight_is_found(tmp_path, rng):
    content = bytearray((WEIGHTS / "fast.onnx").read_bytes())
    for place in rng.integers(100_000, len(content) - 100_000, 3):
        flipped = bytearray(content)
        flipped[place] ^= 1
        with pytest.raises(ModelError, match=r"model\.onnx"):
            load_spec(damaged(tmp_path, flipped))


def test_rubbish_never_ends_in_anything_else(tmp_path, rng):
    content = (onnx_files.write(tmp_path / "whole.onnx", onnx_files.tiny())).read_bytes()
    for _ in range(300):
        rubbish = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            rubbish[place] = rng.integers(0, 256)
        try:
            load_spec(damaged(tmp_path, rubbish))
        except ModelError as error:
            assert "model.onnx" in str(error)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(tmp_path, value):
    graph = onnx_files.tiny()
    weights = graph.tensors["w"].array.copy()
    weights[1, 0, 2, 3] = value
    graph.tensors["w"] = Tensor("w", FLOAT, weights)
    with pytest.raises(ModelError, match="its weight w holds NaN or infinity"):
        load_spec(onnx_files.write(tmp_path / "m.onnx", graph))


def test_nan_in_half_floats(tmp_path):
    graph = onnx_files.shipped()
    name = next(n for n, t in graph.tensors.items() if t.array.dtype == np.float16)
    weights = graph.tensors[name].array.copy()
    weights.flat[5] = np.nan
    graph.tensors[name] = replace(graph.tensors[name], array=weights)
    with pytest.raises(ModelError, match="holds NaN or infinity"):
        load_spec(onnx_files.write(tmp_path / "m.onnx", graph))


@pytest.mark.parametrize("opset", [7, 99])
def test_opsets_that_no_engine_runs(tmp_path, opset):
    graph = replace(onnx_files.tiny(), opset=opset)
    with pytest.raises(ModelError, match=f"is of ONNX opset {opset}"):
        load_spec(onnx_files.write(tmp_path / "m.onnx", graph, opset=str(opset)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": None}, "is not a model of fastcolor"),
        ({"kind": None}, "is not a model of fastcolor"),
        ({"format": "2"}, "'format' is '2', not 1"),
        ({"kind": "painter"}, "'kind' is 'painter', not colorizer or"),
        ({"working_size": "big"}, "'working_size' is 'big', no whole number"),
        ({"working_size": "-1"}, "'working_size' is -1, outside 0"),
        ({"multiple_of": "0"}, "'multiple_of' is 0, outside 1"),
        ({"chroma_divisor": "4000"}, "'chroma_divisor' is 4000, outside"),
        ({"saturation": "nan"}, "'saturation' is nan, outside"),
        ({"saturation": "strong"}, "'saturation' is 'strong', no number"),
        ({"input_scaling": "Y/255"}, "'input_scaling' is 'Y/255', not"),
        ({"output_scaling": "ab"}, "'output_scaling' is 'ab', not ab/110"),
        ({"precision": "fp12"}, "'precision' is 'fp12'"),
        ({"tiling": None}, "lacks 'tiling'"),
        ({"weights_sha256": None}, "lacks 'weights_sha256'"),
        ({"weights_sha256": "0" * 64}, "is damaged"),
        ({"input": "grey"}, "its input is luma, but it says grey"),
        ({"opset": "16"}, "is of opset 17, but says 16"),
        ({"kind": "restorer", "input_scaling": "encoded grey in [0,1]"}, "its output ab must be"),
        ({"colour_errors": "[1]"}, "'colour_errors' that is no table"),
        ({"colour_errors": "{"}, "'colour_errors' that is no table"),
    ],
)
def test_metadata_that_is_wrong(tmp_path, changes, message):
    path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny(), **changes)
    with pytest.raises(ModelError, match=message) as caught:
        load_spec(path)
    assert "m.onnx" in str(caught.value)
    assert exit_code_of(caught.value) == 8


def test_inputs_that_no_model_of_ours_has(tmp_path):
    graph = onnx_files.tiny()
    port = graph.inputs[0]
    for changed, message in [
        ((replace(port, shape=(None, 3, None, None)),), "its input luma must be"),
        ((replace(port, type=INT64),), "its input luma must be"),
        ((port, replace(port, name="mask")), "one input"),
        ((), "one input"),
    ]:
        path = onnx_files.write(tmp_path / "m.onnx", replace(graph, inputs=changed))
        with pytest.raises(ModelError, match=message):
            load_spec(path)


@pytest.mark.parametrize("end", ["inputs", "outputs"])
def test_fixed_sizes_are_told(tmp_path, end):
    graph = onnx_files.tiny()
    (port,) = getattr(graph, end)
    for shape, free in [((1, None, None, None), 0), ((None, None, 256, 256), 0), ((-1,) * 4, 1)]:
        shape = (shape[0], port.shape[1], *shape[2:])
        changed = replace(graph, **{end: (replace(port, shape=shape),)})
        path = onnx_files.write(tmp_path / "m.onnx", changed)
        if free:
            assert load_spec(path).name == "tiny"
            continue
        with pytest.raises(ModelError, match=rf"its {end[:-1]} .* has a fixed size .*: export it"):
            load_spec(path)


def test_weights_in_another_file_are_told(tmp_path):
    path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny())
    content = path.read_bytes()
    tensor = onnx_files.tiny().tensors["b"]
    inside = _onnx_write._tensor(tensor)
    outside = inside[: inside.index(b"\x4a")] + b"\x70\x01"  # no raw data, but: EXTERNAL
    outside += b"\x4a" + bytes([len(inside) - len(outside) - 2])
    outside += bytes(len(inside) - len(outside))
    assert inside in content
    path.write_bytes(content.replace(inside, outside))
    with pytest.raises(ModelError, match=r"its weight b lies in another file; a model is one file"):
        load_spec(path)


def test_a_file_that_is_replaced_is_not_taken_for_the_one_that_was_read(tmp_path):
    path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny())
    spec = load_spec(path)
    onnx_files.write(path, onnx_files.tiny(), licence="another")  # metadata compute nothing
    assert spec.content() == path.read_bytes()
    other = onnx_files.tiny()
    other.tensors["b"].array[0] += 1
    onnx_files.write(path, other)
    for read in (spec.content, spec.graph):
        with pytest.raises(ModelError, match="holds another model than when it was read"):
            read()


def test_a_file_of_another_precision_must_be_of_this_network(tmp_path):
    path = onnx_files.write(tmp_path / "m.onnx", onnx_files.tiny())
    spec = load_spec(path)
    assert variant(spec, "int8") is None
    made = {"made_of": spec.weights_sha256, "precision": "int8", "storage": "int8"}
    for changes, message in [
        ({}, ""),
        ({"made_of_network": spec.network_sha256}, ""),
        ({"made_of_network": "0" * 64}, "was not made of"),
        ({"made_of": "0" * 64}, "was not made of"),
        ({"precision": "fp32"}, "is of fp32, not int8, as its name says"),
    ]:
        beside = onnx_files.write(tmp_path / "m.int8.onnx", onnx_files.tiny(), **made | changes)
        if not message:
            assert variant(spec, "int8").path == beside
            continue
        with pytest.raises(ModelError, match=message):
            variant(spec, "int8")


def test_files_that_are_none(tmp_path):
    (tmp_path / "text.onnx").write_text("<html>not found</html>")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "dangling.onnx").symlink_to(tmp_path / "none.onnx")
    os.mkfifo(tmp_path / "pipe.onnx")
    for model, message in [
        ("slow", "there is no model 'slow': shipped are .*fast"),
        (tmp_path / "none.onnx", "there is no model file"),
        (tmp_path / "dangling.onnx", "there is no model file"),
        (tmp_path / "pipe.onnx", "is no regular file"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.onnx", "is empty"),
        (tmp_path / "text.onnx", "is damaged or no ONNX file"),
    ]:
        with pytest.raises(ModelError, match=message):
            load_spec(model)
    with pytest.raises(TypeError, match="model must be a name or a path"):
        load_spec(3)
