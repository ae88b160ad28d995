"""What a job is asked to write to, checked before it begins."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from fastcolor.archive import names
from fastcolor.archive.container import CONTAINERS
from fastcolor.archive.errors import JobError
from fastcolor.archive.settings import Settings

PACKED = (".gz", ".tgz", ".bz2", ".xz", ".zst", ".tzst", ".7z", ".rar", ".cbr", ".cbt")
#: Of files that nobody means as a folder's name.
FILES = (".txt", ".pdf", ".html", ".htm", ".csv", ".json", ".xml", ".toml", ".sqlite", ".svg")
MOST_NAME = names.LONGEST_BYTES - len(".fastcolor.sqlite-journal")


def check(output: Path) -> None:
    """JobError where the name asks for something that is not written."""
    suffix = output.suffix.lower()
    if output.is_dir():
        return
    if output.is_symlink() and not output.exists():
        raise JobError(f"the output {output} is a symbolic link that leads nowhere")
    if suffix in PACKED:
        raise JobError(f"{output.name} cannot be written: archives are written as .zip or .tar")
    alike = names.is_picture(output.name) and names.format_of(output.name) == "same"
    if alike or suffix in FILES:
        raise JobError(
            f"{output.name} cannot be written: name a folder, a .zip, a .tar, or for one picture "
            "a .jpg, .png, .tif or .webp"
        )


def journal_name(output: Path) -> str:
    """What is kept about a job lies beside its output; JobError where no name can be made of it."""
    if not output.name:
        raise JobError(f"the output {output} has no name; name a folder in it")
    size = len(os.fsencode(output.name))
    if size > MOST_NAME and not names.is_picture(output.name):
        raise JobError(f"the name of the output has {size} bytes, more than {MOST_NAME}")
    return output.name + names.JOURNAL_SUFFIX


def for_one_picture(output: Path, settings: Settings) -> Settings:
    """The settings with the format that the name of the output says."""
    format = names.format_of(output.name)
    if settings.format not in ("same", format):
        raise JobError(f"{output.name} contradicts --format {settings.format}")
    return replace(settings, format=format)


def check_report(report: Path, output: Path) -> None:
    """Nothing but a report of ours may be replaced, and nothing but a page is written; no folder is
    made for it but that of the output."""
    if report.is_dir() or report.suffix.lower() not in (".html", ".htm"):
        raise JobError(f"the report {report} must be named as a file that ends with .html")
    folder = Path(os.path.abspath(report)).parent
    if folder == output and not folder.exists() and not _is_file_name(output):
        return
    if not folder.is_dir():
        raise JobError(f"cannot write {report}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):  # it is written when all work is done
        raise JobError(f"cannot write {report}: writing there is not allowed")
    if report.exists():
        with report.open("rb") as file:
            if b"<title>fastcolor:" not in file.read(4096):
                raise JobError(f"{report} exists and is no report of fastcolor; name another file")


def _is_file_name(output: Path) -> bool:
    return output.suffix.lower() in CONTAINERS or names.is_picture(output.name)
