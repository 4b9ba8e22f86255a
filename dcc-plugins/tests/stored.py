"""Files for the tests of transfers, and a look at whether they are all in the store."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tally_core.client import Client
from tally_core.content import Content
from tally_core.download import fetch_blobs
from tally_core.hashing import hash_files
from tally_core.scan import FoundFile, scan_folder
from tally_core.upload import missing_of

MIB = 1 << 20
Hashed = list[tuple[FoundFile, str]]


def hashed(folder: Path) -> Hashed:
    result = hash_files(scan_folder(str(folder)).files)
    return list(zip(result.files, result.sha256s, strict=True))


def contents(files: Hashed) -> list[Content]:
    return [Content(sha256, one.bytes, file=one) for one, sha256 in files]


def check_stored(client: Client, files: Hashed, folder: Path) -> None:
    """Everything is in the store, byte by byte."""
    assert missing_of(client, contents(files)) == []
    fetch_blobs(client, [(sha256, one.bytes) for one, sha256 in files], lambda sha256: str(folder / sha256))
    check_folder(folder, files)


def check_folder(folder: Path, files: Hashed) -> None:
    """Nothing half-written is visible under its final name, and nothing is left over."""
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted({sha256 for _, sha256 in files})
    for name in names:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == name


def make_mixed(folder: Path) -> Hashed:
    """Small files, one of no bytes, one that is sent whole, one in parts."""
    (folder / "small").mkdir(parents=True)
    for index in range(40):
        (folder / "small" / f"{index}.txt").write_bytes(os.urandom(5000))
    (folder / "empty").write_bytes(b"")
    (folder / "texture.tif").write_bytes(os.urandom(3 * MIB))
    (folder / "cache.vdb").write_bytes(os.urandom(18 * MIB + 5))
    return hashed(folder)
