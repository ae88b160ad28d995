"""What operators say to arguments that programs give by mistake, and what they give back."""

from __future__ import annotations

import numpy as np
import pytest

from fastcolor import ops

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
RGB = np.repeat(GREY[..., None], 3, axis=2)
LAB = np.zeros((6, 8, 3), np.float32)
AB = np.zeros((2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.rgb_to_lab(RGB / 255), "image must be uint8, uint16 or float32, got float64"),
        (lambda: ops.clahe(GREY > 9), "luma must be uint8 or uint16, got bool"),
        (lambda: ops.clahe(GREY.astype(int)), "luma must be uint8 or uint16, got int64"),
        (lambda: ops.merge_rgb(GREY, AB.astype("f8")), "ab must be float32, got float64"),
        (lambda: ops.luma(RGB.astype("c8")), "image must hold whole numbers .* complex64"),
        (lambda: ops.luma(RGB.astype(object)), "image must hold whole numbers .* object"),
        (lambda: ops.luma(RGB.astype(">u2")), "image must be in native byte order, got >u2"),
        (lambda: ops.rgb_to_lab(RGB, out=LAB.astype("f8")), "out must be float32, got float64"),
        (lambda: ops.rgb_to_lab(RGB, dtype=np.float16), "dtype must be float32 on the CPU"),
        (lambda: ops.lab_to_rgb(LAB, ">u2"), "dtype must be one of .*uint16 in foreign byte order"),
        (lambda: ops.lab_to_rgb(LAB, "u2,"), "dtype must be "),
        (lambda: ops.clahe(np.ma.masked_less(GREY, 9)), "luma has a mask"),
        (lambda: ops.clahe(GREY, out=np.ma.masked_less(GREY, 9)), "out has a mask"),
        (lambda: ops.clahe(memoryview(GREY)), "luma must be a NumPy array .* got memoryview"),
        (lambda: ops.rgb_to_lab(RGB.tolist()), "image must be a NumPy array .* got list"),
    ],
)
def test_types_are_named(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


class Claimed:
    """An object whose DLPack functions answer as ``device`` and ``capsule`` say."""

    def __init__(self, device: object, capsule: object = 5) -> None:
        self._device, self._capsule = device, capsule

    def __dlpack_device__(self) -> object:
        return self._device

    def __dlpack__(self, **_: object) -> object:
        return self._capsule


@pytest.mark.parametrize("claimed", [Claimed(None), Claimed((1, 0)), Claimed((1, 0), None)])
def test_broken_dlpack_is_named(claimed):
    with pytest.raises(TypeError, match=r"^luma cannot be read as an array"):
        ops.clahe(claimed)


def test_out_is_what_comes_back(device):
    """The very object, also where a library's own array stands behind it."""
    for call, shape, dtype in (
        (lambda out: ops.rgb_to_lab(device.put(RGB), out=out), (6, 8, 3), np.float32),
        (lambda out: ops.clahe(device.put(GREY), out=out), (6, 8), np.uint8),
        (lambda out: ops.luma(device.put(RGB), out=out), (6, 8), np.uint8),
        (lambda out: ops.merge_rgb(device.put(GREY), device.put(AB), out=out), (6, 8, 3), np.uint8),
        (lambda out: ops.prepare(device.put(GREY), 4, 1, out=out), (1, 1, 4, 5), np.float32),
        (lambda out: ops.split_tiles(device.put(GREY), 8, 2, out=out)[0], (2, 8, 8), np.uint8),
    ):
        out = device.put(np.zeros(shape, dtype))
        assert call(out) is out
    outs = [device.put(np.zeros((3, 4), np.uint8)) for _ in "br"]
    planes = ops.merge_ycc(device.put(GREY), device.put(AB), out=outs)
    assert planes[0] is outs[0] and planes[1] is outs[1]
    many = [device.put(np.zeros((6, 8), np.uint8))]
    assert ops.clahe([device.put(GREY)], out=many) is many


def test_torch_on_the_cpu():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    lab = ops.rgb_to_lab(torch.from_numpy(RGB))
    out = torch.zeros(6, 8, 3)
    assert ops.rgb_to_lab(torch.from_numpy(RGB), out=out) is out
    assert lab.tobytes() == out.numpy().tobytes()
    assert ops.prepare(GREY, 4, 1, dtype=torch.float16).dtype == np.float16
    assert ops.lab_to_rgb(lab, torch.uint16).dtype == np.uint16
    with pytest.raises(TypeError, match=r"^image cannot be read as an array: .*gradient"):
        ops.rgb_to_lab(out.requires_grad_())
    with pytest.raises(TypeError, match=r"^dtype must be one of"):
        ops.lab_to_rgb(lab, torch.int64)
