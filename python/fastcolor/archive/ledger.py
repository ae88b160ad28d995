"""What can be read out of a journal: counts, totals, failures, samples, runs."""

from __future__ import annotations

import sqlite3


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
        return {n: found.get(n, 0) for n in ("coloured", "copied", "skipped", "failed", "todo")}

    def totals(self) -> sqlite3.Row:
        row: sqlite3.Row = self._db.execute(
            "SELECT COUNT(*) AS items, SUM(size) AS size, SUM(bytes) AS bytes, "
            "SUM(pixels) AS pixels, SUM(pages) AS pages FROM items WHERE state IN ('done', 'ready')"
        ).fetchone()
        return row

    def noted(self, failed: bool, most: int) -> list[sqlite3.Row]:
        """Failures with their reasons, or the remarks about what was done."""
        return self._db.execute(
            "SELECT * FROM items WHERE note != '' AND seen = ? AND (state = 'failed') = ? "
            "ORDER BY path, position LIMIT ?",
            (self.run, failed, most),
        ).fetchall()

    def samples(self) -> list[sqlite3.Row]:
        return self._db.execute(
            "SELECT items.*, before, after FROM samples JOIN items USING (id) ORDER BY id"
        ).fetchall()

    def runs(self) -> list[sqlite3.Row]:
        return self._db.execute("SELECT * FROM runs ORDER BY id").fetchall()

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])
