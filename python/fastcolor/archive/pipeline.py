"""A job: items in, outputs out, the journal between. It reads from top to bottom.

The caller's thread lists items, admits them by the journal and publishes results; workers take an
item from its bytes to its staged output (steps.py). What is in flight is bounded, so memory is too.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from fastcolor.archive import names, target
from fastcolor.archive.container import CONTAINERS, ContainerSink
from fastcolor.archive.errors import ItemError, JobError, cannot_write
from fastcolor.archive.item import Item
from fastcolor.archive.journal import Admission, Journal
from fastcolor.archive.outcome import Outcome, outcome_of
from fastcolor.archive.progress import Progress
from fastcolor.archive.series import Series
from fastcolor.archive.settings import Settings, worker_count
from fastcolor.archive.signals import StopRequest
from fastcolor.archive.sink import FolderSink, Sink
from fastcolor.archive.source import Inputs
from fastcolor.archive.steps import Steps
from fastcolor.archive.task import Result, Task
from fastcolor.archive.workers import Workers

MOST_IN_BATCH = 64  # outputs that one commit of the journal publishes
MOST_BATCH_BYTES = 64 << 20
MOST_HELD_BYTES = 512 << 20
MOST_SECONDS = 0.1  # that a finished output waits for its name
SAMPLES = {1 << n for n in range(16)}  # of which the report shows before and after


def run(
    inputs: Sequence[str | Path] | BinaryIO,
    output: str | Path,
    settings: Settings | None = None,
    *,
    restart: bool = False,
    report: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Colours everything in ``inputs`` (paths, or a stream with a list of them) into ``output``.

    JobError when the job cannot begin or go on; bad items do not stop it. See Settings.
    """
    settings = settings or Settings()
    output = Path(os.path.abspath(output))
    target.check(output)
    if report is not None:
        target.check_report(report, output)
    journal_name = target.journal_name(output)
    journal_path: Path | None = output.with_name(journal_name)
    ours = [output.with_name(journal_name + end) for end in ("", "-wal", "-shm")]
    ours += [report] if report else []
    if isinstance(inputs, Sequence):
        found = Inputs(inputs, output, ours, settings.max_file)
    else:
        found = Inputs.of_list(inputs, output, ours, settings.max_file)
    found.require()
    rename_to = ""
    root = output
    if names.is_picture(output.name) and not output.is_dir():
        if not found.only_file():
            raise JobError(
                f"the output {output} is named like one picture; name a folder, .zip or .tar"
            )
        root, rename_to, journal_path = output.parent, output.name, None
        settings = target.for_one_picture(output, settings)
    job = _Job(found, root, rename_to, settings, journal_path, restart, progress or Progress())
    return job.run(report)


