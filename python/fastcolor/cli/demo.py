"""fastcolor demo: the bundled photographs coloured, or the operators on one photograph.

For the operators the photograph's own chroma stands for what a network would predict: it is shrunk
to a small size and merged back with the full-resolution luma.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError
from rich.console import Console

from fastcolor import ops

Array = Any
DATA = Path(__file__).parents[1] / "data"
SAMPLE = DATA / "coffee.jpg"
SHEET_PX = 360  # the longer side of a picture on the sheet of coloured ones
SHORT_SIDE = 32  # of the small chroma, pixels
CAPTION_PX = 22


def load(path: Path) -> Array:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
        with image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):  # 16 bits, which Pillow would clip
                deep = np.asarray(upright).clip(0, 65535)
                upright = Image.fromarray((deep // 257).astype(np.uint8))
            return np.asarray(upright.convert("RGB"))
    except UnidentifiedImageError as error:
        raise OSError(f"{path} is not a picture that Pillow can read") from error
    except Image.DecompressionBombError as error:
        raise OSError(f"{path} has more pixels than the demo takes; use colorize") from error
    except OSError as error:
        if error.filename is None:  # of Pillow's own
            raise OSError(f"{path} is damaged: {error}") from error
        raise


def small_ab(rgb: Array) -> Array:
    """The chroma of the picture, (2, h, w) in Lab units, its short side SHORT_SIDE pixels."""
    height, width = rgb.shape[:2]
    scale = min(1.0, SHORT_SIDE / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    lab = ops.rgb_to_lab(rgb)
    planes = [
        Image.fromarray(np.ascontiguousarray(lab[..., i])).resize(size, Image.Resampling.BOX)
        for i in (1, 2)
    ]
    return np.stack([np.asarray(plane, np.float32) for plane in planes])


def grey_of(rgb: Array) -> Array:
    """The grey photograph: the L* of the picture, encoded as a neutral sRGB value."""
    lab = ops.rgb_to_lab(rgb)
    lab[..., 1:] = 0
    return np.ascontiguousarray(ops.lab_to_rgb(lab)[..., 0])


def steps(rgb: Array) -> list[tuple[str, Callable[[], Array]]]:
    """(caption, picture), in the order of the contact sheet."""
    grey, ab = grey_of(rgb), small_ab(rgb)
    size = f"{ab.shape[2]}x{ab.shape[1]}"

    def feathered() -> Array:
        plane = grey.astype(np.float32) / 255
        tiles, grid = ops.split_tiles(plane, 128, 32)
        return (ops.blend_tiles(tiles, grid, mode="feather") * 255).round().astype(np.uint8)

    return [
        (f"original {rgb.shape[1]}x{rgb.shape[0]}", lambda: rgb),
        ("grey", lambda: grey),
        (
            f"chroma of {size}, bilinear",
            lambda: ops.merge_rgb(grey, ab, chroma="bilinear"),
        ),
        (
            f"chroma of {size}, guided",
            lambda: ops.merge_rgb(grey, ab, chroma="guided"),
        ),
        ("CLAHE", lambda: ops.clahe(grey)),
        ("split into tiles and blended", feathered),
    ]


def contact_sheet(pictures: list[tuple[str, Array]], columns: int = 2) -> Image.Image:
    height, width = pictures[0][1].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * (height + CAPTION_PX)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (caption, picture) in enumerate(pictures):
        x, y = index % columns * width, index // columns * (height + CAPTION_PX)
        draw.text((x + 6, y + 5), caption, fill="black")
        sheet.paste(Image.fromarray(picture).convert("RGB"), (x, y + CAPTION_PX))
    return sheet


def before_and_after(sources: list[Path], coloured: list[Path]) -> Image.Image:
    """The sources in a row, and their coloured selves below."""
    columns = []
    for pair in zip(sources, coloured):
        column = [Image.fromarray(load(path)) for path in pair]
        for picture in column:
            picture.thumbnail((SHEET_PX, SHEET_PX))
        columns.append(column)
    heights = [max(column[row].height for column in columns) for row in (0, 1)]
    sheet = Image.new("RGB", (sum(c[0].width for c in columns), sum(heights)), "white")
    x = 0
    for before, after in columns:
        sheet.paste(before, (x, heights[0] - before.height))
        sheet.paste(after, (x, heights[0]))
        x += before.width
    return sheet


def colour(output: Path, image: Path | None) -> None:
    """The job that `fastcolor colorize` does, on the bundled photographs or on one given."""
    from fastcolor.archive.errors import JobError
    from fastcolor.cli.colorize import colorize

    console = Console(highlight=False, markup=False, soft_wrap=True)
    sources = [image] if image else sorted((DATA / "samples").glob("*.jpg"))
    load(sources[0])  # one sentence where it is no picture
    output.mkdir(parents=True, exist_ok=True)
    folder = output / "colour"
    targets = [folder / path.name for path in sources]
    code = colorize(
        [str(path) for path in sources],
        folder,
        None,
        {"force": True, "report": output / "report.html"},
        restart=True,
    )
    if code:
        raise JobError(f"the demo failed, see {output / 'report.html'}")
    before_and_after(sources, targets).save(output / "sheet.png")
    for path in (*targets, output / "report.html", output / "sheet.png"):
        console.print(str(path))


def operators(output: Path, image: Path | None) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    rgb = load(image or SAMPLE)
    output.mkdir(parents=True, exist_ok=True)
    pictures: list[tuple[str, Array]] = []
    for caption, make in steps(rgb):
        start = time.perf_counter()
        picture = make()
        milliseconds = (time.perf_counter() - start) * 1e3
        name = "".join(c if c.isalnum() else "-" for c in caption.lower()).replace("--", "-")
        target = output / f"{len(pictures) + 1}-{name}.png"
        Image.fromarray(picture).save(target)
        pictures.append((caption, picture))
        console.print(f"{target}  ({milliseconds:.1f} ms)")
    sheet = output / "sheet.png"
    contact_sheet(pictures).save(sheet)
    console.print(f"{sheet}  (all of them)")
