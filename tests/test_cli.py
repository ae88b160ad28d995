"""The commands, through real processes: what they print, write and end with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fastcolor

pytest.importorskip("typer", reason="the command line needs typer")


def fastcolor_command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fastcolor", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("fastcolor: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_version():
    done = fastcolor_command("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"fastcolor {fastcolor.build_info()['version']}\n"


def test_installed_command_is_the_module():
    entry = metadata.entry_points(group="console_scripts", name="fastcolor")
    if not entry:
        pytest.skip("not installed: run from a build folder")
    script = Path(sys.executable).parent / "fastcolor"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout == fastcolor_command("--version").stdout


def test_doctor_says_what_is_there_and_how_to_get_the_rest():
    done = fastcolor_command("doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    build = fastcolor.build_info()
    assert found["cpu"]["level"] == build["cpu_level"]
    assert found["cpu"]["available"] == build["cpu_levels"]
    assert found["cuda"]["built"] == build["cuda"]["built"]
    assert found["cuda"]["reason"] == build["cuda"]["reason"]
    names = {item["name"] for item in found["engines"] + found["codecs"]}
    assert names >= {"onnxruntime", "openvino", "tensorrt", "torch"}
    assert names >= {"simplejpeg", "Pillow", "tifffile", "imagecodecs", "PyAV", "nvImageCodec"}
    for item in found["engines"] + found["codecs"]:
        assert item["version"] or item["install"].startswith("pip install "), item
    text = fastcolor_command("doctor").stdout
    for name in ("CPU level", "threads", "CUDA operators", *names):
        assert name in text


def test_doctor_says_everything_on_narrow_terminals():
    narrow = fastcolor_command("doctor", COLUMNS="12", NO_COLOR="1").stdout
    for sentence in (
        "(FASTCOLOR_THREADS changes it)",
        f"built with {fastcolor.build_info()['compiler']}",
    ):
        assert sentence in narrow
    assert "\x1b" not in narrow


@pytest.mark.parametrize("arguments", [["doctor"], ["--version"], ["bench", "kernels"]])
def test_wrong_cpu_level_is_one_sentence(arguments):
    done = fastcolor_command(*arguments, FASTCOLOR_CPU="sse9")
    assert "FASTCOLOR_CPU=sse9: use baseline, avx2 or avx512" in one_sentence(done)
    assert done.returncode == 7
    no_text = fastcolor_command(*arguments, FASTCOLOR_CPU="avx2\udcff")  # bytes that are no UTF-8
    assert "FASTCOLOR_CPU=avx2?: use" in one_sentence(no_text)


def test_wrong_cpu_level_is_an_import_error_for_programs():
    done = subprocess.run(
        [sys.executable, "-c", "from fastcolor import ops"],
        capture_output=True,
        text=True,
        env={**os.environ, "FASTCOLOR_CPU": "sse9"},
    )
    assert done.returncode == 1
    assert "ImportError: FASTCOLOR_CPU=sse9" in done.stderr


def test_wrong_usage_ends_with_two():
    for arguments in (["colour"], ["bench", "kernels", "--device", "tpu"], ["demo", "--nothing"]):
        done = fastcolor_command(*arguments)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_demo_colours_the_bundled_photographs(tmp_path):
    done = fastcolor_command("demo", "-o", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "demo" / "colour").iterdir()}
    assert {"astronaut.jpg", "camera.jpg", "chelsea.jpg", "rocket.jpg"} <= names
    for name in ("colour/astronaut.jpg", "sheet.png"):
        with Image.open(tmp_path / "demo" / name) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 4, name
    assert "<html" in (tmp_path / "demo" / "report.html").read_text()
    again = fastcolor_command("demo", "-o", tmp_path / "demo")
    assert again.returncode == 0, again.stderr


def test_demo_shows_the_operators(tmp_path):
    done = fastcolor_command("demo", "--operators", "-o", tmp_path / "pictures")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert "sheet.png" in names
    assert "2-grey.png" in names
    for name in names:
        with Image.open(tmp_path / "pictures" / name) as picture:
            assert min(picture.size) >= 256, name


@pytest.mark.parametrize("option", [[], ["--operators"]])
def test_demo_takes_a_picture_of_ones_own(tmp_path, option):
    Image.fromarray(np.full((1, 7, 3), 99, np.uint8)).save(tmp_path / "tiny.png")
    done = fastcolor_command("demo", *option, "-i", tmp_path / "tiny.png", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "sheet.png").exists()


def test_demo_names_the_file_that_it_cannot_read(tmp_path):
    missing = fastcolor_command("demo", "-i", tmp_path / "none.jpg", "-o", tmp_path)
    assert "none.jpg" in one_sentence(missing)
    assert missing.returncode == 5
    (tmp_path / "text.jpg").write_text("no picture")
    unreadable = fastcolor_command("demo", "-i", tmp_path / "text.jpg", "-o", tmp_path)
    assert "text.jpg is not a picture" in one_sentence(unreadable)
    assert unreadable.returncode == 5
    Image.new("L", (90, 70)).save(tmp_path / "half.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "half.png").read_bytes()[:60])
    damaged = fastcolor_command("demo", "--operators", "-i", tmp_path / "half.png", "-o", tmp_path)
    assert "half.png is damaged: " in one_sentence(damaged)
    assert damaged.returncode == 5
    Image.new("1", (20000, 18000)).save(tmp_path / "large.png")
    large = fastcolor_command("demo", "-i", tmp_path / "large.png", "-o", tmp_path)
    assert "large.png has more pixels" in one_sentence(large)
    assert large.returncode == 5


def test_paths_of_variables_that_are_not_set_are_refused():
    for arguments in (
        ["demo", "-o", ""],
        ["demo", "-i", ""],
        ["bench", "kernels", "--json", "", "--only", "luma"],
    ):
        done = fastcolor_command(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "it is empty" in done.stderr


@pytest.mark.skipif(not fastcolor.build_info()["cuda"]["problem"], reason="there is a CUDA device")
def test_cuda_benchmark_without_a_device_is_one_sentence():
    done = fastcolor_command("bench", "kernels", "--device", "cuda")
    assert "--device cuda" in one_sentence(done)
    assert done.returncode == 4
