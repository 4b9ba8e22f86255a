"""What lies in a folder: every file with size and times, empty folders, and a sentence for each that cannot
be sent.

The same rules, and the same sentences, as container/agent/files/scan.ts.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .waiting import Stop

MOST_FILES = 200_000
# A folder to look into, and the real paths of those above it, itself last.
_Folder = tuple[str, tuple[str, ...]]
_WORDS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EIO: "the disk reports an error",
    errno.ELOOP: "its links lead in a circle",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "it does not exist",
    errno.EMFILE: "too many files are open",
}


@dataclass(frozen=True)
class FoundFile:
    """One file as it was when it was looked at. Times in nanoseconds."""

    path: str
    bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    executable: bool


@dataclass
class Found:
    """`problems` are to be mended first, `notes` are only good to know: one sentence each, with the path."""

    files: list[FoundFile] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scan_folder(root: str, *, roots: Sequence[str] = (), stop: Stop | None = None) -> Found:
    """Looks at everything below a folder; never leaves it, nor the other inputs' `roots`. Raises
    CanceledError.

    Links to files and folders inside are followed and appear under the link's own name.
    """
    found = Found()
    top = os.path.abspath(root)
    try:
        real = os.path.realpath(top, strict=True)
        if not os.path.isdir(real):
            found.problems.append(f"{printable(top)} is not a folder.")
            return found
    except (OSError, ValueError) as error:
        found.problems.append(f"The folder {printable(top)} cannot be read: {reason_of(error)}.")
        return found
    walk = _Walk(top, (real, *(os.path.realpath(one) for one in roots)), found, stop or Stop(), real)
    walk.run()
    found.files.sort(key=lambda one: one.path)
    found.empty_folders.sort()
    found.problems.sort()
    found.notes.sort()
    return found


def stat_files(paths: Iterable[str], stop: Stop | None = None) -> Found:
    """Looks at single files, in their order; links are followed wherever they lead. Raises CanceledError."""
    found = Found()
    for given in paths:
        if stop is not None:
            stop.check()
        path = os.path.abspath(given)
        shown = printable(path)
        try:
            state = os.stat(path)
        except (OSError, ValueError) as error:
            is_gone = isinstance(error, FileNotFoundError)
            found.problems.append(
                f"The file {shown} does not exist."
                if is_gone
                else f"The file {shown} cannot be read: {reason_of(error)}."
            )
            continue
        if stat.S_ISDIR(state.st_mode):
            found.problems.append(f"{shown} is a folder, not a file.")
        elif not stat.S_ISREG(state.st_mode):
            found.problems.append(f"{shown} is not a file: {_kind(state)}.")
        elif not _is_text(path):
            found.problems.append(_not_text(path))
        else:
            _add_readable(found, path, state)
    return found


def found_file(path: str, state: os.stat_result) -> FoundFile:
    """What is remembered of a file."""
    can_run = sys.platform != "win32" and bool(state.st_mode & 0o111)
    return FoundFile(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, can_run)


def printable(path: str) -> str:
    """A path in letters that can be shown: bytes that are no UTF-8 appear as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace") if not _is_text(path) else path


def reason_of(error: Exception) -> str:
    """The reason of a failed file operation in a few words."""
    code = error.errno if isinstance(error, OSError) else None
    if code is None:
        return str(error)
    return _WORDS.get(code) or errno.errorcode.get(code, str(error))


