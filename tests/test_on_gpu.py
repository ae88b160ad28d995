"""Jobs over a GPU: the bytes of the CPU's, whatever its memory; pictures decoded there.

Where the kernels are emulated, CuPy's memory and streams are stand-ins and all else is real: the
engine behind is ONNX Runtime, the decoder that of the genuine nvImageCodec, on its CPU backend.
"""

from __future__ import annotations

import io
import subprocess
import sys
from functools import partial
from pathlib import Path

import archives
import numpy as np
import pytest
from archives import colour
from doubles import SmallMemory
from PIL import Image, ImageCms

from fastcolor import colorizer, jpeg
from fastcolor.archive import Settings, run, workshop
from fastcolor.archive.errors import JobError
from fastcolor.archive.on_gpu import OnGpu
from fastcolor.archive.settings import SettingsError
from fastcolor.errors import MissingDependencyError


@pytest.fixture
def source(tmp_path):
    folder = archives.fill(tmp_path / "in", 30)
    for number in range(4):
        (folder / f"wide{number}.jpg").write_bytes(archives.jpeg(100 + number, 90, 31))
    return folder


@pytest.fixture
def room(cuda, monkeypatch):
    """Sets how many bytes more the GPU has, which only the stand-in lets one do."""
    if not hasattr(cuda._cupy, "room"):
        pytest.skip("a real GPU has the memory that it has")
    return lambda size: monkeypatch.setattr(cuda._cupy, "room", cuda._cupy._taken + size)


@pytest.fixture
def gpu(cuda, monkeypatch):
    """Engines on "cuda" are ONNX Runtime behind arrays of the emulated one."""
    opened = []

    def open_engine(spec, engine, device, precision, threads):
        opened.append(SmallMemory(spec, 1, cuda._cupy))
        return opened[-1]

    monkeypatch.setattr(colorizer, "open_engine", open_engine)
    return opened


def on_cpu(source, target, **options):
    settings = Settings(size=32, jobs=2, engine="onnxruntime", device="cpu", **options)
    with pytest.MonkeyPatch.context() as patch:
        from fastcolor.engines import open_engine

        patch.setattr(colorizer, "open_engine", open_engine)
        code, heard = colour(source, target, settings)
    assert code == 0, heard.failures
    return archives.tree(target)


def test_outputs_are_those_of_the_cpu_with_any_jobs_and_batch(source, tmp_path, gpu):
    wanted = on_cpu(source, tmp_path / "cpu")
    for number, (jobs, batch) in enumerate([(0, 8), (2, 1), (7, 3), (16, 64)]):
        target = tmp_path / str(number)
        code, heard = colour(source, target, Settings(size=32, jobs=jobs, batch=batch))
        assert (code, heard.failures) == (0, {})
        assert archives.tree(target) == wanted
        assert set(gpu[-1].batches) == {1}  # what makes them independent


@pytest.mark.filterwarnings("ignore::fastcolor.colorizer.BatchWarning")
def test_memory_that_runs_out_makes_batches_smaller_and_outputs_no_others(
    source, tmp_path, gpu, room
):
    wanted = on_cpu(source, tmp_path / "cpu")
    room(30_000)  # of 4096 or 12288 for each
    settings = Settings(size=32, jobs=16, batch=8)
    outcome = run([source], tmp_path / "gpu", settings)
    assert outcome.failures == []
    assert 1 <= outcome.effective_batch < 8
    assert archives.tree(tmp_path / "gpu") == wanted


@pytest.mark.filterwarnings("ignore::fastcolor.colorizer.BatchWarning")
def test_a_picture_without_room_fails_alone(source, tmp_path, gpu, room):
    (source / "strip.jpg").write_bytes(archives.jpeg(5, 600, 30))
    room(40_000)
    code, heard = colour(source, tmp_path / "out", Settings(size=32, jobs=9))
    assert code == 1
    assert list(heard.failures) == [str(source / "strip.jpg")]
    assert "no memory for a single picture" in heard.failures[str(source / "strip.jpg")]


def test_an_engine_that_fails_fails_items_and_not_the_job(source, tmp_path, gpu, monkeypatch):
    real = SmallMemory._run

    def failing(self, batch):
        if batch.shape[3] > 64:
            raise RuntimeError("a kernel went astray")
        return real(self, batch)

    monkeypatch.setattr(SmallMemory, "_run", failing)
    code, heard = colour(source, tmp_path / "out", Settings(size=32, jobs=9))
    assert code == 1
    assert len(heard.failures) == 4
    assert {name.rpartition("/")[2][:4] for name in heard.failures} == {"wide"}
    assert all("a kernel went astray" in why for why in heard.failures.values())


@pytest.fixture
def decoder(gpu, cuda, monkeypatch):
    """nvImageCodec: on the GPU, or its own CPU decoder in the place of that."""
    nvimgcodec = pytest.importorskip("nvidia.nvimgcodec", reason="nvImageCodec is not installed")
    if hasattr(cuda._cupy, "RawModule"):
        return
    device = getattr(nvimgcodec, "NVIMGCODEC_DEVICE_CPU_ONLY", None)
    if device is None:
        pytest.skip("this nvImageCodec does not run without a GPU")
    monkeypatch.setattr(workshop, "OnGpu", partial(OnGpu, "CPU_ONLY", device))


GPU = Settings(size=32, jobs=3, decode="gpu")


def chroma(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("YCbCr"))[..., 1:].astype(int)


