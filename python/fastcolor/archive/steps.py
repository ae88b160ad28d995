"""What a worker does with one item: read, decode, infer, merge, encode, write."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import simplejpeg

import fastcolor
from fastcolor import jpeg, ops
from fastcolor.archive.errors import ItemError, JobError
from fastcolor.archive.inference import Inference
from fastcolor.archive.item import Item
from fastcolor.archive.journal import Finished
from fastcolor.archive.names import PICTURE_SUFFIXES, PICTURES, is_archive, is_picture
from fastcolor.archive.settings import Settings
from fastcolor.archive.sink import Sink, Staged
from fastcolor.archive.workers import Budget
from fastcolor.errors import FastcolorError
from fastcolor.media import codecs
from fastcolor.media.codecs import Document, Metadata, Page

NEUTRAL_PIXELS = 500_000  # are looked at to tell grey from colour
THUMBNAIL_PX = 480  # the longer side of the report's samples
IN_WORK_BYTES = 3 << 30  # of decoded pictures of all workers together
MOST_JPEG_SIDE = 65535
LARGE_BYTES = 32 << 20  # from which a TIFF is read piece by piece from its file
_OUTPUT = {"jpeg": "jpg", "png": "png", "tiff": "tiff", "webp": "webp", "jp2": "tiff"}
_GROUPS = {**_OUTPUT, "jp2": "jp2"}
Data = bytes | Path


@dataclass(frozen=True)
class Task:
    number: int
    item: Item
    row: int
    name: str  #: of the output
    data: bytes = b""  #: of items that must be read in order
    sample: bool = False


@dataclass
class Result:
    """``error`` or both ``finished`` and ``staged``."""

    task: Task
    finished: Finished | None = None
    staged: Staged | None = None
    error: Exception | None = None
    sample: tuple[bytes, bytes] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)  #: for the report

    def remark(self, page: Page) -> None:
        """Notes what the decoder of a page put up with."""
        for damage in page.warnings:
            where = f"page {page.index + 1}: " if page.index else ""
            self.remarks.append(where + damage.message)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[step] = self.seconds.get(step, 0.0) + spent


class ReencodeError(FastcolorError):
    """Luma cannot be kept as it lies in the file; the message says why."""


class Steps:
    """The steps with what they share: settings, the network, the sink."""

    sink: Sink

    def __init__(self, settings: Settings, workers: int) -> None:
        self.settings = settings
        self.inference = Inference(settings)
        self.limits = codecs.Limits(
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            max_side=settings.max_side,
            max_pages=settings.max_pages,
        )
        self._budget = Budget(IN_WORK_BYTES)
        self._threads_before = fastcolor.thread_count()
        if workers > 1:  # each worker is one thread; a lone one may use all for its operators
            fastcolor.set_thread_count(1)

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.inference.close()
        fastcolor.set_thread_count(self._threads_before)

    def describe(self) -> str:
        return self.inference.describe()

    def influencing(self) -> dict[str, Any]:
        """All that outputs depend on, for the journal."""
        return self.settings.influencing() | self.inference.influencing()

    def run(self, task: Task) -> Result:
        """Never raises: what went wrong is in the result."""
        result = Result(task)
        try:
            with result.timed("read"):
                head, data = _read(task)
            self._item(result, head, data)
        except (ItemError, JobError) as error:
            result.error = error
        except FastcolorError as error:
            result.error = ItemError(str(error))
        except MemoryError:
            result.error = ItemError("there is not enough memory for it")
        except Exception as error:
            if os.environ.get("FASTCOLOR_DEBUG"):
                traceback.print_exc()
            result.error = ItemError(f"unexpected {type(error).__name__}: {error}")
        return result

    def _item(self, result: Result, head: bytes, data: Data) -> None:
        task = result.task
        kind = codecs.sniff(head)
        if kind not in _OUTPUT:
            name = task.item.member or task.item.path
            if is_picture(name):
                what = "is empty" if not head else f"is {kind or 'in no format that is known here'}"
                raise ItemError(f"{what}, not a picture that can be read")
            if is_archive(name):
                raise ItemError("is an archive inside an archive, which is not opened")
            result.finished = Finished(task.row, task.name, "skipped")
            result.staged = Staged(0)
            return
        if kind == "jpeg" and isinstance(data, bytes):
            try:
                return self._lossless(result, data)
            except ReencodeError as error:
                if self.settings.lossless_luma == "always":
                    raise ItemError(f"its luma cannot be kept: {error}") from error
                self._pages(result, data, kind, str(error))
        else:
            self._pages(result, data, kind, "")

    # --- JPEG to JPEG, luma scans untouched ------------------------------------------------------

    def _lossless(self, result: Result, data: bytes) -> None:
        settings = self.settings
        if settings.lossless_luma == "never":
            raise ReencodeError("")
        if settings.contrast != "none" or settings.format not in ("same", "jpg"):
            raise ReencodeError("")
        info = jpeg.probe(data)
        if info.joined and settings.force:
            data = jpeg.revert(data)
            info = jpeg.probe(data)
        with (
            codecs.open_document(data, limits=self.limits, fail_on=settings.fail_on) as document,
            self._room(info.width * info.height * 2),
        ):
            page = document.page(0)
            half = settings.subsampling == "420"
            short = min(page.height, page.width)
            with result.timed("decode"):
                pixels = page.pixels_at(-(-short // 2) if half else short)
                if half and min(page.height, page.width) <= 2:  # 1 sample is also 1/8 of it
                    pixels = page.pixels()
            if self._is_colour(page, pixels):
                return self._copy(result, data, document)
            problem = info.join_problem if page.channels == 1 else info.drop_chroma_problem
            if problem:
                raise ReencodeError(problem)
            with result.timed("decode"):
                grey = data if page.channels == 1 else jpeg.drop_chroma(data)
                stored = pixels if pixels.ndim == 2 else ops.luma(pixels)
                toned = page.toned(stored)
            with result.timed("infer"):
                ab = self.inference.ab(toned, page.metadata.orientation)
            with result.timed("merge"):
                at = (-(-page.height // 2), -(-page.width // 2)) if half else stored.shape
                cb, cr = ops.merge_ycc(
                    stored, ab, "444" if stored.shape == at else "420",
                    chroma=settings.chroma, saturation=self.inference.saturation,
                )  # fmt: skip
            with result.timed("encode"):
                made = self._joined(grey, cb, cr, page.metadata)
            result.remark(page)
            self._sample(result, toned, ab)
            note = "" if page.channels == 1 else "its luma was taken over from a colour JPEG"
            self._finish(result, lambda file: _write(file, made), document, note)

    def _joined(self, grey: bytes, cb: Any, cr: Any, metadata: Metadata) -> bytes:
        settings = self.settings
        chroma = jpeg.encode_chroma(cb, cr, quality=settings.quality)
        after = self._metadata(metadata, "stored")
        try:
            return jpeg.join(
                grey,
                chroma,
                xmp=after.xmp if after.xmp != metadata.xmp else None,
                icc=after.icc if after.icc != metadata.icc else None,
            )
        except (jpeg.JpegError, ValueError) as error:
            raise ReencodeError(str(error)) from error

    # --- everything else, page by page ----------------------------------------------------------

    def _pages(self, result: Result, data: Data, kind: str, note: str) -> None:
        settings = self.settings
        format = _OUTPUT[kind] if settings.format == "same" else settings.format
        with (
            codecs.open_document(data, limits=self.limits, fail_on=settings.fail_on) as document,
            self._room(max(_decoded_bytes(page) for page in document)),
        ):
            if document.pages > 1 and format != "tiff":
                raise ItemError(
                    f"has {document.pages} pages, which {format} cannot hold; use --format tiff"
                )
            first = document.page(0)
            with result.timed("decode"):
                pixels: Any = first.pixels()
            if self._is_colour(first, pixels) and self._others_in_colour(result, document):
                return self._copy(result, data, document)
            if format == "jpg" and pixels.dtype == np.uint8 and not first.has_alpha:
                made = self._reencoded(result, first, pixels)
                return self._finish(result, lambda file: _write(file, made), document, note)

            def write(file: BinaryIO) -> None:
                nonlocal pixels
                with codecs.open_output(
                    file, format, pages=document.pages, quality=settings.quality,
                    subsampling=settings.subsampling,
                ) as writer:  # fmt: skip
                    decoded, pixels = pixels, None
                    self._page(result, first, decoded, writer)
                    for index in range(1, document.pages):
                        page = document.page(index)
                        with result.timed("decode"):
                            decoded = page.pixels()
                        self._page(result, page, decoded, writer)

            self._finish(result, write, document, note)

    def _reencoded(self, result: Result, page: Page, pixels: Any) -> bytes:
        """A JPEG of the luma and chroma planes, without a detour through RGB."""
        settings = self.settings
        with result.timed("merge"):
            luma = self._luma(page, pixels)
        with result.timed("infer"):
            ab = self.inference.ab(luma, page.metadata.orientation)
        with result.timed("merge"):
            cb, cr = ops.merge_ycc(
                luma, ab, settings.subsampling,
                chroma=settings.chroma, saturation=self.inference.saturation,
            )  # fmt: skip
        self._sample(result, luma, ab)
        result.remark(page)
        with result.timed("encode"):
            if max(luma.shape) > MOST_JPEG_SIDE:
                raise ItemError(
                    f"a side of {max(luma.shape)} pixels does not fit into a JPEG; "
                    "use --format tiff or png"
                )
            made = bytes(simplejpeg.encode_jpeg_yuv_planes(luma, cb, cr, settings.quality))
            return codecs.replace_jpeg_metadata(made, self._metadata(page.metadata, "srgb"))

    def _luma(self, page: Page, pixels: Any) -> Any:
        luma = np.ascontiguousarray(page.luma_of(pixels))
        return ops.clahe(luma) if self.settings.contrast == "clahe" else luma

    def _others_in_colour(self, result: Result, document: Document) -> bool:
        for index in range(1, document.pages):
            page = document.page(index)
            with result.timed("decode"):
                if not self._is_colour(page, page.pixels_at(512)):
                    return False
        return True

    def _page(self, result: Result, page: Page, pixels: Any, writer: codecs.Writer) -> None:
        settings = self.settings
        alpha = page.alpha()
        if self._is_colour(page, pixels):  # among grey ones: as it is
            with result.timed("encode"):
                writer.write(pixels, page.metadata, alpha=alpha, storage=page.storage)
            return
        with result.timed("merge"):
            luma = self._luma(page, pixels)
        with result.timed("infer"):
            ab = self.inference.ab(luma, page.metadata.orientation)
        with result.timed("merge"):
            reused = pixels if pixels.ndim == 3 and pixels.flags.carray else None
            rgb = ops.merge_rgb(luma, ab, settings.chroma, self.inference.saturation, out=reused)
        if page.index == 0:
            self._sample(result, luma, ab)
        del luma, pixels, reused
        with result.timed("encode"):
            metadata = self._metadata(page.metadata, "srgb")
            writer.write(rgb, metadata, alpha=alpha, storage=page.storage)
        result.remark(page)

    # --- what both ways share -------------------------------------------------------------------

    def _is_colour(self, page: Page, pixels: Any) -> bool:
        if pixels.ndim == 2 or self.settings.force:
            return False
        step = max(1, int((pixels.shape[0] * pixels.shape[1] / NEUTRAL_PIXELS) ** 0.5))
        return not ops.is_neutral(np.ascontiguousarray(pixels[::step, ::step]))

    def _metadata(self, metadata: Metadata, codes: str) -> Metadata:
        metadata = codecs.for_colour(metadata, codes)
        if not self.settings.provenance:
            return metadata
        spec = self.inference.colorizer.spec
        return codecs.with_provenance(metadata, model=spec.name, version=spec.weights_sha256[:16])

    def _copy(self, result: Result, data: Data, document: Document) -> None:
        item = result.task.item
        with result.timed("write"):
            staged = self.sink.stage(item.name, item.mtime_ns, lambda file: _write(file, data))
        self._finished(result, staged, item.name, "copied", document, "")

    def _finish(
        self, result: Result, write: Callable[[BinaryIO], None], document: Document, note: str
    ) -> None:
        """Stages the output; what that takes beyond the steps in ``write`` counts as writing."""
        task = result.task
        before = sum(result.seconds.values())
        start = time.perf_counter()
        staged = self.sink.stage(task.name, task.item.mtime_ns, write)
        within = sum(result.seconds.values()) - before
        result.seconds["write"] = time.perf_counter() - start - within
        self._finished(result, staged, task.name, "coloured", document, note)

    def _finished(
        self, result: Result, staged: Staged, name: str, outcome: str, document: Document, note: str
    ) -> None:
        notes = [_wrong_suffix(result.task.item, document.format), note, *result.remarks]
        result.staged = staged
        result.finished = Finished(
            row=result.task.row,
            name=name,
            outcome=outcome,
            note="; ".join(dict.fromkeys(text for text in notes if text)),
            bytes=staged.size,
            pixels=sum(page.width * page.height for page in document),
            pages=document.pages,
        )

    def _sample(self, result: Result, luma: Any, ab: Any) -> None:
        if not result.task.sample:
            return
        from fastcolor.archive.report import thumbnails

        result.sample = thumbnails(
            luma, ab, self.settings.chroma, self.inference.saturation, THUMBNAIL_PX
        )

    @contextmanager
    def _room(self, size: int) -> Iterator[None]:
        taken = self._budget.take(size)
        try:
            yield
        finally:
            self._budget.give(taken)


def _read(task: Task) -> tuple[bytes, Data]:
    """The first bytes, and all of them or the path of what is better read piece by piece."""
    item = task.item
    if not item.eager and item.size > LARGE_BYTES:
        try:
            with open(item.path, "rb") as file:
                head = file.read(codecs.HEAD)
        except OSError as error:
            raise ItemError(f"cannot be read: {error.strerror or error}") from error
        if codecs.sniff(head) == "tiff":
            return head, Path(item.path)
    data = task.data or (item.read() if item.read else b"")
    return data[: codecs.HEAD], data


def _write(file: BinaryIO, data: Data) -> None:
    if isinstance(data, Path):
        with data.open("rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)
    else:
        file.write(data)


def _decoded_bytes(page: Page) -> int:
    """What a page takes in work: its pixels, its luma and its colours."""
    colour = 3 * page.dtype.itemsize
    own = 0 if page.channels == 3 else colour  # colours replace colour pixels in place
    return page.width * page.height * (page.channels * page.dtype.itemsize * 2 + own)


def _wrong_suffix(item: Item, format: str) -> str:
    name = PurePosixPath(item.member or item.path)
    suffix = name.suffix.lower()
    if suffix not in PICTURE_SUFFIXES or suffix in PICTURES[_GROUPS[format]]:
        return ""
    return f"its name says {suffix}, it is {format.upper()}"
