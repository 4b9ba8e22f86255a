"""What is sent: a file that must stay as it was, or bytes in memory. Read in pieces, from any place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import FileChangedError
from .scan import FoundFile

PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Content:
    """Bytes with their hash. Exactly one of `file` and `data` is there."""

    sha256: str
    length: int
    file: FoundFile | None = None
    data: bytes | None = None

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """The bytes of a range, piece by piece. Raises FileChangedError when the file is not what it was."""
        if self.data is not None:
            yield from (
                self.data[at : min(at + PIECE_BYTES, start + length)]
                for at in range(start, start + length, PIECE_BYTES)
            )
            return
        path = self.file.path if self.file else ""
        left = length
        try:
            with open(path, "rb", buffering=0) as source:
                source.seek(start)
                while left > 0:
                    piece = source.read(min(PIECE_BYTES, left))
                    if not piece:
                        raise FileChangedError(path)
                    left -= len(piece)
                    yield piece
        except OSError as error:
            # It was readable a moment ago.
            raise FileChangedError(path) from error

    def range_sha256(self, start: int, length: int) -> str:
        """The hash of a range. Raises FileChangedError."""
        digest = hashlib.sha256()
        for piece in self.read(start, length):
            digest.update(piece)
        return digest.hexdigest()

    def check_same(self) -> None:
        """Raises FileChangedError when the file was touched since it was hashed."""
        if self.file is None:
            return
        try:
            now = os.stat(self.file.path)
        except OSError as error:
            raise FileChangedError(self.file.path) from error
        was = self.file
        if (now.st_size, now.st_mtime_ns, now.st_ino) != (was.bytes, was.mtime_ns, was.inode):
            raise FileChangedError(was.path)

    def check_bytes(self) -> None:
        """Raises FileChangedError when the bytes are no longer those of the hash."""
        self.check_same()
        if self.range_sha256(0, self.length) != self.sha256:
            raise FileChangedError(self.file.path if self.file else "")