class _Walk:
    """Folders are read as they are found, until none is left."""

    def __init__(self, root: str, inside: Sequence[str], found: Found, stop: Stop, real: str) -> None:
        self._root = root
        self._inside = inside
        self._found = found
        self._stop = stop
        self._queue: deque[_Folder] = deque([(root, (real,))])
        self._folders = 1

    def run(self) -> None:
        while self._queue:
            self._stop.check()
            self._read(*self._queue.popleft())
            if len(self._found.files) > MOST_FILES or self._folders > MOST_FILES:
                self._found.problems.append(
                    f"{self._root} holds more than {MOST_FILES:,} files or folders. Name a smaller folder."
                )
                return

    def _read(self, folder: str, real: tuple[str, ...]) -> None:
        problems = self._found.problems
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            problems.append(f"The folder {folder} cannot be read: {reason_of(error)}.")
            return
        if not entries:
            self._found.empty_folders.append(folder)
        names: list[str] = []
        for entry in entries:
            if not _is_text(entry.name):
                problems.append(_not_text(entry.path))
                continue
            names.append(entry.name)
            try:
                self._look(entry, real)
            except FileNotFoundError:
                # Removed since the folder was read: not there, then.
                continue
            except OSError as error:
                problems.append(f"{entry.path} cannot be read: {reason_of(error)}.")
        _note_same_but_case(self._found, folder, names)

    def _look(self, entry: os.DirEntry[str], real: tuple[str, ...]) -> None:
        if entry.is_symlink():
            self._follow(entry.path, real)
        elif entry.is_dir(follow_symlinks=False):
            self._enter(entry.path, real, os.path.join(real[-1], entry.name))
        else:
            # On Windows an entry does not know its inode.
            self._add(entry.path, os.stat(entry.path) if sys.platform == "win32" else entry.stat())

    def _add(self, path: str, state: os.stat_result) -> None:
        if stat.S_ISREG(state.st_mode):
            _add_readable(self._found, path, state)
        else:
            self._found.problems.append(f"{path} is not a file: {_kind(state)}. Move it out of the folder.")

    def _follow(self, path: str, real: tuple[str, ...]) -> None:
        """A link: what it leads to appears under the link's own name, when it lies inside."""
        problems = self._found.problems
        try:
            target = os.path.realpath(path, strict=True)
        except OSError as error:
            problems.append(
                f"{path} is a link that leads in a circle."
                if error.errno == errno.ELOOP
                else f"{path} is a link to something that is not there."
            )
            return
        if not any(_is_inside(root, target) for root in self._inside):
            problems.append(
                f"{path} links to {printable(target)}, outside of {self._root}: "
                "add that folder as an input of its own, or put the files in its place."
            )
            return
        state = os.stat(target)
        if not stat.S_ISDIR(state.st_mode):
            self._add(path, state)
        elif any(_is_inside(target, above) for above in real):
            problems.append(
                f"{path} is a link that leads back to {target}, which holds it: a circle. Remove the link."
            )
        else:
            self._enter(path, real, target)

    def _enter(self, path: str, above: tuple[str, ...], real: str) -> None:
        """A folder to look into later, unless there are too many already."""
        if self._folders < MOST_FILES:
            self._queue.append((path, (*above, real)))
        self._folders += 1


def _add_readable(found: Found, path: str, state: os.stat_result) -> None:
    # The system is asked only where the file's own bits do not say so already.
    if sys.platform == "win32" or state.st_mode & 0o004 or os.access(path, os.R_OK):
        found.files.append(found_file(path, state))
    else:
        found.problems.append(f"The file {path} cannot be read: permission denied.")


def _is_inside(root: str, path: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _kind(state: os.stat_result) -> str:
    if stat.S_ISFIFO(state.st_mode):
        return "it is a pipe"
    return "it is a socket" if stat.S_ISSOCK(state.st_mode) else "it is a device"


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _not_text(path: str) -> str:
    return f"The name of {printable(path)} is not UTF-8, so that it cannot be sent. Give it another name."


def _note_same_but_case(found: Found, folder: str, names: Sequence[str]) -> None:
    """Names that are two here are one on Windows and macOS."""
    seen: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFC", name).lower()
        other = seen.setdefault(folded, name)
        if other != name:
            found.notes.append(
                f"{os.path.join(folder, other)} and {name} differ only by case: "
                "on Windows and macOS they would be one file."
            )
