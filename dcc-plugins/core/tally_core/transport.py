"""HTTP over the standard library: kept connections, no proxy for this machine, bodies that stream."""

from __future__ import annotations

import http.client
import selectors
import ssl
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import UnreachableError

Body = bytes | Iterable[bytes]
TIMEOUT_S = 120.0
IDLE_KEPT = 8


class Reply:
    """An answer whose body is still to be read. Use it as a context: its connection goes back afterwards."""

    def __init__(
        self, pool: Transport, key: tuple[str, str], url: str, raw: http.client.HTTPResponse
    ) -> None:
        self._raw = raw
        self._pool = pool
        self._key = key
        self._url = url
        self.connection: http.client.HTTPConnection | None = None
        self.status = raw.status
        self.reason = raw.reason
        self.headers = raw.headers

    def read(self, amount: int | None = None) -> bytes:
        """Reads so many bytes, fewer only at the end; raises UnreachableError when the connection breaks."""
        try:
            return self._raw.read() if amount is None else self._raw.read(amount)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(self._url) from error

    @property
    def is_whole(self) -> bool:
        """Whether everything that was announced has arrived."""
        return self._raw.isclosed() and not self._raw.length

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if self.is_whole and not self._raw.will_close:
            self._pool.keep(self._key, connection)
        else:
            connection.close()


class Transport:
    """Sends requests; safe to use from many threads. Redirects are not followed: a token must not travel."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self.timeout_s = timeout_s
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Reply:
        """Sends one request and waits for the head of its answer. Raises UnreachableError.

        A body that is not bytes is read once; the caller gives its `content-length`. An answer that comes
        before the body is through is the answer: the store has seen enough.
        """
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        kept = self._take(key)
        if kept is not None:
            try:
                return self._on(kept, parts, method, url, headers, body, timeout_s)
            except UnreachableError as error:
                # It was closed in this very moment. A body that is used up cannot be sent again, and after a
                # time-out the broker may well be at work on it.
                if isinstance(error.__cause__, TimeoutError) or not (body is None or isinstance(body, bytes)):
                    raise
        return self._on(self._open(parts), parts, method, url, headers, body, timeout_s)

    def _on(
        self,
        connection: http.client.HTTPConnection,
        parts: SplitResult,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        timeout_s: float | None,
    ) -> Reply:
        target = (
            url
            if getattr(connection, "tally_absolute", False)
            else parts._replace(scheme="", netloc="").geturl()
        )
        connection.timeout = timeout_s or self.timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        try:
            with _closing_on_error(connection):
                try:
                    connection.request(method, target or "/", body=body, headers=dict(headers))
                except (BrokenPipeError, ConnectionResetError):
                    # It may have answered and closed before it had read all: a refusal is better than "no
                    # answer".
                    if connection.sock is None:
                        raise
                reply = Reply(self, (parts.scheme, parts.netloc), url, connection.getresponse())
                reply.connection = connection
                return reply
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"{parts.scheme}://{parts.netloc}") from error

    def keep(self, key: tuple[str, str], connection: http.client.HTTPConnection) -> None:
        """Takes a connection back whose answer was read to its end."""
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if len(idle) < IDLE_KEPT:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Closes what is kept; the next request opens anew."""
        with self._lock:
            idle = [one for many in self._idle.values() for one in many]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self, key: tuple[str, str]) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                idle = self._idle.get(key)
                connection = idle.pop() if idle else None
            if connection is None or not _was_closed(connection):
                return connection
            connection.close()

    def _open(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        proxy = None if is_this_machine(host) else _proxy_for(parts)
        if parts.scheme == "https":
            if proxy is None:
                return http.client.HTTPSConnection(
                    host, parts.port, timeout=self.timeout_s, context=self._context()
                )
            tunnel = http.client.HTTPSConnection(
                proxy.hostname or "", proxy.port, timeout=self.timeout_s, context=self._context()
            )
            tunnel.set_tunnel(host, parts.port or 443, _proxy_login(proxy))
            return tunnel
        if proxy is None:
            return http.client.HTTPConnection(host, parts.port, timeout=self.timeout_s)
        plain = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=self.timeout_s)
        # Such a proxy is told the whole address.
        plain.tally_absolute = True  # type: ignore[attr-defined]
        return plain

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=_certificates())
        return self._tls


def is_this_machine(host: str) -> bool:
    """Whether a host name is this machine's own loopback."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """An idle connection has nothing to say: what can be read is its end."""
    if connection.sock is None:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


@contextmanager
def _closing_on_error(connection: http.client.HTTPConnection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _proxy_for(parts: SplitResult) -> SplitResult | None:
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy is None or urllib.request.proxy_bypass(parts.netloc):
        return None
    return urlsplit(proxy if "//" in proxy else f"http://{proxy}")


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    import base64

    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"proxy-authorization": "Basic " + base64.b64encode(login.encode()).decode()}


def _certificates() -> str | None:
    """Official Blender builds bring certifi along, and may not find the system's own certificates."""
    try:
        import certifi  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    return str(certifi.where())