class _Job:
    def __init__(
        self,
        inputs: Inputs,
        output: Path,
        rename_to: str,
        settings: Settings,
        journal_path: Path | None,
        restart: bool,
        progress: Progress,
    ) -> None:
        self.inputs, self.output, self.settings = inputs, output, settings
        self.rename_to, self.restart, self.progress = rename_to, restart, progress
        self.journal_path = journal_path
        self.series = Series()
        self.batch: list[Result] = []
        self.batch_since = 0.0
        self.batch_bytes = 0
        self.number = self.next_number = 0  # of tasks, where the sink wants their order
        self.waiting: dict[int, Result] = {}
        self.in_work: set[int] = set()  # rows from their admission until they are published
        self.done_now = self.skipped_now = 0
        self.held = 0  # bytes of members of archives that wait or are worked on
        self.problem: JobError | None = None
        self.left = False  # whether something is for the next run

    def run(self, report: Path | None) -> Outcome:
        count = worker_count(self.settings.jobs)
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.output.parent, error) from error
        with (
            StopRequest() as stop,
            Steps(self.settings, count) as steps,
            closing(Journal(self.journal_path)) as self.journal,
            closing(self._sink()) as self.sink,
        ):
            self.journal.begin(steps.influencing(), self.restart)
            self.sink.recover()
            steps.sink = self.sink
            try:
                self.progress.begin(self.inputs.count(), steps.describe())
                with Workers(count, steps.computing, steps) as workers:
                    self._work(workers, stop)
                self._publish()
                stop_code = stop.code if self.left else 0
                if self.problem is None and not stop_code:
                    self.sink.finish()
            finally:
                self.progress.end()
            batch = steps.inference.effective_batch
            if self.problem is not None:
                with suppress(JobError, OSError):  # where what failed lets it be written
                    self._close(self.problem.exit_code, report, batch)
                raise self.problem
            return self._close(stop_code, report, batch)

    def _sink(self) -> Sink:
        if self.output.suffix.lower() in CONTAINERS and not self.output.is_dir():
            return ContainerSink(self.output, self.journal, self.restart, self.settings.force)
        if self.output.exists() and not self.output.is_dir():
            raise JobError(f"the output {self.output} is a file; name a folder, .zip or .tar")
        return FolderSink(self.output, self.journal, self.inputs.owns)

    def _work(self, workers: Workers[Task, Result], stop: StopRequest) -> None:
        try:
            for item in self.inputs:
                while not (stop.code or self.problem) and self._is_full(workers, item):
                    self._take(workers)
                if stop.code or self.problem:  # a journal that failed has forgotten its last rows
                    self.left = True
                    break
                task = self._task(item, workers)
                if task is None:
                    continue
                self.in_work.add(task.row)
                self.held += len(task.data)
                workers.submit(task)
                while self._take(workers, timeout=0):
                    pass
        except JobError as error:  # what is in flight is still published, or dropped
            self.problem = self.problem or error
        while workers.in_flight:
            if stop.code or self.problem:
                self._leave(workers.withdraw())
            self._take(workers)

    def _leave(self, tasks: list[Task]) -> None:
        """What no worker has begun is left for the next run."""
        self.left = self.left or bool(tasks)
        for task in tasks:
            self.in_work.discard(task.row)
            self.held -= len(task.data)

    def _is_full(self, workers: Workers[Task, Result], item: Item) -> bool:
        """Whether results must be waited for, so that memory stays bounded."""
        if workers.in_flight + len(self.waiting) >= workers.most_in_flight:
            return True
        return item.eager and self.held > 0 and self.held + item.size > MOST_HELD_BYTES

    def _task(self, item: Item, workers: Workers[Task, Result]) -> Task | None:
        """What a worker is to do for this item; None when nothing is."""
        if self.rename_to and item.problem is None:
            item = replace(item, name=self.rename_to)
        admission = self._admit(item)
        if admission.action == "wait":
            while admission.row in self.in_work and not self.problem:
                self._take(workers)
                self._publish()
            if self.problem:
                return None
            admission = self._admit(item)
        if admission.action == "failed":
            self._failed(item, admission.row, admission.note, known=True)
            return None
        if admission.action == "skip":
            self.skipped_now += bool(admission.outcome)  # else this run met it twice
            self._tell(self.progress.skipped, item)
            return None
        written = admission.size if admission.ours else None
        force = self.settings.force or (admission.ours and self.restart)
        refusal = self.sink.refusal(admission.name, written, force)
        if refusal:
            self._failed(item, admission.row, refusal)
            return None
        data = b""
        if item.eager and item.read is not None:
            try:
                data = item.read()
            except ItemError as error:
                self._failed(item, admission.row, str(error))
                return None
        self.number += 1
        sample = self.skipped_now + self.number in SAMPLES
        return Task(self.number - 1, item, admission.row, admission.name, data, sample)

    def _admit(self, item: Item) -> Admission:
        admission = self.journal.admit(
            item, self.settings.format, self.settings.force, self.in_work
        )
        if admission.action != "skip" or admission.outcome in ("", "skipped"):
            return admission
        if self.sink.holds(admission.name, admission.size):
            return admission
        self.journal.redo(admission.row)
        return replace(admission, action="do", ours=True)

    def _take(self, workers: Workers[Task, Result], timeout: float | None = MOST_SECONDS) -> bool:
        """One result from the workers, and what became ready by it."""
        result = workers.result(timeout)
        if result is not None:
            self.series.worked(result.seconds)
            self.held -= len(result.task.data)
            self.waiting[result.task.number] = result
            for ready in self._in_order() if self.sink.ordered else self._any_order():
                try:
                    self._settle(ready)
                except JobError as error:  # the journal's
                    self.problem = self.problem or error
                    self._drop(ready)
        full = len(self.batch) >= MOST_IN_BATCH or self.batch_bytes > MOST_BATCH_BYTES
        if self.batch and (full or time.monotonic() - self.batch_since > MOST_SECONDS):
            self._publish()
        return result is not None

    def _in_order(self) -> list[Result]:
        ready = []
        while self.next_number in self.waiting:
            ready.append(self.waiting.pop(self.next_number))
            self.next_number += 1
        return ready

    def _any_order(self) -> list[Result]:
        ready = list(self.waiting.values())
        self.waiting.clear()
        return ready

    def _settle(self, result: Result) -> None:
        """Takes over what a worker made of an item."""
        task, finished, staged = result.task, result.finished, result.staged
        reason = str(result.error) if result.error else ""
        if isinstance(result.error, JobError):
            self.problem = self.problem or result.error
            return
        if finished is not None and finished.name != task.name and finished.outcome == "copied":
            reason, written = self.journal.takes_name(task.row, finished.name)
            force = self.settings.force or (written is not None and self.restart)
            reason = reason or self.sink.refusal(finished.name, written, force) or ""
        if reason or finished is None or staged is None:
            self._drop(result)
            self._failed(task.item, task.row, reason)
            self.in_work.discard(task.row)
            return
        if not self.batch:
            self.batch_since = time.monotonic()
        self.batch.append(result)
        self.batch_bytes += staged.size

    def _drop(self, result: Result) -> None:
        task, finished = result.task, result.finished
        if result.staged is not None:
            result.staged.close()
        for name in {task.name, task.item.name, finished.name if finished else task.name}:
            self.sink.drop(name)

    def _failed(self, item: Item, row: int, reason: str, known: bool = False) -> None:
        gone = self.inputs.vanished(item)
        if gone:
            self.problem = self.problem or JobError(
                f"the input {gone} has vanished; when it is back, the same command goes on"
            )
            return
        former = self.journal.former(item, self.settings.format)
        if former is not None and self.sink.holds(former["name"], former["bytes"]):
            reason += "; its former output stays"
            known = False
        if not known:
            self.journal.fail(row, reason)
        self.series.add(failed=1)
        self._tell(self.progress.failed, item, reason)

    def _publish(self) -> None:
        """Gives the finished outputs their names; only then an item counts, and is logged."""
        batch, self.batch, self.batch_bytes = self.batch, [], 0
        if not batch:
            return
        self.in_work.difference_update(result.task.row for result in batch)
        try:
            self.sink.publish([(r.finished, r.staged) for r in batch if r.finished and r.staged])
            for result in batch:
                if result.sample is not None:
                    self.journal.add_sample(result.task.row, *result.sample)
        except JobError as error:
            self.problem = self.problem or error
            return
        self.series.finished(
            items=len(batch),
            pixels=sum(result.finished.pixels for result in batch if result.finished),
            bytes=sum(result.task.item.size for result in batch),
        )
        self.done_now += len(batch)
        for result in batch:
            assert result.finished is not None
            self._tell(self.progress.done, result.task.item, result.finished, result.seconds)

    def _tell(self, what: Callable[..., None], *about: object) -> None:
        """A log that cannot be written ends the job as a full disk does."""
        try:
            what(*about)
        except OSError as error:
            self.problem = self.problem or cannot_write("the log", error)

    def _close(self, stop_code: int, report: Path | None, effective_batch: int) -> Outcome:
        self.journal.end_run(self.series.elapsed(), self.series.intervals())
        outcome = outcome_of(
            self.journal, self.series, self.done_now, self.skipped_now, stop_code, effective_batch
        )
        if report is not None:
            from fastcolor.archive.report import write_report

            influencing = json.loads(self.journal.meta("settings") or "{}")
            stopped = stop_code != 0
            write_report(report, self.journal, outcome.counts, influencing, self.output, stopped)
        return outcome
