"""The journal of a job: an SQLite file beside the output, one row for each item.

A row goes todo -> ready -> done, or to failed. It is committed as ready when the item's output lies
complete and synced under its temporary name, before it is renamed: whatever the instant at which
the process dies, the next one knows whose output is finished. Commits hold many rows.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Container
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastcolor.archive.contents import Contents
from fastcolor.archive.errors import JobError, journal_trouble
from fastcolor.archive.item import Item
from fastcolor.archive.ledger import Ledger
from fastcolor.archive.names import folded, output_name, problem
from fastcolor.archive.rows import (
    collision,
    is_still_there,
    key_without_name,
    same_place,
    same_source,
    storable,
    stored,
)
from fastcolor.archive.settings import differences

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE, -- of the output's name; made up where there is none
    name TEXT NOT NULL,
    path TEXT NOT NULL, member TEXT NOT NULL, position INTEGER NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
    seen INTEGER NOT NULL, -- the last run that met the item
    ours INTEGER NOT NULL DEFAULT 0, -- whether what lies under the name was written by this job
    bytes INTEGER NOT NULL DEFAULT 0, pixels INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    start INTEGER NOT NULL DEFAULT -1, crc INTEGER NOT NULL DEFAULT 0 -- in a container
);
CREATE INDEX IF NOT EXISTS items_ready ON items (id) WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS items_failed ON items (id) WHERE state = 'failed';
CREATE INDEX IF NOT EXISTS items_noted ON items (id) WHERE note != '';
CREATE TABLE IF NOT EXISTS samples (id INTEGER PRIMARY KEY, before BLOB, after BLOB);
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, started REAL, seconds REAL DEFAULT 0, series TEXT DEFAULT '[]'
);
"""


@dataclass(frozen=True)
class Admission:
    """What is to be done with an item: "do", "skip" (done before), "failed" (recorded), or "wait"
    until ``row``, which may still give the name back, has ended."""

    action: str
    row: int = 0
    name: str = ""  #: of the output
    ours: bool = False
    note: str = ""
    size: int = 0  #: of the output that was written before
    outcome: str = ""


@dataclass(frozen=True)
class Finished:
    """What a row becomes when its output is ready."""

    row: int
    name: str
    outcome: str
    note: str = ""
    bytes: int = 0
    pixels: int = 0
    pages: int = 0
    start: int = -1
    crc: int = 0


