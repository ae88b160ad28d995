"""What commands ask of their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def path(text: str) -> Path:
    if not text:  # of a variable that is not set: it would be the working folder
        raise typer.BadParameter("it is empty")
    return Path(text)


RowsFile = Annotated[
    Path | None,
    typer.Option("--json", parser=path, metavar="PATH", help="Write the rows here too."),
]


def check_writable(**files: Path | None) -> None:
    """Of results, by the names of their options: before minutes of work, not after them."""
    for option, file in files.items():
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            if file.is_dir():
                raise typer.BadParameter(f"--{option}: {file} is a folder; name a file")
