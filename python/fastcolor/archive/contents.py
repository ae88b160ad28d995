"""What of a journal's rows lies in a container, and where."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

#: The order in which items come: of paths by their parts, then of members.
_ITEMS = "REPLACE(path, '/', CHAR(1)), position"


class Contents:
    """``start`` of a row is where its member lies, -1 where it has none. While a finished container
    is extended, its members count from its start, and those to be added go on behind its end."""

    _db: sqlite3.Connection

    def _explained(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def in_container(self, order: str = "start") -> Iterator[sqlite3.Row]:
        """Rows whose members lie in the container, in its order or in that of the items."""
        by = {"start": "start", "items": _ITEMS}[order]
        yield from self._db.execute(f"SELECT * FROM items WHERE start >= 0 ORDER BY {by}, id")

    def lies_in_order(self) -> bool:
        """Whether the members come as the items do, each of what its item was met as last."""
        stale = "SELECT 1 FROM items WHERE start >= 0 AND state NOT IN ('ready', 'done')"
        with self._explained():
            if self._db.execute(stale).fetchone():
                return False
            pairs = zip(self.in_container(), self.in_container("items"))
            return all(lying["id"] == wanted["id"] for lying, wanted in pairs)

    def has_member(self, rows: Iterable[int]) -> bool:
        """Whether one of these rows lies in the container already."""
        find = "SELECT 1 FROM items WHERE id = ? AND start >= 0"
        with self._explained():
            return any(self._db.execute(find, (row,)).fetchone() for row in rows)

    def move_members(self, starts: Iterable[tuple[int, int]]) -> None:
        """(start, row) of members in a new container."""
        with self._explained():
            self._db.executemany("UPDATE items SET start = ? WHERE id = ?", starts)

    def forget_container(self) -> None:
        with self._explained():
            self._db.execute("DELETE FROM items")