class Journal(Ledger, Contents):
    """Used from one thread. ``path`` None keeps it in memory: nothing can be resumed then."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.run = 0
        self.broken_off = False  # whether the last process died before its run had ended
        with self._explained():
            self._db = sqlite3.connect(
                path or ":memory:", isolation_level=None, timeout=0.5, check_same_thread=False
            )
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        with self._explained():
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript("BEGIN IMMEDIATE;" + _SCHEMA)  # one commit, not eight
            if self.meta("format") not in (None, str(FORMAT)):
                raise JobError(
                    f"{self.path} was written by another version of fastcolor; "
                    "move it away to begin anew"
                )
            self.set_meta("format", str(FORMAT))

    def begin(self, settings: dict[str, Any], restart: bool) -> None:
        """Opens a run; JobError where the job was begun with other settings."""
        with self._explained():
            before = self.meta("settings")
            last = self._db.execute("SELECT seconds FROM runs ORDER BY id DESC LIMIT 1").fetchone()
            self.broken_off = last is not None and last["seconds"] == 0
            if restart:
                self._db.execute("UPDATE items SET state = 'todo', note = '', seen = 0, start = -1")
                self._db.execute("DELETE FROM items WHERE ours = 0")
                self._db.execute("DELETE FROM samples")
                self._db.execute("DELETE FROM runs")
            elif before is not None and json.loads(before) != settings:
                raise JobError(
                    f"this job was begun with other settings ({self.path}): "
                    f"{differences(json.loads(before), settings)}. Give the former ones to go on, "
                    "or --restart to make everything anew"
                )
            self.set_meta("settings", json.dumps(settings, sort_keys=True))
            self._db.execute("UPDATE items SET state = 'todo' WHERE state = 'failed' AND ours = 1")
            self._db.execute("DELETE FROM items WHERE state = 'failed'")
            run = self._db.execute("INSERT INTO runs (started) VALUES (?)", (time.time(),))
            self.run = int(run.lastrowid or 0)
            self.commit()

    def admit(
        self, item: Item, format: str, redo_copied: bool, in_work: Container[int] = ()
    ) -> Admission:
        """Decides about an item, and keeps its output's name for it.

        Items that could have a name in common also have the converted name in common. So when none
        is admitted while another one is in work, the order of the items alone says who has it.
        """
        item = stored(item)
        with self._explained():
            if item.problem is not None:
                return self._refuse(item, item.problem)
            name = output_name(item.name, format)
            wrong = problem(name)  # a suffix may make it too long
            if wrong is not None:
                return self._refuse(item, wrong.replace("its name", "its output's name", 1))
            row = self._copied(item, name) or self._by_key(folded(name))
            if row is None:
                return self._insert(item, name)
            if row["seen"] == self.run:
                if same_place(row, item):
                    return Admission("skip", row["id"], name)
                if row["id"] in in_work:
                    return Admission("wait", row["id"], name)
                if row["state"] == "failed" and not row["ours"]:  # nothing lies under the name
                    self._db.execute(
                        "UPDATE OR REPLACE items SET key = ? WHERE id = ?",
                        (key_without_name(row), row["id"]),
                    )
                    return self._insert(item, name)
                return self._refuse(item, collision(name, row))
            return self._meet_again(item, name, row, redo_copied)

    def _meet_again(self, item: Item, name: str, row: sqlite3.Row, redo_copied: bool) -> Admission:
        unchanged = (row["size"], row["mtime_ns"]) == (item.size, item.mtime_ns)
        other = row["ours"] and not same_source(row, item)
        if other and (not unchanged or is_still_there(row, item)):
            return self._refuse(item, collision(name, row))
        spelled_anew = row["ours"] and row["name"] != name and row["outcome"] != "copied"
        if spelled_anew and (not unchanged or row["state"] != "done"):
            return self._refuse(item, collision(name, row))
        redo = not unchanged or (redo_copied and row["outcome"] == "copied")
        state = "todo" if redo else row["state"]
        key = folded(name) if redo else row["key"]
        holder = self._by_key(key)
        if holder is not None and holder["id"] != row["id"]:
            return self._refuse(item, collision(name, holder))
        self._db.execute(
            "UPDATE items SET key = ?, path = ?, member = ?, position = ?, size = ?, mtime_ns = ?, "
            "state = ?, seen = ? WHERE id = ?",
            (key, item.path, item.member, item.position, item.size, item.mtime_ns, state, self.run,
             row["id"]),
        )  # fmt: skip
        action = "skip" if state == "done" else "do"
        found = row["name"] if action == "skip" else name
        return Admission(
            action, row["id"], found, bool(row["ours"]), size=row["bytes"], outcome=row["outcome"]
        )

    def _copied(self, item: Item, name: str) -> Any:
        """The row of a picture that was copied under its own name instead of ``name``."""
        row = self._by_key(folded(item.name)) if item.name != name else None
        if row is None or row["outcome"] != "copied":
            return None
        moved = (row["name"], row["size"], row["mtime_ns"]) == (item.name, item.size, item.mtime_ns)
        return row if moved or same_source(row, item) else None

    def _insert(self, item: Item, name: str) -> Admission:
        cursor = self._db.execute(
            "INSERT INTO items (key, name, path, member, position, size, mtime_ns, state, seen) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'todo', ?)",
            (folded(name), name, item.path, item.member, item.position, item.size, item.mtime_ns,
             self.run),
        )  # fmt: skip
        return Admission("do", int(cursor.lastrowid or 0), name)

    def _refuse(self, item: Item, reason: str) -> Admission:
        path, member, name = item.path, item.member, storable(item.name)
        key = key_without_name({"path": path, "member": member, "position": item.position})
        cursor = self._db.execute(
            "INSERT OR REPLACE INTO items (key, name, path, member, position, size, mtime_ns, "
            "state, note, seen) VALUES (?, ?, ?, ?, ?, ?, ?, 'failed', ?, ?)",
            (key, name, path, member, item.position, item.size, item.mtime_ns, reason, self.run),
        )
        return Admission("failed", int(cursor.lastrowid or 0), note=reason)

    def redo(self, row: int) -> None:
        """A row that counted as done lost its output."""
        with self._explained():
            self._db.execute("UPDATE items SET state = 'todo' WHERE id = ?", (row,))

    def fail(self, row: int, reason: str) -> None:
        with self._explained():
            self._db.execute(
                "UPDATE items SET state = 'failed', note = ? WHERE id = ?", (reason, row)
            )

    def former(self, item: Item, format: str) -> Any:
        """The row of what was once written for this item; None where nothing was."""
        item = stored(item)
        with self._explained():
            for name in (output_name(item.name, format), item.name):
                row = self._by_key(folded(storable(name)))
                written = row is not None and row["ours"] and row["outcome"] != "skipped"
                if not written or not same_source(row, item):
                    continue
                if row["position"] == item.position or row["seen"] != self.run:
                    return row
            return None

    def ready(self, done: list[Finished]) -> None:
        """Commits that the outputs of these rows lie complete under their temporary names."""
        self._finish(done, "ready")
        self.commit()

    def done(self, done: list[Finished]) -> None:
        """The outputs of these rows have their names now; committed with what comes next."""
        with self._explained():
            self._db.executemany(
                "UPDATE items SET state = 'done' WHERE id = ?", [(each.row,) for each in done]
            )

    def _finish(self, done: list[Finished], state: str) -> None:
        with self._explained():
            self._db.executemany(
                "UPDATE items SET state = ?, ours = ?, key = ?, name = ?, outcome = ?, note = ?, "
                "bytes = ?, pixels = ?, pages = ?, start = ?, crc = ? WHERE id = ?",
                [
                    (state, int(f.outcome != "skipped"), folded(f.name), f.name, f.outcome, f.note,
                     f.bytes, f.pixels, f.pages, f.start, f.crc, f.row)
                    for f in done
                ],
            )  # fmt: skip

    def takes_name(self, row: int, name: str) -> tuple[str, int | None]:
        """Why this row cannot have another output name than it was admitted with ("" when it can),
        and the size of what was written for it under that name, if anything was."""
        with self._explained():
            other = self._by_key(folded(name))
            if other is not None and other["id"] != row:
                return collision(name, other), None
            mine = self._db.execute("SELECT * FROM items WHERE id = ?", (row,)).fetchone()
            written = mine is not None and mine["ours"] and mine["name"] == name
            return "", int(mine["bytes"]) if written else None

    def left_ready(self) -> list[sqlite3.Row]:
        with self._explained():
            return self._db.execute("SELECT * FROM items WHERE state = 'ready'").fetchall()

    def add_sample(self, row: int, before: bytes, after: bytes) -> None:
        with self._explained():
            self._db.execute(
                "INSERT OR REPLACE INTO samples VALUES (?, ?, ?)", (row, before, after)
            )

    def end_run(self, seconds: float, series: list[dict[str, Any]]) -> None:
        with self._explained():
            self._db.execute(
                "UPDATE runs SET seconds = ?, series = ? WHERE id = ?",
                (seconds, json.dumps(series), self.run),
            )
        self.commit()

    def set_meta(self, key: str, value: str) -> None:
        with self._explained():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def commit(self) -> None:
        with self._explained():
            self._db.execute("COMMIT")
            self._db.execute("BEGIN")

    def close(self) -> None:
        """Leaves one file, without a log beside it."""
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except sqlite3.Error:  # a full disk: the last commit stands
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        finally:
            self._db.close()

    def _by_key(self, key: str) -> Any:
        return self._db.execute("SELECT * FROM items WHERE key = ?", (key,)).fetchone()

    def _explained(self) -> AbstractContextManager[None]:
        return journal_trouble(self.path)
