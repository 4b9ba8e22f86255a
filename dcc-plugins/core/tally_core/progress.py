"""How far hashing, sending or fetching is, and how long it will still take."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Progress:
    """Files and bytes that are done, of how many."""

    done_files: int
    done_bytes: int
    total_files: int
    total_bytes: int


Report = Callable[[Progress], None]


class Counter:
    """Counts what many threads do and tells one listener, one call at a time."""

    def __init__(self, total_files: int, total_bytes: int, report: Report | None = None) -> None:
        self._lock = threading.Lock()
        self._report = report
        self._now = Progress(0, 0, total_files, total_bytes)

    def add(self, files: int = 0, length: int = 0) -> None:
        """So many more files and bytes are done; negative where they must be done again."""
        with self._lock:
            now = self._now
            self._now = replace(now, done_files=now.done_files + files, done_bytes=now.done_bytes + length)
            if self._report is not None:
                self._report(self._now)

    @property
    def now(self) -> Progress:
        """How far it is."""
        with self._lock:
            return self._now


class Rate:
    """Bytes a second over the last ten seconds, and the seconds that are left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, window_s: float = 10.0) -> None:
        self._clock = clock
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, progress: Progress) -> tuple[float, float | None]:
        """(bytes a second, seconds left); None while nothing moves."""
        now = self._clock()
        self._seen.append((now, progress.done_bytes))
        while len(self._seen) > 2 and self._seen[1][0] <= now - self._window_s:
            self._seen.popleft()
        then, before = self._seen[0]
        if now <= then:
            return 0.0, None
        rate = max(0.0, (progress.done_bytes - before) / (now - then))
        left = max(0, progress.total_bytes - progress.done_bytes)
        return rate, left / rate if rate > 0 else (0.0 if left == 0 else None)
