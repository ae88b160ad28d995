"""Settings of a job: their limits, and the file they may come from."""

from __future__ import annotations

import json

import archives
import jpeg_files
import pytest

from fastcolor.archive import Settings
from fastcolor.archive.settings import SettingsError, load


@pytest.fixture
def source(tmp_path):
    return archives.fill(tmp_path / "in", 3)


def test_settings_files(tmp_path, source):
    path = tmp_path / "settings.toml"
    path.write_text('size = 32\nlossless-luma = "never"\nprovenance = false\n')
    expected = Settings(size=64, lossless_luma="never", provenance=False)
    assert load(path, {"size": 64}) == (expected, {})
    path.write_text("colour = 3\n")
    with pytest.raises(SettingsError, match="unknown setting 'colour'"):
        load(path, {})
    path.write_text("quality = 300\n")
    done = archives.colorize(source, "-o", tmp_path / "out", "--settings", path)
    assert done.returncode == 2
    assert "--quality must be between 1 and 100, got 300" in done.stderr
    done = archives.colorize(source, "-o", tmp_path / "out", "--settings", tmp_path / "none")
    assert done.returncode == 5
    assert done.stderr == f"fastcolor: error: {tmp_path / 'none'}: No such file or directory\n"
    path.write_text("size = [\n")
    assert "not a TOML file" in archives.colorize(source, "-o", "x", "--settings", path).stderr
    path.write_text("report = true\nsize = 32\n")
    done = archives.colorize(source, "-o", tmp_path / "out", "--settings", path)
    assert "--report must be of the type str, got True" in done.stderr


def test_a_settings_file_may_ask_for_report_and_log(tmp_path, source):
    path = tmp_path / "settings.toml"
    page = tmp_path / "page.html"
    path.write_text(f"json-log = true\nreport = '{page}'\nsize = 32\n")
    done = archives.colorize(source, "-o", tmp_path / "out", "--settings", path)
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "end"
    assert page.read_text().startswith("<!doctype html>")
    path.write_text("quiet = true\nsize = 32\n")
    done = archives.colorize(source, "-o", tmp_path / "out", "--settings", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_line_has_the_last_word(tmp_path, source):
    path = tmp_path / "settings.toml"
    path.write_text("force = true\nquiet = true\njson-log = true\nsize = 32\n")
    (source / "colour.jpg").write_bytes(jpeg_files.colour())
    no = ("--no-force", "--no-quiet", "--no-json-log")
    done = archives.colorize(source, "-o", tmp_path / "out", "--settings", path, *no)
    assert "3 coloured, 1 copied (in colour already)" in done.stdout


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("saturation", -1, "between 0 and 10"),
        ("saturation", -0.5, "between 0 and 10"),
        ("saturation", 11.0, "between 0 and 10"),
        ("size", 0, "between 1 and 4096"),
        ("jobs", -1, "between 0 and 1024"),
    ],
)
def test_values_that_mean_nothing_are_refused(tmp_path, option, value, words):
    with pytest.raises(SettingsError, match=f"^--{option} must be {words}, got {value}"):
        Settings(**{option: value})
    if option == "jobs":  # as a command says it
        source = archives.fill(tmp_path / "in", 1)
        done = archives.colorize(source, "-o", tmp_path / "out", f"--{option}", value)
        assert done.returncode == 2
        assert done.stderr.startswith(f"fastcolor: error: --{option} must be {words}, got {value}")
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_what_is_not_given_is_the_models(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("size = 300\nsaturation = 1\n")
    settings, _ = load(path, {})
    assert (settings.size, settings.saturation, settings.jobs) == (300, 1, None)
    assert (Settings().size, Settings().saturation) == (None, None)
    with pytest.raises(SettingsError, match="--size must be of the type int, got 'large'"):
        Settings(size="large")
