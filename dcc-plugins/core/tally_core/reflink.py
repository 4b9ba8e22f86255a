"""Copies a file: shared blocks where the file system can, else its bytes. Never a hard link."""

from __future__ import annotations

import hashlib
import os
import sys

from .waiting import Stop

FICLONE = 0x40049409
PIECE_BYTES = 1 << 20


def copy_file(source: str, target: str, stop: Stop | None = None) -> str | None:
    """Copies `source` over `target`; answers the SHA-256 of what was copied, None where blocks are shared.

    Raises OSError, CanceledError.
    """
    with open(source, "rb", buffering=0) as read, open(target, "wb", buffering=0) as write:
        if _share_blocks(read.fileno(), write.fileno()):
            return None
        digest = hashlib.sha256()
        buffer = bytearray(PIECE_BYTES)
        view = memoryview(buffer)
        while count := read.readinto(buffer):
            if stop is not None:
                stop.check()
            digest.update(view[:count])
            written = 0
            while written < count:
                written += write.write(view[written:count])
        return digest.hexdigest()


def sha256_of(path: str, stop: Stop | None = None) -> str:
    """The SHA-256 of a file as it is now. Raises OSError, CanceledError."""
    digest = hashlib.sha256()
    buffer = bytearray(PIECE_BYTES)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            if stop is not None:
                stop.check()
            digest.update(view[:count])
    return digest.hexdigest()


def _share_blocks(source: int, target: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import fcntl

    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        # Another disk, or a file system that cannot.
        return False
    os.lseek(target, 0, os.SEEK_END)
    return True
