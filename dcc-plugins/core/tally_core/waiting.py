"""Stopping and trying again: a stop sign that many threads look at, and patience with what passes."""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import TypeVar

from .errors import CanceledError, TallyError

T = TypeVar("T")
LONGEST_PAUSE_S = 15.0
LONGEST_WISH_S = 120.0


class Stop:
    """Asks running work to stop; safe to set from any thread. One with a parent stops with it, not the other
    way.
    """

    def __init__(self, parent: Stop | None = None) -> None:
        self._event = threading.Event()
        self._children: weakref.WeakSet[Stop] = weakref.WeakSet()
        if parent is not None:
            parent._children.add(self)
            if parent.is_set:
                self._event.set()

    def set(self) -> None:
        """Asks everything that was given this sign to stop."""
        self._event.set()
        for child in list(self._children):
            child.set()

    @property
    def is_set(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises CanceledError once somebody asked."""
        if self._event.is_set():
            raise CanceledError

    def pause(self, seconds: float) -> None:
        """Waits so long, or raises CanceledError as soon as somebody asks."""
        if self._event.wait(seconds):
            raise CanceledError


class Patience:
    """How long a broker or a store that does not answer is asked again.

    `limit_s` counts from the last sign of progress, so a slow upload over a bad line is never given up while
    it still moves. A wish in Retry-After is honoured, up to two minutes.
    """

    def __init__(self, limit_s: float = 300.0, stop: Stop | None = None) -> None:
        self.limit_s = limit_s
        self.stop = stop or Stop()
        self._lock = threading.Lock()
        self._moved_at = time.monotonic()

    def moved(self) -> None:
        """Something went forward: the limit counts from now."""
        with self._lock:
            self._moved_at = time.monotonic()

    def left(self) -> float:
        """Seconds until the limit, never below zero."""
        with self._lock:
            return max(0.0, self._moved_at + self.limit_s - time.monotonic())

    def wait(self, failures: int, error: TallyError) -> None:
        """Waits after so many failures in a row; raises `error` when it does not pass or the limit is
        reached.
        """
        self.stop.check()
        if not error.is_passing:
            raise error
        wish = min(error.retry_after or 0.0, LONGEST_WISH_S)
        pause = max(wish, min(LONGEST_PAUSE_S, 0.2 * 2.0 ** min(failures, 10)) * (0.5 + random.random() / 2))
        if pause > self.left():
            raise error
        self.stop.pause(pause)

    def run(self, action: Callable[[], T]) -> T:
        """Does `action` until it succeeds or fails for good. Only for what may be done twice."""
        failures = 0
        while True:
            self.stop.check()
            try:
                result = action()
            except TallyError as error:
                self.wait(failures, error)
                failures += 1
            else:
                self.moved()
                return result
