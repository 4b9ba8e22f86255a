"""Remembers the SHA-256 of files that did not change, in one small database shared with the command line."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Sequence

from .scan import FoundFile

TABLE = """CREATE TABLE IF NOT EXISTS hashes (
  path TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  used_at INTEGER NOT NULL
) WITHOUT ROWID"""
DAY_MS = 86_400_000
RACY_NS = 2_000_000_000
LARGEST = (1 << 63) - 1


def default_path() -> str:
    """Where the cache lies unless somebody says otherwise: beside the caches of other programs."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(folder, "tally", "hashes.db")


class HashCache:
    """A hash counts for a path with the same size, modification time and inode. Safe to use from many
    threads.

    It only saves time: when the file cannot be opened, is broken or busy, everything is hashed anew.
    """

    def __init__(self, path: str | None = None, timeout_s: float = 3.0) -> None:
        self.path = path or default_path()
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._db = self._open()

    def look_up(self, files: Sequence[FoundFile]) -> list[str | None]:
        """The hashes that are known, in the order of `files`."""
        known: list[str | None] = [None] * len(files)
        if self._db is None:
            return known
        now = int(time.time() * 1000)
        stale: list[tuple[int, str]] = []
        with self._lock:
            try:
                ask = self._db.cursor()
                for index, one in enumerate(files):
                    row = ask.execute(
                        "SELECT bytes, mtime_ns, inode, sha256, used_at FROM hashes WHERE path = ?",
                        (one.path,),
                    ).fetchone()
                    if row is None or row[:3] != (one.bytes, one.mtime_ns, one.inode):
                        continue
                    known[index] = bytes(row[3]).hex()
                    if row[4] < now - DAY_MS:
                        stale.append((now, one.path))
                if stale:
                    with self._db:
                        self._db.execute("BEGIN IMMEDIATE")
                        self._db.executemany("UPDATE hashes SET used_at = ? WHERE path = ?", stale)
            except sqlite3.Error:
                # Somebody else holds it, or it broke meanwhile: what was found counts.
                pass
        return known

    def remember(self, entries: Sequence[tuple[FoundFile, str]]) -> None:
        """Keeps hashes, all in one transaction.

        A file that was changed within the last two seconds is left out: it could change again within one tick
        of the file system's clock and look the same.
        """
        if self._db is None:
            return
        now_ns = time.time_ns()
        rows = [
            (one.path, one.bytes, one.mtime_ns, one.inode, bytes.fromhex(sha256), now_ns // 1_000_000)
            for one, sha256 in entries
            if max(one.mtime_ns, one.ctime_ns) < now_ns - RACY_NS and one.inode <= LARGEST
        ]
        if not rows:
            return
        with self._lock:
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._db.executemany(
                        "INSERT OR REPLACE INTO hashes (path, bytes, mtime_ns, inode, sha256, used_at) "
                        "VALUES (?, ?, ?, ?, ?, ?)",
                        rows,
                    )
            except (sqlite3.Error, OverflowError):
                # It only saves time, the next one will.
                pass

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _open(self) -> sqlite3.Connection | None:
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        except OSError:
            return None
        for attempt in range(2):
            db: sqlite3.Connection | None = None
            try:
                db = sqlite3.connect(
                    self.path, timeout=self._timeout_s, isolation_level=None, check_same_thread=False
                )
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                db.execute(TABLE)
                db.execute(
                    "SELECT path, bytes, mtime_ns, inode, sha256, used_at FROM hashes LIMIT 1"
                ).fetchone()
                return db
            except sqlite3.Error as error:
                if db is not None:
                    db.close()
                if attempt > 0 or not _is_broken(error):
                    return None
                self._move_aside()
        return None

    def _move_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.replace(self.path + suffix, f"{self.path}.broken{suffix}")


def _is_broken(error: sqlite3.Error) -> bool:
    words = str(error)
    return "not a database" in words or "disk image is malformed" in words
