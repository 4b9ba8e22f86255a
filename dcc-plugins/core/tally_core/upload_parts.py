"""One large file in parts: some parts at a time are hashed, signed and sent; asking again resumes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from .client import Client, quoted
from .content import Content
from .errors import TallyError
from .progress import Counter
from .waiting import Patience, Stop
from .work import Piece

GROUP = 4


def send_to(
    client: Client,
    signed: Mapping[str, Any],
    content: Content,
    start: int,
    length: int,
    stop: Stop,
    counter: Counter,
) -> None:
    """Puts a range of a file to a signed address. Answered 412, somebody else was first: that is fine.

    Raises TallyError; what was counted is taken back then.
    """
    counted = 0

    def body() -> Iterator[bytes]:
        nonlocal counted
        for piece in content.read(start, length):
            stop.check()
            yield piece
            counted += len(piece)
            counter.add(0, len(piece))

    headers = {name.lower(): value for name, value in signed["headers"].items()}
    headers["content-length"] = str(length)
    try:
        with client.open_signed("PUT", signed["url"], headers, body()) as reply:
            reply.read()
    except BaseException as error:
        counter.add(0, -counted)
        if isinstance(error, TallyError) and error.status == 412:
            counter.add(0, length)
            return
        raise


class PartsUpload:
    """Sends the parts that are not there yet, on the caller's threads, and makes them one blob."""

    def __init__(
        self,
        client: Client,
        headers: Mapping[str, str],
        stop: Stop,
        patience: Patience,
        counter: Counter,
        content: Content,
        where: Mapping[str, Any],
        restart: Piece,
    ) -> None:
        self._client = client
        self._headers = headers
        self._stop = stop
        self._patience = patience
        self._counter = counter
        self._content = content
        self._part_bytes = int(where["partBytes"])
        self._path = f"/v1/blobs/uploads/{quoted(where['uploadId'])}"
        count = -(-content.length // self._part_bytes)
        done = set(where["done"])
        self._missing = [number for number in range(1, count + 1) if number not in done]
        self._counted = content.length - sum(self._length(number) for number in self._missing)
        counter.add(0, self._counted)
        self._lock = threading.Lock()
        self._restart = restart
        self._is_broken = False

    def pieces(self) -> list[Piece]:
        """The work that is left. It ends with `restart` where the store no longer knows this upload."""
        groups = [self._missing[at : at + GROUP] for at in range(0, len(self._missing), GROUP)]
        self._open_groups = len(groups)
        if not groups:
            return [self._complete]
        return [self._piece(group) for group in groups]

    def _piece(self, numbers: list[int]) -> Piece:
        def send() -> list[Piece]:
            try:
                if not self._is_broken:
                    self._send(numbers)
            except TallyError as error:
                if error.code != "not-found":
                    raise
                self._is_broken = True
            with self._lock:
                self._open_groups -= 1
                is_last = self._open_groups == 0
            return [self._complete] if is_last else []

        return send

    def _length(self, number: int) -> int:
        return min(self._part_bytes, self._content.length - (number - 1) * self._part_bytes)

    def _send(self, numbers: list[int]) -> None:
        left = list(numbers)
        failures = 0
        refused = 0
        while left:
            self._stop.check()
            self._content.check_same()
            asked = [
                {
                    "number": number,
                    "sha256": self._content.range_sha256(
                        (number - 1) * self._part_bytes, self._length(number)
                    ),
                    "bytes": self._length(number),
                }
                for number in left
            ]
            signed = self._client.call(
                "POST",
                f"{self._path}/parts",
                {"parts": asked},
                headers=self._headers,
                patience=self._patience,
            )["parts"]
            try:
                for number, address in zip(list(left), signed, strict=True):
                    start = (number - 1) * self._part_bytes
                    send_to(
                        self._client,
                        address,
                        self._content,
                        start,
                        self._length(number),
                        self._stop,
                        self._counter,
                    )
                    left.remove(number)
                    failures = refused = 0
                    with self._lock:
                        self._counted += self._length(number)
                    self._patience.moved()
            except TallyError as error:
                if error.status == 404:
                    # The store forgot this upload.
                    raise TallyError("not-found", error.detail, status=404) from error
                if error.status in (400, 403, 409, 422):
                    # The address expired, or the bytes came out wrong: both are asked anew, some times.
                    self._content.check_same()
                    refused += 1
                    if refused > 3:
                        raise
                    continue
                self._patience.wait(failures, error)
                failures += 1

    def _complete(self) -> list[Piece]:
        self._content.check_same()
        if not self._is_broken:
            try:
                self._client.call(
                    "POST",
                    f"{self._path}/complete",
                    headers=self._headers,
                    patience=self._patience,
                    timeout_s=600,
                )
            except TallyError as error:
                if error.code not in ("not-found", "conflict"):
                    raise
            else:
                self._content.check_same()
                self._counter.add(1, 0)
                return []
        # Parts are gone: what is still there counts when it is asked again.
        self._counter.add(0, -self._counted)
        return [self._restart]
