"""JPEG to JPEG: the luma scans stay as they are, chroma is put beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastcolor import jpeg, ops
from fastcolor.archive.task import Result, write_data
from fastcolor.errors import FastcolorError
from fastcolor.media import codecs
from fastcolor.media.codecs import Metadata

if TYPE_CHECKING:
    from fastcolor.archive.steps import Steps

MOST_CHROMA_QUALITY = 75  # predicted chroma is smooth: more is space without a difference


class ReencodeError(FastcolorError):
    """Luma cannot be kept as it lies in the file; the message says why."""


def keep_luma(steps: Steps, result: Result, data: bytes) -> None:
    settings = steps.settings
    other_format = settings.format not in ("same", "jpg")
    if settings.lossless_luma == "never" or settings.contrast != "none" or other_format:
        raise ReencodeError("")
    info = jpeg.probe(data)
    if info.joined and settings.force:
        data = jpeg.revert(data)
        info = jpeg.probe(data)
    with (
        codecs.open_document(data, limits=steps.limits, fail_on=settings.fail_on) as document,
        steps.room(info.width * info.height * 2),
    ):
        page = document.page(0)
        half = settings.subsampling == "420"
        short = min(page.height, page.width)
        with result.timed("decode"):
            pixels = page.pixels_at(-(-short // 2) if half else short)
            if half and short <= 2:  # one sample is also an eighth of it
                pixels = page.pixels()
        if steps.is_colour(page, pixels):
            return steps.copy(result, data, document)
        problem = info.join_problem if page.channels == 1 else info.drop_chroma_problem
        if problem:
            raise ReencodeError(problem)
        with result.timed("decode"):
            grey = data if page.channels == 1 else jpeg.drop_chroma(data)
            stored = pixels if pixels.ndim == 2 else ops.luma(pixels)
            toned = page.toned(stored)
        with result.timed("infer"):
            ab = steps.inference.ab(toned, page.metadata.orientation)
        with result.timed("merge"):
            at = (-(-page.height // 2), -(-page.width // 2)) if half else stored.shape
            cb, cr = ops.merge_ycc(
                stored, ab, "444" if stored.shape == at else "420",
                chroma=settings.chroma, saturation=steps.inference.saturation,
            )  # fmt: skip
        with result.timed("encode"):
            made = _joined(steps, grey, cb, cr, page.metadata)
        result.remark(page)
        steps.sample(result, toned, ab)
        note = "" if page.channels == 1 else "its luma was taken over from a colour JPEG"
        steps.finish(result, lambda file: write_data(file, made), document, note)


def _joined(steps: Steps, grey: bytes, cb: Any, cr: Any, metadata: Metadata) -> bytes:
    settings = steps.settings
    chroma = jpeg.encode_chroma(cb, cr, quality=min(settings.quality, MOST_CHROMA_QUALITY))
    after = steps.metadata(metadata, "stored")
    try:
        return jpeg.join(
            grey,
            chroma,
            xmp=after.xmp if after.xmp != metadata.xmp else None,
            icc=after.icc if after.icc != metadata.icc else None,
        )
    except (jpeg.JpegError, ValueError) as error:
        raise ReencodeError(str(error)) from error
