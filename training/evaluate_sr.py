"""Compare luma upscalers with bicubic interpolation and published peers.

    python -m training.evaluate_sr MODEL... --scale 4 --set bsd100

A picture is cropped to a multiple of the scale and shrunk by antialiased bicubic. Our
models see the Y' (BT.601, full range) of the small picture; peers made for colour see its
RGB, or with --grey its Y' in all three channels, which is what an archive gives them.
PSNR (8-bit, cap 50 dB) and SSIM are those of Y', without a border of `scale` pixels.
--json merges the figures into a RESULTS.json, whose table of systems shows them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import paths
from .color import rgb_to_luma
from .evaluation import given, report
from .evaluation.measure import SMALLEST
from .evaluation.peers import Upscale, peers
from .evaluation.sets import pictures, to_tensor
from .metrics import bootstrap_mean, mse, psnr_from_mse, ssim

Candidate = tuple[Upscale, int, bool]
"""Function, parameters, and whether it takes luma alone."""


def to_image(rgb: Tensor) -> Image.Image:
    return Image.fromarray((rgb.permute(1, 2, 0) * 255).round().byte().numpy())


def shrink(rgb: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """(3, h, w) -> the picture cropped to a multiple of `scale`, and its small version."""
    height, width = (side // scale * scale for side in rgb.shape[1:])
    cropped = rgb[:, :height, :width]
    size = (width // scale, height // scale)
    return cropped, to_tensor(to_image(cropped).resize(size, Image.Resampling.BICUBIC))


def bicubic(scale: int) -> Upscale:
    def run(rgb: Tensor) -> Tensor:
        image = to_image(rgb[0])
        size = (image.width * scale, image.height * scale)
        return to_tensor(image.resize(size, Image.Resampling.BICUBIC))[None]

    return run


def load(model: str, scale: int) -> tuple[str, Candidate]:
    """`NAME=FILE` or `FILE` of an upscaler of this scale, checkpoint or ONNX."""
    network = given.network(model)
    if network.kind != "upscaler":
        raise ValueError(f"{network.name} is a {network.kind}, not an upscaler")

    def run(luma: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(network.run(luma.numpy())))

    found = run(torch.zeros(1, 1, 16, 16)).shape[-1] // 16
    if found != scale:
        raise ValueError(f"{network.name} enlarges {found} times, not {scale}")
    return network.name, (run, network.parameters, True)


def score(luma: Tensor, truth: Tensor, scale: int) -> tuple[float, float]:
    """PSNR and SSIM of (1, h, w) Y' on the 8-bit grid, without the border."""
    inner = (slice(None), slice(scale, -scale), slice(scale, -scale))
    made, true = ((x.clamp(0, 1) * 255).round()[inner] / 255 for x in (luma, truth))
    return psnr_from_mse(mse(made, true)), ssim(made, true)


def evaluate(
    candidates: dict[str, Candidate], source: Path, scale: int, limit: int, grey: bool
) -> list[dict[str, Any]]:
    """The figures of every candidate."""
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in candidates}
    least = -(-(SMALLEST + 2 * scale) // scale) * scale
    with torch.inference_mode():
        for picture in given.large_enough(pictures(source, limit), least):
            sharp, small = shrink(picture.rgb, scale)
            truth, luma = rgb_to_luma(sharp), rgb_to_luma(small)
            seen = luma.expand(3, -1, -1) if grey else small
            for name, (run, _, takes_luma) in candidates.items():
                start = time.perf_counter()
                large = run((luma if takes_luma else seen)[None])[0]
                spent = 1000 * (time.perf_counter() - start)
                made = large if takes_luma else rgb_to_luma(large.clamp(0, 1))
                results[name].append((*score(made, truth, scale), spent))
    rows = []
    for name, found in results.items():
        psnr, structure, spent = zip(*found, strict=True)
        low, high = bootstrap_mean(psnr)
        rows.append(
            {
                "upscaler": name,
                "scale": scale,
                "grey": grey,
                "pictures": len(found),
                "parameters": candidates[name][1],
                "milliseconds": round(median(spent), 2),
                "psnr": {"mean": mean(psnr), "low": low, "high": high},
                "ssim": mean(structure),
            }
        )
    return rows


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    lines = ["| upscaler | PSNR Y' | SSIM Y' | parameters | ms |", "|" + " --- |" * 5]
    for row in rows:
        psnr, count = row["psnr"], row["parameters"]
        lines.append(
            f"| {row['upscaler']} | {psnr['mean']:.2f} ({psnr['low']:.2f}-{psnr['high']:.2f}) "
            f"| {row['ssim']:.4f} | {f'{count:,}' if count else '-'} | {row['milliseconds']:.1f} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="training.evaluate_sr",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add: Callable[..., object] = parser.add_argument
    add("models", nargs="*", metavar="MODEL")
    add("--scale", type=int, choices=(2, 4), default=4)
    add("--set", default="bsd100", help="name, folder or tar")
    add("--grey", action="store_true", help="peers see grey, as in an archive")
    add("--limit", type=int, default=0)
    add("--threads", type=int, default=0)
    add("--data", type=Path, default=None)
    add("--weights", type=Path, default=None)
    add("--out", type=Path, default=None, help="Markdown file to write the table to")
    add("--json", type=Path, default=None, help="RESULTS.json to merge the figures into")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        given.not_negative("limit", args.limit)
        source = given.picture_set(args.set, args.data)
        if args.out:
            given.writable(args.out)
        if args.json:
            given.results(args.json)
        candidates: dict[str, Candidate] = {"bicubic": (bicubic(args.scale), 0, False)}
        for name, (run, count) in peers(args.scale, args.weights or paths.weights_dir()).items():
            candidates[name] = (run, count, False)
        candidates |= dict(load(model, args.scale) for model in args.models)
        rows = evaluate(candidates, source, args.scale, args.limit, args.grey)
    except (OSError, ValueError) as error:
        print(f"evaluate_sr: {error}", file=sys.stderr)
        return 2
    text = markdown(rows)
    print(text)
    if args.out:
        args.out.write_text(f"# {args.set}, x{args.scale}\n\n{text}\n")
    if args.json:
        report.merge_upscalers(args.json, [row | {"set": args.set} for row in rows])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
