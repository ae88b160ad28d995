"""Archives told by their content, and tars opened whatever packs them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

from fastcolor.archive.unpack import Streams
from fastcolor.errors import MissingDependencyError
from fastcolor.media import codecs

#: What macOS keeps about a file a/b in a/._b: its first bytes.
APPLE_DOUBLE = (b"\0\5\x16\7", b"\0\5\x16\0")
PACKED = ("gzip", "bzip2", "xz", "zstd")  # of a tar, as codecs.sniff() calls them
NOT_OPENED = {"rar": "RAR", "7z": "7z"}
_MOST_DICTIONARY = 256 << 20  # of xz: that much memory is taken for it
#: Members of office documents, books and programs, which are zip files inside.
_DOCUMENTS = (
    "[Content_Types].xml",
    "mimetype",
    "META-INF/MANIFEST.MF",
    "AndroidManifest.xml",
    "Index/Document.iwa",
)


def kind_of(path: Path) -> str | None:
    """ "zip", "tar" or how something is packed, by content; None for all else."""
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    kind = codecs.sniff(head)
    if kind in ("zip", "tar", *PACKED):
        return kind
    if _is_tar(head):  # older than "ustar"
        return "tar"
    if path.suffix.lower() in (".zip", ".cbz") and zipfile.is_zipfile(path):
        return "zip"  # something is before it: a program that unpacks it, say
    return None


def holds_files(path: Path) -> bool:
    """Whether this is an archive whatever it is called: a tar, packed or not, or a zip that is no
    document."""
    kind = kind_of(path)
    if kind == "zip":
        return not _is_document(path)
    if kind not in PACKED:
        return kind == "tar"
    try:
        with ExitStack() as stack:
            stream = _unpacked(stack.enter_context(path.open("rb")), kind, stack)
            return _is_tar(stream.read(tarfile.BLOCKSIZE))
    except (EOFError, tarfile.TarError, MissingDependencyError):
        return False  # nothing says that there is a tar in it


def is_archive_inside(head: bytes) -> bool:
    """Whether a member that begins like this is an archive, as far as that can be told."""
    kind = codecs.sniff(head)
    return kind == "tar" or (kind == "zip" and not _named_first(head, _DOCUMENTS))


def is_picture_inside(path: Path) -> bool:
    """Whether what is named like an archive is a picture."""
    try:
        with path.open("rb") as file:
            return codecs.sniff(file.read(codecs.HEAD)) in codecs.READ
    except OSError:
        return False


def open_tar(file: IO[bytes], kind: str, stack: ExitStack) -> tarfile.TarFile:
    if kind == "tar":
        return stack.enter_context(tarfile.open(fileobj=file, mode="r:", tarinfo=_Header))
    stream = _unpacked(file, kind, stack)
    return stack.enter_context(tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header))


def goes_on(archive: tarfile.TarFile, most: int) -> bool:
    """Whether another tar follows within so many bytes behind the end that was reached. Reads them
    all: the checksums of what is packed come last."""
    stream: Any = archive.fileobj
    first = b""
    while most > 0 and (piece := stream.read(min(most, 1 << 18))):
        most -= len(piece)
        filled = len(piece) - len(piece.lstrip(b"\0"))
        if not first and filled < len(piece):
            start = filled - filled % tarfile.BLOCKSIZE
            first = piece[start : start + tarfile.BLOCKSIZE]
    return _is_tar(first)


class _Header(tarfile.TarInfo):
    """tarfile takes a damaged header for the end, and what follows for nothing."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _Header:
        errors: Any = tarfile  # whose stubs lack these
        try:
            return super().fromtarfile(tar)
        except errors.InvalidHeaderError as error:
            raise tarfile.ReadError(f"{error}; members may be missing from here on") from error
        except (errors.EmptyHeaderError, errors.TruncatedHeaderError) as error:
            raise tarfile.ReadError("it ends without an end mark, perhaps cut off") from error


def _unpacked(file: IO[bytes], kind: str, stack: ExitStack) -> IO[bytes]:
    """What is packed, a bounded piece at a time."""
    if kind == "gzip":
        stream: Any = stack.enter_context(gzip.GzipFile(fileobj=file))
        return cast(IO[bytes], _Damaged(stream, (zlib.error,)))
    if kind == "bzip2":
        return cast(IO[bytes], _Damaged(Streams(file, bz2.BZ2Decompressor), ()))
    if kind == "xz":
        return cast(IO[bytes], _Damaged(Streams(file, _xz), (lzma.LZMAError,)))
    try:
        import zstandard
    except ImportError as error:
        raise MissingDependencyError(
            "reading .tar.zst needs zstandard: pip install zstandard"
        ) from error
    reader = zstandard.ZstdDecompressor(max_window_size=2**31)
    stream = stack.enter_context(reader.stream_reader(file, read_across_frames=True))
    return cast(IO[bytes], _Damaged(stream, (zstandard.ZstdError,)))


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_DICTIONARY)


class _Damaged:
    """A stream whose damage looks as it does in a tar."""

    def __init__(self, stream: Any, errors: tuple[type[Exception], ...]) -> None:
        self._stream = stream
        self._errors: tuple[type[Exception], ...] = (OSError, *errors)

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
            return data
        except self._errors as error:
            if isinstance(error, OSError) and error.errno:  # of the disk
                raise
            raise tarfile.ReadError(str(error)) from error


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
        return True
    except (tarfile.HeaderError, ValueError):
        return False


def _is_document(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name in archive.NameToInfo for name in _DOCUMENTS)
    except Exception:  # damaged in whatever way: its first member is what is left to look at
        with path.open("rb") as file:
            return _named_first(file.read(codecs.HEAD), _DOCUMENTS)


def _named_first(head: bytes, names: tuple[str, ...]) -> bool:
    """Whether a zip's first member has one of these names."""
    length = int.from_bytes(head[26:28], "little")
    return head[30 : 30 + length].decode("utf-8", "replace") in names
