"""What all workers share: settings, the network, the sink, room in memory; and the steps that
every kind of picture ends with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

import fastcolor
from fastcolor import ops
from fastcolor.archive.errors import ItemError
from fastcolor.archive.inference import Inference
from fastcolor.archive.item import Item
from fastcolor.archive.journal import Finished
from fastcolor.archive.names import PICTURE_SUFFIXES, PICTURES
from fastcolor.archive.on_gpu import OnGpu
from fastcolor.archive.settings import Settings
from fastcolor.archive.sink import Sink, Staged
from fastcolor.archive.task import OUTPUT, Data, Result, write_data
from fastcolor.archive.workers import Budget, Spare
from fastcolor.errors import MissingDependencyError
from fastcolor.media import codecs
from fastcolor.media.codecs import Document, Metadata, Page

if TYPE_CHECKING:
    from typing import Self

NEUTRAL_PIXELS = 500_000  # are looked at to tell grey from colour
THUMBNAIL_PX = 480  # the longer side of the report's samples
IN_WORK_BYTES = 3 << 30  # of decoded pictures of all workers together


class Workshop:
    sink: Sink

    def __init__(self, settings: Settings, workers: int) -> None:
        self.settings = settings
        self.inference = Inference(settings)
        self.gpu = self._gpu() if settings.decode == "gpu" else None
        self.limits = codecs.Limits(
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            max_pages=settings.max_pages,
            max_scans=settings.max_scans,
        )
        self._budget = Budget(IN_WORK_BYTES)
        waits_for_gpu = self.inference.effective_batch > 0  # and does not compute meanwhile
        self.computing = workers * (2 if waits_for_gpu else 1)
        self.spare = Spare(self.computing, self._budget)
        self.ahead = self.spare.ahead
        self._threads_before = fastcolor.thread_count()
        if workers > 1:  # each worker is one thread; a lone one may use all for its operators
            fastcolor.set_thread_count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.spare.close()
        self.inference.close()
        fastcolor.set_thread_count(self._threads_before)

    def describe(self) -> str:
        decoded = f", grey JPEGs decoded by {self.gpu.name}" if self.gpu else ""
        return self.inference.describe() + decoded

    def influencing(self) -> dict[str, Any]:
        """All that outputs depend on, for the journal."""
        decode = {"decode": self.gpu.name} if self.gpu else {}
        return self.settings.influencing() | self.inference.influencing() | decode

    def _gpu(self) -> OnGpu:
        try:
            if self.inference.effective_batch:
                return OnGpu()
            raise MissingDependencyError(
                f"--decode gpu needs an engine on a GPU, here runs {self.inference.describe()}"
            )
        except BaseException:
            self.inference.close()
            raise

    def is_colour(self, page: Page, pixels: Any) -> bool:
        if pixels.ndim == 2 or self.settings.force:
            return False
        step = max(1, int((pixels.shape[0] * pixels.shape[1] / NEUTRAL_PIXELS) ** 0.5))
        return not ops.is_neutral(np.ascontiguousarray(pixels[::step, ::step]))

    def metadata(self, metadata: Metadata, codes: str) -> Metadata:
        metadata = codecs.for_colour(metadata, codes)
        if not self.settings.provenance:
            return metadata
        spec = self.inference.colorizer.spec
        return codecs.with_provenance(metadata, model=spec.name, version=spec.network_sha256[:16])

    def copy(self, result: Result, data: Data, document: Document) -> None:
        item = result.task.item
        if PurePosixPath(item.name).suffix != PurePosixPath(item.member or item.path).suffix and (
            _wrong_suffix(replace(item, member=item.name), document.format)
        ):  # somebody chose the name
            raise ItemError(
                f"is in colour already and would be copied as {document.format.upper()}, which "
                f"{item.name} does not say; name the output so, or colour it with --force"
            )
        with result.timed("write"):
            staged = self.sink.stage(item.name, item.mtime_ns, lambda file: write_data(file, data))
        self._finished(result, staged, item.name, "copied", document, "")

    def finish(
        self, result: Result, write: Callable[[BinaryIO], None], document: Document, note: str
    ) -> None:
        """Stages the output; what that takes beyond the steps in ``write`` counts as writing."""
        task = result.task
        before = sum(result.seconds.values())
        start = time.perf_counter()
        staged = self.sink.stage(task.name, task.item.mtime_ns, write)
        within = sum(result.seconds.values()) - before
        result.seconds["write"] = max(0.0, time.perf_counter() - start - within)
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

    def sample(self, result: Result, luma: Any, ab: Any, orientation: int) -> None:
        if not result.task.sample:
            return
        from fastcolor.archive.report import thumbnails

        upright = codecs.to_upright(luma, orientation)
        colours = np.ascontiguousarray(codecs.to_upright(ab, orientation, planar=True))
        result.sample = thumbnails(
            upright, colours, self.settings.chroma, self.inference.saturation, THUMBNAIL_PX
        )

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        taken = self._budget.take(size)
        try:
            yield
        finally:
            self._budget.give(taken)


def _wrong_suffix(item: Item, format: str) -> str:
    name = PurePosixPath(item.member or item.path)
    suffix = name.suffix.lower()
    if (
        suffix not in PICTURE_SUFFIXES
        or suffix in PICTURES[format if format == "jp2" else OUTPUT[format]]
    ):
        return ""
    return f"its name says {suffix}, it is {format.upper()}"
