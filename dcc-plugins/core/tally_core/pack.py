"""Small files sent together: one stream of records, written alike by TypeScript and Python.

"TALLYPK1", then for each file its SHA-256 (32 bytes), its length (8 bytes, big-endian) and its bytes; at the
end a record whose hash is 32 zero bytes and whose length is the number of files. A pack without it was cut.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

MAGIC = b"TALLYPK1"
HEAD_BYTES = 40
NO_HASH = bytes(32)


class PackError(ValueError):
    """The stream is not a pack, or was cut off."""


def pack_head(sha256: str, length: int) -> bytes:
    """What stands before a file's bytes."""
    return bytes.fromhex(sha256) + struct.pack(">Q", length)


def pack_end(files: int) -> bytes:
    """What stands after the last file."""
    return NO_HASH + struct.pack(">Q", files)


def read_pack(read: Callable[[int], bytes], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yields (sha256, data) of each file as soon as it is here: what came before a cut counts.

    `read(n)` answers at most n bytes, none at the end. Hashes are the reader's to check. Raises PackError
    when it is no pack, is cut off, or a file is longer than `max_bytes`.
    """
    if _exactly(read, len(MAGIC)) != MAGIC:
        raise PackError("These bytes are not a pack of files.")
    files = 0
    while True:
        head = _exactly(read, HEAD_BYTES)
        if head is None:
            raise PackError("The pack was cut off.")
        (length,) = struct.unpack(">Q", head[32:])
        if head[:32] == NO_HASH:
            if length != files:
                raise PackError("The pack was cut off.")
            return
        if length > max_bytes:
            raise PackError("A file in the pack is too long for one.")
        data = _exactly(read, length)
        if data is None:
            raise PackError("The pack was cut off.")
        yield head[:32].hex(), data
        files += 1


def _exactly(read: Callable[[int], bytes], length: int) -> bytes | None:
    held = bytearray()
    while len(held) < length:
        more = read(length - len(held))
        if not more:
            return None
        held += more
    return bytes(held)
