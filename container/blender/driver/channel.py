"""How the driver speaks to the program that started it: lines on its standard output, commands on its input.

Blender's own log and our messages share one pipe on purpose: then their order is certain, and a renderer's
last words before a frame ends are always read before the end itself. A secret word keeps a scene's own
`print` from passing for a message.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Writes up to this size reach a pipe in one piece on every POSIX system.
MESSAGE_LIMIT = 4000


@dataclass(frozen=True)
class Channel:
    """One end of the conversation; `word` marks our lines."""

    word: str

    def send(self, **message: Any) -> None:
        """Sends one message, after everything Blender has printed so far."""
        flush_everything()
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        encoded = body.encode("utf-8", "surrogateescape")
        if len(encoded) > MESSAGE_LIMIT and "reason" in message:
            message["reason"] = str(message["reason"])[:1500] + " …"
            encoded = json.dumps(message, separators=(",", ":")).encode("utf-8")
        os.write(1, b"\x1e" + self.word.encode("ascii") + b" " + encoded + b"\n")

    def commands(self) -> Iterator[dict[str, Any]]:
        """Yields one command per input line, and ends when the other side is gone."""
        for line in sys.stdin:
            if line.strip():
                yield json.loads(line)


def open_channel() -> Channel:
    """Joins the error stream to the output, so that one pipe carries everything in order."""
    flush_everything()
    os.dup2(1, 2)
    return Channel(os.environ.pop("TALLY_DRIVER_WORD"))


def flush_everything() -> None:
    """Pushes Python's and C's buffers out; Blender prints through C."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
