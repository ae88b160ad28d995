"""What can be read out of a journal: counts, totals, failures, samples, runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

#: What notes say about a JPEG's luma, which :meth:`Ledger.luma` counts.
KEPT = "its luma was kept"
TAKEN_OVER = "its luma was taken over from a colour JPEG"
ANEW = "encoded anew"
_EXPECTED = (KEPT, ANEW)  # alone no remark: what the settings ask for
_ENDS = ("coloured", "copied", "sidecar", "skipped", "failed", "todo")


class Ledger:
    """The questions that reports and summaries ask; the journal adds how rows change."""

    _db: sqlite3.Connection
    run: int  #: the number of this one

    def counts(self) -> dict[str, int]:
        """How many items of this job ended how; "todo" are those met and not done."""
        rows = self._db.execute(
            "SELECT CASE state WHEN 'done' THEN outcome WHEN 'ready' THEN outcome ELSE state END, "
            "COUNT(*) FROM items WHERE seen = ? GROUP BY 1",
            (self.run,),
        )
        found = {str(name): int(count) for name, count in rows}
        return {name: found.get(name, 0) for name in _ENDS}

    def totals(self) -> sqlite3.Row:
        row: sqlite3.Row = self._db.execute(
            "SELECT COUNT(*) AS items, SUM(size) AS size, SUM(bytes) AS bytes, "
            "SUM(pixels) AS pixels, SUM(pages) AS pages FROM items WHERE state IN ('done', 'ready')"
        ).fetchone()
        return row

    def luma(self) -> dict[str, int]:
        """How many of the JPEGs that were coloured as such had their luma treated how."""
        notes = (KEPT, TAKEN_OVER, ANEW)
        row = self._db.execute(
            "SELECT TOTAL(INSTR(note, ?) > 0), TOTAL(INSTR(note, ?) > 0), TOTAL(INSTR(note, ?) > 0)"
            " FROM items WHERE state IN ('done', 'ready') AND outcome = 'coloured' AND seen = ?",
            (*notes, self.run),
        ).fetchone()
        return {note: int(count) for note, count in zip(notes, row)}

    def noted(self, failed: bool, most: int) -> Iterator[sqlite3.Row]:
        """Failures with their reasons, or the remarks about what was done; -1: all of them."""
        return self._db.execute(
            "SELECT * FROM items WHERE note != '' AND note NOT IN (?, ?) AND seen = ? "
            "AND (state = 'failed') = ? ORDER BY path, position LIMIT ?",
            (*_EXPECTED, self.run, failed, most),
        )

    def samples(self) -> list[sqlite3.Row]:
        return self._db.execute(
            "SELECT items.*, before, after FROM samples JOIN items USING (id) ORDER BY id"
        ).fetchall()

    def runs(self) -> list[sqlite3.Row]:
        return self._db.execute("SELECT * FROM runs ORDER BY id").fetchall()

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])
