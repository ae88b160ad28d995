"""Names of items and of their outputs: which are safe, and what an output is called."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath

JOURNAL_SUFFIX = ".fastcolor.sqlite"  # behind the name of an output, beside it
LONGEST_BYTES = 255  # of one part of a path, on nearly every file system
MOST_SIDECAR = 16 << 20  # bytes; what is called one and is larger is none
PICTURES = {
    "jpg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tiff": (".tif", ".tiff", ".btf", ".tf8"),
    "webp": (".webp",),
    "jp2": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
    "other": (".bmp", ".gif", ".pbm", ".pgm", ".ppm", ".pnm", ".avif", ".heic", ".heif", ".jxl"),
}
PICTURE_SUFFIXES = {suffix for group in PICTURES.values() for suffix in group}
PACKERS = (".gz", ".bz2", ".xz", ".zst")  # of one file each
TARS = (".tar", *(".tar" + p for p in PACKERS), ".tgz", ".tbz2", ".tbz", ".txz", ".tzst")
ARCHIVES = (".zip", ".cbz", *TARS)
SUFFIX_OF = {"jpg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}


def problem(name: str) -> str | None:
    """Why nothing is written under this name (relative, with /); None when all is well."""
    parts = name.split("/")
    if name.startswith("/") or (name[1:3] in (":/", ":\\") and name[0].isalpha()):
        return "its name is an absolute path"
    if ".." in parts:
        return "its name leads out of the archive by '..'"
    if not parts or any(part in ("", ".") for part in parts) or "\0" in name:
        return "its name is not that of a file"
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it, for example with convmv"
    if max(sizes) > LONGEST_BYTES:
        return f"its name has a part of {max(sizes)} bytes, more than {LONGEST_BYTES}"
    return None


def output_name(name: str, format: str) -> str:
    """The output of an item: its own name, or with the suffix of another format."""
    if format == "same" and not name.lower().endswith((*PICTURES["jp2"], ".xmp")):
        return name  # nearly always
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if is_sidecar(name):  # a.tif.xmp goes with a.tif; a.xmp with whatever a picture
        stem = name[: -len(suffix)]
        return (output_name(stem, format) if is_picture(stem) else stem) + path.suffix
    if format == "same":  # JPEG 2000 is read, not written
        return str(path.with_suffix(".tif")) if suffix in PICTURES["jp2"] else name
    if suffix in PICTURES.get(format, ()):
        return name
    if suffix in PICTURE_SUFFIXES:
        return str(path.with_suffix(SUFFIX_OF[format]))
    return name + SUFFIX_OF[format] if suffix == "" else name


def format_of(name: str) -> str:
    """The --format that gives files of this name, "same" where none is needed or known."""
    suffix = PurePosixPath(name).suffix.lower()
    return next((f for f in SUFFIX_OF if suffix in PICTURES[f]), "same")


def folded(name: str) -> str:
    """Equal for names that some file systems take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def printable(name: object) -> str:
    """A name as one line of text without control characters or broken UTF-8."""
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: int, what: str) -> str:
    """1 item, 2 items"""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def archive_stem(path: Path) -> str:
    """box.tar.gz -> box"""
    lower = path.name.lower()
    for suffix in sorted(ARCHIVES, key=len, reverse=True):
        if lower.endswith(suffix) and len(lower) > len(suffix):
            return path.name[: -len(suffix)]
    return path.name


def is_archive(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).lower().endswith(ARCHIVES)


def is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def is_sidecar(name: str) -> bool:
    """What describes a picture and lies beside it."""
    return name.lower().endswith(".xmp") and not name.lower().endswith("/.xmp")


def is_clutter(name: str) -> bool:
    """What systems and programs leave beside pictures: never an item."""
    base = name.rsplit("/", 1)[-1]
    ours = base.startswith(".fastcolor-") and base.endswith((".part", ".whole"))
    return ours or "__MACOSX" in name.split("/")


def tidied(name: str) -> str:
    """A member's name without what says nothing: ./a//b is a/b."""
    if name.startswith("/") or ("./" not in name and "//" not in name):
        return name
    return "/".join(part for part in name.split("/") if part not in ("", "."))
