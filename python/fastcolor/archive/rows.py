"""Items as rows of the journal: how they are stored, and when one is another."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastcolor.archive.item import Item
from fastcolor.archive.names import folded

_MOST_INTEGER = (1 << 63) - 1
Row = sqlite3.Row | Mapping[str, Any]


def stored(item: Item) -> Item:
    """As SQLite takes it: whole numbers have 64 bits there, and text is UTF-8."""
    size, mtime_ns = (
        max(-_MOST_INTEGER, min(n, _MOST_INTEGER)) for n in (item.size, item.mtime_ns)
    )
    path, member = storable(item.path), storable(item.member)
    if (path, member, size, mtime_ns) == (item.path, item.member, item.size, item.mtime_ns):
        return item  # nearly always
    return replace(item, path=path, member=member, size=size, mtime_ns=mtime_ns)


def storable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def key_without_name(row: Row) -> str:
    """The key of an item that has no output."""
    return f"?/{row['path']}/{row['position']}/{row['member']}"


def same_source(row: Row, item: Item) -> bool:
    return (row["path"], row["member"]) == (item.path, item.member)


def same_place(row: Row, item: Item) -> bool:
    return same_source(row, item) and bool(row["position"] == item.position)


def is_still_there(row: Row, item: Item) -> bool:
    """Whether what a row was made of lies where it lay, so that the item is another one."""
    try:
        return row["member"] != item.member or not os.path.samefile(row["path"], item.path)
    except OSError:  # it was moved, and is met again here
        return False


def collision(name: str, row: Row) -> str:
    origin = f"{row['path']}: {row['member']}" if row["member"] else row["path"]
    if row["name"] == name or folded(row["name"]) != folded(name):
        return f"its output {row['name']} is already that of {origin}; rename one of them"
    return (
        f"its output {name} differs from {row['name']} of {origin} only in letter case "
        "or in how Unicode spells it, which some file systems take for one name"
    )
