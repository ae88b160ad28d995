"""Telling formats apart by content; names and suffixes are never looked at."""

from __future__ import annotations

HEAD = 264  #: bytes that sniff() wants to see


def sniff(head: bytes) -> str | None:
    """The format of a file that begins like this: one that open_document() reads, or one it names.

    "jpeg", "png", "tiff", "webp" and "jp2" (JPEG 2000, boxed or not) are read. "gif", "bmp",
    "heif", "jxl", "pdf", "psd", "zip", "gzip", "bzip2", "xz", "zstd", "rar", "7z" and "tar" are
    recognised only. Else None.
    """
    if head[257:262] == b"ustar":  # first: a tar begins with the name of its first member
        return "tar"
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "heif"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    return None


_STARTS = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\x0a", "jxl"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"%PDF", "pdf"),
    (b"8BPS", "psd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)
READ = ("jpeg", "png", "tiff", "webp", "jp2")
