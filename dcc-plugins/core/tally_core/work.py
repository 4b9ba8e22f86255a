"""Runs pieces of work on a few threads; a piece may answer with further pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from .waiting import Stop

# A piece answers with those that come next: a recursive type, which mypy does not know.
Piece = Callable[[], Any]


def run_pieces(pieces: Iterable[Piece], parallel: int, stop: Stop) -> None:
    """Runs all pieces and those that they answer with (a list, or None); follow-ups come first.

    The first error ends it: `stop` is set, the others end at their next look at it, and the error is raised
    once all threads are done. Nothing runs any more when this returns. Pieces are taken as threads get free,
    so that a long list made by a generator is never held as a whole.
    """
    waiting: deque[Piece] = deque()
    more = iter(pieces)
    running: set[Future[Any]] = set()
    failure: BaseException | None = None
    with ThreadPoolExecutor(max(1, parallel), "tally-work") as pool:
        try:
            while True:
                while len(running) < parallel:
                    piece = waiting.popleft() if waiting else next(more, None)
                    if piece is None:
                        break
                    running.add(pool.submit(piece))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    waiting.extendleft(reversed(future.result() or []))
                stop.check()
        except BaseException as error:
            failure = error
            stop.set()
            for future in running:
                future.cancel()
    if failure is not None:
        raise failure
