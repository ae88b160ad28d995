"""The file that all pages of a TIFF read from."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import BinaryIO

from fastcolor.media.codecs._errors import DamagedError


class TiffSource:
    """The bytes of a TIFF, read from any thread."""

    def __init__(self, source: bytes | Path) -> None:
        self.file: BinaryIO = (
            io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")  # noqa: SIM115
        )
        self.size = self.file.seek(0, os.SEEK_END)
        self.lock = threading.Lock()

    def read(self, offset: int, size: int) -> bytes:
        if not 0 <= offset < self.size or size <= 0:
            return b""
        with self.lock:
            try:
                self.file.seek(offset)
                return self.file.read(min(size, self.size - offset))
            except OSError as error:  # of the disk that it lies on
                raise DamagedError(f"the TIFF cannot be read: {error.strerror or error}") from error
