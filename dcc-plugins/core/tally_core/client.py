"""Calls the broker's HTTP API: JSON in and out, bytes both ways, refusals as TallyError."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from .connection import Connection, find_broker
from .errors import TallyError
from .transport import Body, Reply, Transport
from .waiting import Patience

Query = Mapping[str, str | int | float | bool | None]


class Client:
    """One broker and one person's token. Safe to use from many threads; `close` it when done."""

    def __init__(self, connection: Connection | None = None, transport: Transport | None = None) -> None:
        found = connection or find_broker()
        self.url = found.url
        self._token = found.token
        self.transport = transport or Transport()

    def close(self) -> None:
        """Closes the connections that are kept."""
        self.transport.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """One call, JSON in and out; None where the answer has no body. Raises TallyError.

        `patience`: tries again what passes; only for calls that may be made twice (all of the API's may: give
        a submit its `idempotency-key`).
        """
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        more = {**(headers or {}), **({} if sent is None else {"content-type": "application/json"})}

        def once() -> Any:
            with self.open(method, path, sent, query=query, headers=more, timeout_s=timeout_s) as reply:
                text = reply.read()
                if reply.status == 204 or method == "HEAD":
                    return None
                try:
                    return json.loads(text)
                except ValueError as error:
                    raise TallyError(
                        "unreachable", f"What answers at {self.url} is not Tally, or its answer was cut off."
                    ) from error

        return once() if patience is None else patience.run(once)

    def open(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """One call with the raw answer, to be used as a context. Raises TallyError unless its status is one
        of 2xx.
        """
        all_headers = {
            "authorization": f"Bearer {self._token}",
            "accept": "application/json, */*",
            **(headers or {}),
        }
        if body is not None and "content-type" not in all_headers:
            all_headers["content-type"] = "application/octet-stream"
        return self._checked(
            self.transport.send(
                method, self.url + path + _query(query), all_headers, body, timeout_s=timeout_s
            )
        )

    def open_signed(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None
    ) -> Reply:
        """A request to a signed address, which is absolute or a path on the broker. The token is never sent
        there.
        """
        whole = self.url + url if url.startswith("/") else url
        return self._checked(self.transport.send(method, whole, headers, body))

    def pages(
        self, path: str, *, query: Query | None = None, patience: Patience | None = None
    ) -> Iterator[Any]:
        """All items of a list, page by page."""
        after: str | None = None
        while True:
            page = self.call(
                "GET", path, query={"limit": 1000, **(query or {}), "after": after}, patience=patience
            )
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _checked(self, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        with reply:
            raise _refusal(reply)


def quoted(text: object) -> str:
    """A piece of a path, such as a job's number."""
    return urllib.parse.quote(str(text), safe="")


def _query(query: Query | None) -> str:
    given = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }
    return f"?{urllib.parse.urlencode(given)}" if given else ""


def _refusal(reply: Reply) -> TallyError:
    wish = _seconds(reply.headers.get("retry-after"))
    try:
        body = json.loads(reply.read(1 << 20))
        code, detail = body["code"], body["detail"]
        if isinstance(code, str) and isinstance(detail, str):
            return TallyError(code, detail, status=reply.status, retry_after=wish)
    except (ValueError, KeyError, TypeError, TallyError):
        # A store or a proxy answered, in words of its own.
        pass
    code = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 429: "rate-limited"}.get(
        reply.status, "internal" if reply.status >= 500 else "invalid"
    )
    return TallyError(
        code, f"The server answered {reply.status} {reply.reason}.", status=reply.status, retry_after=wish
    )


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if text.strip().isdigit():
            return float(text)
        wait = (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0.0, wait)