def test_pictures_decoded_there(source, tmp_path, decoder, monkeypatch):
    progressive = io.BytesIO()
    Image.fromarray(archives.grey(7, 70, 51)).save(progressive, "JPEG", progressive=True)
    (source / "progressive.jpg").write_bytes(progressive.getvalue())
    on_cpu(source, tmp_path / "cpu")
    seen = []
    real = OnGpu.luma
    monkeypatch.setattr(
        OnGpu, "luma", lambda *given: seen.append(real(*given) is not None) or real(*given)
    )
    code, heard = colour(source, tmp_path / "gpu", GPU)
    assert (code, heard.failures) == (0, {})
    jpegs = sorted(source.rglob("*.jpg"))
    assert seen == [True] * len(jpegs)
    for path in jpegs:
        name = path.relative_to(source)
        made = (tmp_path / "gpu" / name).read_bytes()
        assert jpeg.revert(made) == path.read_bytes()
        near = np.abs(chroma(tmp_path / "gpu" / name) - chroma(tmp_path / "cpu" / name))
        assert near.mean() < 1.5
    again = Settings(size=32, jobs=0, batch=2, decode="gpu")
    assert colour(source, tmp_path / "again", again)[0] == 0
    assert archives.tree(tmp_path / "again") == archives.tree(tmp_path / "gpu")
    with pytest.raises(JobError, match=r"decode nvImageCodec .*, now None"):
        colour(source, tmp_path / "gpu", Settings(size=32))


def test_the_operators_go_on_by_the_cpu_where_the_gpu_has_no_room(
    source, tmp_path, decoder, cuda, room, monkeypatch
):
    assert colour(source, tmp_path / "roomy", GPU)[0] == 0
    real = OnGpu.run

    def cramped(self, operator, *arrays):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cuda._cupy, "room", 0)
            return real(self, operator, *arrays)

    monkeypatch.setattr(OnGpu, "run", cramped)
    assert colour(source, tmp_path / "small", Settings(size=32, jobs=0, decode="gpu"))[0] == 0
    assert archives.tree(tmp_path / "small") == archives.tree(tmp_path / "roomy")


def test_a_decoder_that_fails_or_refuses(source, tmp_path, decoder, monkeypatch):
    wanted = on_cpu(source, tmp_path / "cpu")
    real = OnGpu._decode

    def odd(self, data):
        if data == archives.jpeg(3):
            raise RuntimeError("CUDA error: an odd one")
        return None if len(calls) > 1 else real(self, data)  # one is its check

    calls = []
    monkeypatch.setattr(OnGpu, "_decode", lambda *given: calls.append(1) or odd(*given))
    code, heard = colour(source, tmp_path / "out", GPU)
    assert code == 1
    (name,) = heard.failures
    assert name.endswith("000003.jpg")
    assert "failed: CUDA error: an odd one" in heard.failures[name]
    got = archives.tree(tmp_path / "out")
    assert got == {name: wanted[name] for name in got}
    assert len(got) == len(wanted) - 1


def test_what_the_gpu_does_not_decode_has_the_outputs_of_the_cpu(tmp_path, decoder):
    folder = tmp_path / "in"
    folder.mkdir()
    grey = Image.fromarray(archives.grey(3, 96, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.save(folder / "turned.jpg", exif=exif)
    curve = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    grey.save(folder / "profile.jpg", icc_profile=curve)
    Image.fromarray(archives.grey(4)).save(folder / "deep.png")
    Image.merge("RGB", [grey] * 3).save(folder / "rgb.jpg", quality=95)
    (folder / "after.jpg").write_bytes(archives.jpeg(9) + b"trailing")
    wanted = on_cpu(folder, tmp_path / "cpu")
    code, heard = colour(folder, tmp_path / "gpu", GPU)
    assert (code, heard.failures) == (0, {})
    got = archives.tree(tmp_path / "gpu")
    names = ("turned.jpg", "deep.png", "rgb.jpg", "after.jpg")
    assert {name: got[name] for name in names} == {name: wanted[name] for name in names}
    (folder / "cut.jpg").write_bytes(archives.jpeg(8)[:-300])
    code, heard = colour(folder, tmp_path / "gpu", GPU)
    assert code == 1
    assert "ends before its end marker" in heard.failures[str(folder / "cut.jpg")]


NAMES = """
import sys
sys.path.insert(0, sys.argv[1])
import cupy, emulated_cupy

def names(ours, genuine, at):
    for name, value in vars(ours).items():
        if name.startswith("_") and name != "__cuda_array_interface__":
            continue
        if at == "cupy" and not getattr(value, "__module__", "").startswith("emulated"):
            continue  # modules that it imports
        if name in ("room", "waited_for", "pointer", "host", "device", "ptr", "non_blocking"):
            continue  # its own, and what is an attribute of instances
        assert hasattr(genuine, name), f"{at} has no {name}"
        print(f"{at}.{name}")
        if isinstance(value, type):
            names(value, getattr(genuine, name), f"{at}.{name}")

names(emulated_cupy, cupy, "cupy")
"""


def test_the_stand_in_has_no_name_that_cupy_lacks(cuda):
    command = [sys.executable, "-W", "ignore", "-c", NAMES, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "No module named 'cupy'" in done.stderr:
        pytest.skip("CuPy is not installed")
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    assert {"cupy.ndarray.get", "cupy.cuda.Stream.wait_event", "cupy.asnumpy"} <= set(found)


def test_what_it_needs_is_named(source, tmp_path, cuda):
    with pytest.raises(MissingDependencyError, match="needs an engine on a GPU, here runs model"):
        colour(source, tmp_path / "out", Settings(device="cpu", decode="gpu"))
    with pytest.raises(SettingsError, match="is for JPEGs whose luma is kept"):
        Settings(decode="gpu", contrast="clahe")
    if not hasattr(cuda._cupy, "RawModule"):
        with pytest.raises(MissingDependencyError, match="--decode gpu needs nvImageCodec"):
            OnGpu()
