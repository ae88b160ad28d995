"""JPEG to JPEG: the luma scans stay as they are, chroma is put beside them."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

from fastcolor import jpeg, ops
from fastcolor.archive.ledger import KEPT, TAKEN_OVER
from fastcolor.archive.task import Result, write_data
from fastcolor.archive.workshop import Workshop
from fastcolor.errors import FastcolorError
from fastcolor.media import codecs
from fastcolor.media.codecs import Metadata

MOST_CHROMA_QUALITY = 75  # predicted chroma is smooth: more is space without a difference


class ReencodeError(FastcolorError):
    """Luma cannot be kept as it lies in the file; the message says why."""


def keep_luma(shop: Workshop, result: Result, data: bytes) -> None:
    settings = shop.settings
    other_format = settings.format not in ("same", "jpg")
    if settings.lossless_luma == "never" or settings.contrast != "none" or other_format:
        raise ReencodeError("")
    info = jpeg.probe(data, scans=False)  # join() sees whether the rest is in order
    luma_only = jpeg.is_luma_only(data)  # before: it holds for what is made anew of it, too
    if info.joined and settings.force:
        data, changed = _unjoined(data)
        if changed:
            result.remarks.append(changed)
            luma_only = True
        info = jpeg.probe(data, scans=False)
    with (
        codecs.open_document(data, limits=shop.limits, fail_on=settings.fail_on) as document,
        shop.room(info.width * info.height * 2),
        shop.gpu.lane() if shop.gpu else nullcontext(),
    ):
        page = document.page(0)
        half = settings.subsampling == "420"
        short = min(page.height, page.width)
        gpu = shop.gpu
        with result.timed("decode"):
            pixels = gpu.luma(page, result.remarks) if gpu else None
            if pixels is None:
                gpu = None
                pixels = page.pixels_at(-(-short // 2) if half else short)
                if half and short <= 2:  # one sample is also an eighth of it
                    pixels = page.pixels()
        if shop.is_colour(page, pixels):
            return shop.copy(result, data, document)
        problem = info.join_problem if page.channels == 1 else info.drop_chroma_problem
        if problem:
            raise ReencodeError(problem)
        with result.timed("decode"):
            if page.channels != 1:
                data, luma_only = _luma_of(data), True
            stored = pixels if pixels.ndim == 2 else ops.luma(pixels)
            toned = page.toned(stored)
        inference = shop.inference
        with result.timed("infer"):
            if gpu:
                ab = inference.ab_of(gpu.run(inference.colorizer.prepare, toned), toned.shape)
            else:
                ab = inference.ab(toned, page.metadata.orientation)
        with result.timed("merge"):
            at = (-(-page.height // 2), -(-page.width // 2)) if half else stored.shape
            merge = partial(
                ops.merge_ycc, subsampling="444" if stored.shape == at else "420",
                chroma=settings.chroma, saturation=inference.saturation,
            )  # fmt: skip
            cb, cr = gpu.run(merge, stored, ab) if gpu else merge(stored, ab)
        with result.timed("encode"):
            made = _joined(shop, data, cb, cr, page.metadata, luma_only)
        result.remark(page, "jpeg")
        if result.task.sample:
            seen = gpu.host(toned) if gpu else toned
            shop.sample(result, seen, ab, page.metadata.orientation)
        note = f"{TAKEN_OVER}: revert gives that luma, not the file" if luma_only else KEPT
        shop.finish(result, lambda file: write_data(file, made), document, note)


def _unjoined(data: bytes) -> tuple[bytes, str]:
    """The original of a joined file; where it cannot be had back, its luma, and why. A grey file
    with the recipe of another one is an original."""
    try:
        return jpeg.revert(data), ""
    except jpeg.JpegError as error:
        if jpeg.probe(data, scans=False).components == 1:
            return data, ""
        return _luma_of(data), f"coloured anew from its luma: {error}"


def _luma_of(data: bytes) -> bytes:
    try:
        return jpeg.drop_chroma(data)
    except jpeg.JpegError as error:
        raise ReencodeError(str(error)) from error


def _joined(
    shop: Workshop, grey: bytes, cb: Any, cr: Any, metadata: Metadata, luma_only: bool
) -> bytes:
    settings = shop.settings
    chroma = jpeg.encode_chroma(cb, cr, quality=min(settings.quality, MOST_CHROMA_QUALITY))
    after = shop.metadata(metadata, "stored")
    try:
        return jpeg.join(
            grey,
            chroma,
            xmp=after.xmp if after.xmp != metadata.xmp else None,
            icc=after.icc if after.icc != metadata.icc else None,
            luma_only=luma_only,
        )
    except (jpeg.JpegError, ValueError) as error:
        raise ReencodeError(str(error)) from error
