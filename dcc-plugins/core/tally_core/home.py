"""One file on its way home: temporary name beside its place, checked, flushed, renamed. Never a hard link.

Blender overwrites in place, and a later render would change a file that is kept elsewhere. The rules are
written down in test/vectors/README.md and are the same as in broker/home/.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .errors import CanceledError, TallyError
from .reflink import copy_file, sha256_of
from .waiting import Stop

Conflict = Literal["overwrite", "skip"]


@dataclass(frozen=True)
class Homecoming:
    """A file and its place: full name, size, hash, and what happens when another file lies there."""

    id: str
    name: str
    bytes: int
    sha256: str
    conflict: Conflict = "overwrite"
    executable: bool = False


@dataclass(frozen=True)
class LocalFile:
    """A source on this machine. With `move` it may be gone afterwards; else it stays as it is."""

    path: str
    move: bool = False


@dataclass(frozen=True)
class HomeResult:
    """How it ended; `problem` is a plain sentence where it failed."""

    kind: Literal["delivered", "skipped", "failed"]
    problem: str | None = None


# Writes the file to the path it is given, which may hold the beginning of an earlier try. Raises TallyError
# or OSError.
Fetch = Callable[[str], None]


class _WrongError(Exception):
    """What arrived is not the file."""


def temporary_name(file: Homecoming) -> str:
    """Where a file lies while it is not whole."""
    folder, name = os.path.split(file.name)
    # File systems count bytes, not characters.
    start = name.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore")
    return os.path.join(folder, f".{start}.tally-{file.id}.tmp")


def bring_home(file: Homecoming, source: LocalFile | Fetch, stop: Stop | None = None) -> HomeResult:
    """Puts a file where it belongs. Doing it again after a cut at any point ends the same. Raises
    CanceledError alone.

    A canceled fetch leaves its temporary, which the next try goes on with.
    """
    temporary = temporary_name(file)
    try:
        if not os.path.isabs(file.name) or os.path.normpath(file.name) != file.name or "\0" in file.name:
            raise _WrongError("that is not the full name of a file on this machine")
        there = _state(file.name)
        if there is not None and stat.S_ISDIR(there.st_mode):
            return _failed(file, _words(IsADirectoryError(errno.EISDIR, "")))
        if there is not None and there.st_size == file.bytes and sha256_of(file.name, stop) == file.sha256:
            # This very file, perhaps renamed right before a crash: flushed once more, then it is home.
            _flush(file.name)
            _flush_folder(os.path.dirname(file.name))
            _remove(temporary)
            return HomeResult("delivered")
        if there is not None and file.conflict == "skip":
            _remove(temporary)
            return HomeResult("skipped")
        os.makedirs(os.path.dirname(file.name), exist_ok=True)
        if not _fits(temporary, file, stop):
            _obtain(file, source, temporary, stop)
        if file.executable and sys.platform != "win32":
            mode = stat.S_IMODE(os.stat(temporary).st_mode)
            # Whoever may read it may run it.
            os.chmod(temporary, mode | (mode & 0o444) >> 2)
        _flush(temporary)
        os.replace(temporary, file.name)
        _flush_folder(os.path.dirname(file.name))
        return HomeResult("delivered")
    except CanceledError:
        raise
    except (_WrongError, TallyError, OSError, ValueError) as error:
        # Where the only copy was moved there, it waits for the next try.
        if not (isinstance(source, LocalFile) and source.move and _state(source.path) is None):
            _remove(temporary)
        return _failed(file, _words(error))


def _obtain(file: Homecoming, source: LocalFile | Fetch, temporary: str, stop: Stop | None) -> None:
    """Puts the file under its temporary name and checks it."""
    if not isinstance(source, LocalFile):
        there = _state(temporary)
        if there is not None and there.st_size >= file.bytes:
            _remove(temporary)
        source(temporary)
        _check_size(file, temporary)
        _check_hash(file, sha256_of(temporary, stop))
        return
    if _state(source.path) is None:
        raise _WrongError(
            "it is no longer where the worker left it. Render the frame again with `tally requeue`"
        )
    _check_size(file, source.path)
    if source.move:
        _check_hash(file, sha256_of(source.path, stop))
        try:
            os.replace(source.path, temporary)
            return
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
    copied = copy_file(source.path, temporary, stop)
    _check_size(file, temporary)
    _check_hash(file, copied or sha256_of(temporary, stop))


def _check_size(file: Homecoming, path: str) -> None:
    size = os.stat(path).st_size
    if size != file.bytes:
        raise _WrongError(
            f"it has {size} bytes where the worker wrote {file.bytes}. "
            "Render the frame again with `tally requeue`"
        )


def _check_hash(file: Homecoming, sha256: str) -> None:
    if sha256 != file.sha256:
        raise _WrongError(
            "it has other bytes than the worker wrote. Render the frame again with `tally requeue`"
        )


def _fits(temporary: str, file: Homecoming, stop: Stop | None) -> bool:
    there = _state(temporary)
    return there is not None and there.st_size == file.bytes and sha256_of(temporary, stop) == file.sha256


def _state(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _remove(path: str) -> None:
    # Not there; or what kept the file from its place keeps this one too.
    with contextlib.suppress(OSError):
        os.remove(path)


def _flush(path: str) -> None:
    # Windows flushes only what is open for writing.
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM):
            raise
    finally:
        os.close(handle)


def _flush_folder(path: str) -> None:
    # Windows cannot open a folder; a rename there is durable enough without.
    if sys.platform != "win32":
        _flush(path)


def _failed(file: Homecoming, why: str) -> HomeResult:
    return HomeResult(
        "failed",
        f"{file.name} could not be put in its place: {why}. The frame itself is done and kept by the broker.",
    )


def _words(error: Exception) -> str:
    if isinstance(error, TallyError):
        return error.detail.rstrip(".")
    if not isinstance(error, OSError):
        return str(error)
    code = error.errno
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full. Free some space and do it again"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "that folder cannot be written. Change its permissions and do it again"
    if code in (errno.ENOTDIR, errno.EEXIST):
        return "a file stands where its folder should be. Move that file away and do it again"
    if code == errno.ENOENT:
        return "no folder can be made there. Choose another folder"
    if code == errno.EISDIR:
        return "a folder has that name. Move it away and do it again"
    if code == errno.ENAMETOOLONG:
        return "that name is too long for the disk. Choose another folder"
    return f"{error.strerror or error}. Mend that and do it again"
