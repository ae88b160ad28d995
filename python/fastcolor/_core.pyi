"""Types of the compiled module; python tests/core_stubs.py writes this file."""

from typing import Any

from fastcolor.errors import FastcolorError

__version__: str

class DeviceError(FastcolorError, RuntimeError): ...

def blend_tiles(
    tiles: Any,
    out: Any,
    width: int,
    height: int,
    tile_width: int,
    tile_height: int,
    overlap: int,
    scale: int,
    feather: bool,
    stream: int,
) -> None: ...
def build_info() -> dict[str, Any]: ...
def clahe(
    luma: list[Any], out: list[Any], clip_limit: float, columns: int, rows: int, stream: int
) -> None: ...
def delta_e2000(
    lab1: list[Any], lab2: list[Any], out: list[Any], layout: str, stream: int
) -> None: ...
def jpeg_drop_chroma(data: Any) -> bytes: ...
def jpeg_is_joined(data: Any) -> bool: ...
def jpeg_join(
    grey: Any,
    chroma: list[Any],
    segments: list[Any],
    sha256: Any,
    replace_xmp: bool,
    replace_icc: bool,
    optimize: bool,
) -> bytes: ...
def jpeg_probe(data: Any, scans: bool) -> dict[str, Any]: ...
def jpeg_revert(data: Any) -> tuple[Any, ...]: ...
def lab_to_rgb(lab: list[Any], out: list[Any], layout: str, stream: int) -> None: ...
def luma(image: list[Any], out: list[Any], matrix: str, layout: str, stream: int) -> None: ...
def merge_rgb(
    luma: list[Any],
    ab: list[Any],
    out: list[Any],
    layout: str,
    chroma: str,
    saturation: float,
    first: int,
    last: int,
    stream: int,
) -> None: ...
def merge_ycc(
    luma: list[Any],
    ab: list[Any],
    cb: list[Any],
    cr: list[Any],
    step_x: int,
    step_y: int,
    limited: bool,
    bt709: bool,
    bits: int,
    chroma: str,
    saturation: float,
    stream: int,
) -> None: ...
def off_tone_counts(
    image: list[Any], tones: list[list[list[int]]], layout: str, stream: int
) -> list[int]: ...
def prepare(
    luma: list[Any],
    out: Any,
    dtype: str,
    width: int,
    height: int,
    levels: tuple[float, float],
    stream: int,
) -> None: ...
def prepared_size(
    width: int, height: int, size: int, multiple: int, step: int
) -> tuple[int, int, int, int]: ...
def rgb_to_lab(image: list[Any], out: list[Any], layout: str, stream: int) -> None: ...
def set_cpu_level(name: str) -> None: ...
def set_thread_count(count: int) -> None: ...
def split_tiles(
    image: Any, out: Any, tile_width: int, tile_height: int, overlap: int, stream: int
) -> None: ...
def synchronize(stream: int) -> None: ...
def thread_count() -> int: ...
def tile_counts(
    width: int, height: int, tile_width: int, tile_height: int, overlap: int
) -> tuple[int, int]: ...
def tone_sums(image: list[Any], layout: str, stream: int) -> list[list[int]]: ...
