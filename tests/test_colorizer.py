"""Colorizer: pictures in, pictures out; sizes, types, threads, and what it shares."""

from __future__ import annotations

import copy
import os
import signal
import threading

import numpy as np
import onnx_files
import pytest

import fastcolor
from fastcolor import ops
from fastcolor.colorizer import Colorizer
from fastcolor.engines import KINDS, problem_of
from fastcolor.errors import EngineError, PictureError

pytestmark = pytest.mark.usefixtures("engine_cache")


@pytest.fixture(scope="module")
def colorizer():
    with Colorizer(engine="onnxruntime", threads=1) as made:
        yield made


def picture(rng, height, width, dtype=np.uint8):
    """Smooth, so that it looks like something to a network."""
    small = rng.random((max(2, height // 16), max(2, width // 16)))
    rows = np.linspace(0, small.shape[0] - 1, height).astype(int)
    columns = np.linspace(0, small.shape[1] - 1, width).astype(int)
    return (small[rows][:, columns] * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(300, 420), (1, 1), (3, 200), (517, 119)])
def test_gives_a_colour_picture_of_the_same_size_and_type(colorizer, rng, shape, dtype):
    luma = picture(rng, *shape, dtype)
    got = colorizer.colorize(luma)
    assert got.shape == (*shape, 3)
    assert got.dtype == dtype
    light = ops.rgb_to_lab(got)[..., 0]
    grey = ops.rgb_to_lab(np.repeat(luma[..., None], 3, 2))[..., 0]
    assert np.abs(light - grey).max() <= (0.5 if dtype == np.uint8 else 0.01)


def test_a_strip_does_not_make_a_huge_input(colorizer):
    assert colorizer.prepared_size((30, 7000)).width <= 16 * 224
    assert colorizer.prepared_size((3, 7000)).width <= 2 * 16 * 224  # four pixels high at least
    assert colorizer.prepared_size((600, 800))[:2] == (300, 224)


def test_is_what_its_pieces_make(colorizer, rng):
    luma = picture(rng, 301, 450)
    batch = colorizer.prepare(luma)
    assert batch.shape == (1, 1, 224, 352)
    ab = colorizer.chroma(batch)
    assert ab.shape == (1, 2, 56, 88)
    small = colorizer.crop(ab[0], luma.shape)
    assert small.shape == (2, 56, 84)
    wanted = ops.merge_rgb(luma, small, "guided", colorizer.spec.saturation)
    np.testing.assert_array_equal(colorizer.colorize(luma), wanted)


def test_batches_of_different_sizes_come_in_order(colorizer, rng):
    shapes = [(300, 420), (240, 240), (150, 210), (417, 291), (241, 239)]
    images = [picture(rng, *shape) for shape in shapes]
    together = colorizer.colorize_batch(images)
    for image, got in zip(images, together):
        difference = np.abs(got.astype(int) - colorizer.colorize(image).astype(int))
        assert difference.max() <= 1
    assert colorizer.colorize_batch([]) == []


def test_colour_pictures_give_their_luma(colorizer, rng):
    luma = picture(rng, 240, 320)
    colour = np.repeat(luma[..., None], 3, 2)
    np.testing.assert_array_equal(colorizer.colorize(colour), colorizer.colorize(luma))
    np.testing.assert_array_equal(colorizer.colorize(luma[..., None]), colorizer.colorize(luma))


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "torch"])
def test_ten_threads_give_the_bytes_of_one(rng, name):
    if problem_of(KINDS[name], "cpu") is not None:
        pytest.skip(f"{name} is not here")
    with Colorizer(engine=name, device="cpu", size=96) as shared:
        check_threads(shared, rng)


def check_threads(colorizer, rng):
    images = [picture(rng, 200 + 40 * i, 300) for i in range(4)]
    wanted = [colorizer.colorize(image).tobytes() for image in images]
    wrong: list[object] = []

    def work() -> None:
        try:
            for _ in range(2):
                for image, expected in zip(images, wanted):
                    if colorizer.colorize(image).tobytes() != expected:
                        wrong.append(image.shape)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_one_liner(rng):
    luma = picture(rng, 120, 160)
    got = fastcolor.colorize(luma)
    assert got.shape == (120, 160, 3)
    np.testing.assert_array_equal(got, fastcolor.colorize(luma))


