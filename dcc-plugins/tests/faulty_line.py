"""A TCP line to the broker that counts, breaks, and gives answers of its own, as a test tells it."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass


@dataclass
class Answer:
    """Given instead of the broker's to the next request that begins so; then it is used up."""

    request: bytes
    raw: bytes


def refusal(status: str, *headers: str) -> bytes:
    """A whole HTTP answer without a problem document, as a store gives it."""
    return "\r\n".join(
        [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
    ).encode()


class FaultyLine:
    """Listens on a port of its own and passes on what comes, to `target`, which may change."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.up = 0
        self.down = 0
        self.requests: list[str] = []
        self.connections = 0
        # Breaks all connections once so many bytes went by, counted from now; then it holds again.
        self.cut_up: int | None = None
        self.cut_down: int | None = None
        self.answers: list[Answer] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> FaultyLine:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        self._accepting.join(5)

    def reset(self) -> None:
        """Counts from zero."""
        with self._lock:
            self.up = self.down = 0
            self.requests = []

    def cut(self) -> None:
        """Breaks everything that is open."""
        with self._lock:
            sockets = list(self._open)
            self._open.clear()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self.connections += 1
                self._open.update((near, far))
            threading.Thread(target=self._serve, args=(near, far), daemon=True).start()

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        # Closed at once, as programs do: who still sends to a socket that is only shut down waits for ever.
        with near, far:
            down = threading.Thread(target=self._pass, args=(far, near, False), daemon=True)
            down.start()
            self._pass(near, far, True)
            down.join()

    def _pass(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                if is_up and (answer := self._own_answer(data)) is not None:
                    source.sendall(answer)
                    break
                data, is_cut = self._count(data, is_up)
                sink.sendall(data)
                if is_cut:
                    self.cut()
                    break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._open.discard(one)

    def _own_answer(self, data: bytes) -> bytes | None:
        if not data.startswith((b"GET /", b"PUT /", b"POST /", b"DELETE /", b"HEAD /")):
            return None
        with self._lock:
            self.requests.append(data[: data.index(b" HTTP/")].decode() if b" HTTP/" in data else "?")
            for answer in self.answers:
                if data.startswith(answer.request):
                    self.answers.remove(answer)
                    return answer.raw
        return None

    def _count(self, data: bytes, is_up: bool) -> tuple[bytes, bool]:
        """What still goes by, and whether the line breaks after it."""
        with self._lock:
            limit = self.cut_up if is_up else self.cut_down
            if is_up:
                self.up += len(data)
            else:
                self.down += len(data)
            seen = self.up if is_up else self.down
            if limit is None or seen <= limit:
                return data, False
            if is_up:
                self.cut_up = None
            else:
                self.cut_down = None
            return data[: max(0, len(data) - (seen - limit))], True