def test_wrong_pictures_are_named(colorizer, rng):
    for image, error, message in [
        (np.zeros((4, 4, 2), np.uint8), ValueError, "image must have the shape"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"image must .* \(4, 4, 4\); leave alpha out"),
        (
            np.zeros((4, 4), np.float32),
            TypeError,
            "image must be uint8 or uint16, got float32; m",
        ),
        (np.zeros((4, 4, 3)), TypeError, "image must be uint8 or uint16, got float64; multiply"),
        (np.zeros((4, 4), bool), TypeError, "image must be uint8 or uint16, got bool$"),
        (np.zeros((0, 4), np.uint8), ValueError, "luma must not be empty"),
        ("picture.jpg", TypeError, "image must be a NumPy array"),
    ]:
        with pytest.raises(error, match=message):
            colorizer.colorize(image)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": -5}, ValueError, "size must be from 0 to 16384, got -5"),
        ({"size": 10**5}, ValueError, "size must be from 0 to 16384"),
        ({"size": "256"}, TypeError, "size must be a whole number"),
        ({"size": True}, TypeError, "size must be a whole number"),
        ({"saturation": float("nan")}, ValueError, "saturation must be a number from 0 to 100"),
        ({"saturation": "2"}, ValueError, "saturation must be a number from 0 to 100, got '2'"),
        ({"chroma": "nearest"}, ValueError, "chroma must be 'guided'"),
        ({"engine": 5}, TypeError, "engine must be a name or an opened one, got int"),
    ],
)
def test_wrong_options_are_named_before_anything_is_opened(options, error, message):
    with pytest.raises(error, match=message):
        Colorizer(**options)


def test_layouts_that_arrays_come_in(colorizer, rng):
    luma = picture(rng, 64, 96, np.uint16)
    wanted = colorizer.colorize(luma)
    wide = np.zeros((128, 192), np.uint16)
    wide[::2, ::-2] = luma
    frozen = luma.copy()
    frozen.flags.writeable = False
    for given in (luma.astype(">u2"), np.asfortranarray(luma), wide[::2, ::-2], frozen):
        np.testing.assert_array_equal(colorizer.colorize(given), wanted)


def test_what_is_said_beside_an_opened_engine_must_be_what_it_is(tmp_path, colorizer):
    model = onnx_files.write(tmp_path / "tiny.onnx", onnx_files.tiny())
    Colorizer("fast", "cpu", colorizer.engine, "fp32")
    for options, message in [
        ({"device": "cuda"}, "device is 'cuda', but the opened engine has 'cpu'"),
        ({"precision": "bf16"}, "precision is 'bf16', but the opened engine has 'fp32'"),
        ({"threads": 2}, "threads must be given to open_engine"),
        ({"model": model}, "but the opened engine runs .*fast.onnx"),
    ]:
        with pytest.raises(ValueError, match=message):
            Colorizer(engine=colorizer.engine, **options)


def test_one_picture_is_no_batch(colorizer, rng):
    for shape in [(40, 50), (40, 50, 3), (40, 50, 1), (40,)]:
        with pytest.raises(ValueError, match=r"images must be a list .* colorize\(\) takes one"):
            colorizer.colorize_batch(np.zeros(shape, np.uint8))
    stack = np.stack([picture(rng, 40, 50), picture(rng, 40, 50)])
    wanted = colorizer.colorize_batch(list(stack))
    for given in (stack, (each for each in stack), np.repeat(stack[..., None], 3, 3)):
        got = colorizer.colorize_batch(given)
        assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(got, wanted, strict=True))
    with pytest.raises(TypeError, match="a Colorizer cannot be pickled or copied: make one in"):
        copy.copy(colorizer)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_the_one_liner_in_a_forked_process(rng):
    luma = picture(rng, 60, 80)
    wanted = fastcolor.colorize(luma)
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # it must not wait for ever
        os._exit(0 if np.array_equal(fastcolor.colorize(luma), wanted) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_line_is_no_picture(colorizer):
    assert colorizer.colorize(np.zeros((2, 9000), np.uint8)).shape == (2, 9000, 3)
    with pytest.raises(PictureError, match="of 70000x1 is a line: one side may be 65536 times"):
        colorizer.colorize(np.zeros((1, 70000), np.uint8))


@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_that_overflow_are_told(tmp_path):
    graph = onnx_files.tiny()
    huge = (graph.tensors["w"].array * 1e38).astype(np.float32)
    graph.tensors["w"] = type(graph.tensors["w"])("w", 1, huge)
    path = onnx_files.write(tmp_path / "m.onnx", graph)
    with (
        Colorizer(path, engine="onnxruntime") as made,
        pytest.raises(EngineError, match="tiny gives NaN or infinity with onnxruntime in fp32"),
    ):
        made.colorize(np.tile(np.arange(200, dtype=np.uint8), (90, 1)))


def test_closing_twice_is_harmless(rng):
    made = Colorizer(threads=1)
    made.close()
    made.close()
    with pytest.raises(fastcolor.FastcolorError, match="is closed"):
        made.colorize(picture(rng, 32, 32))
