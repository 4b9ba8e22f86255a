"""Fetches blobs: resumed by Range, their hash checked, under their final name only when whole."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from .client import Client
from .errors import DamagedError, TallyError, UnreachableError
from .pack import PackError, read_pack
from .progress import Counter, Report
from .upload import MAX_PACKED_BYTES, PACK_BYTES
from .waiting import Patience, Stop
from .work import Piece, run_pieces

MAX_SIGNED = 1000
PIECE_BYTES = 1 << 18
Blob = tuple[str, int]


class Addresses:
    """Signed addresses of blobs, asked for in batches and kept while they work. Safe to use from many
    threads.
    """

    def __init__(self, client: Client, headers: Mapping[str, str] | None = None) -> None:
        self._client = client
        self._headers = headers or {}
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, Any]] = {}

    def prepare(self, sha256s: Iterable[str], patience: Patience | None = None) -> None:
        """Asks for those that are not known yet."""
        with self._lock:
            wanted = [one for one in dict.fromkeys(sha256s) if one not in self._known]
        for at in range(0, len(wanted), MAX_SIGNED):
            answer = self._client.call(
                "POST",
                "/v1/blobs/downloads",
                {"sha256s": wanted[at : at + MAX_SIGNED]},
                headers=self._headers,
                patience=patience,
            )
            with self._lock:
                self._known.update({one["sha256"]: one["get"] for one in answer["downloads"] if one})

    def get(self, sha256: str, patience: Patience) -> Mapping[str, Any]:
        """An address that still works. Raises TallyError when the broker lacks the blob."""
        with self._lock:
            known = self._known.get(sha256)
        if known is not None and _is_over(str(known["expiresAt"])):
            self.forget(sha256)
            known = None
        if known is None:
            self.prepare([sha256], patience)
            with self._lock:
                known = self._known.get(sha256)
        if known is None:
            raise TallyError(
                "not-found",
                f"The broker no longer has the bytes {sha256[:12]}…. Render the frame again: tally requeue",
            )
        return known

    def forget(self, sha256: str) -> None:
        """This address does not work any more."""
        with self._lock:
            self._known.pop(sha256, None)


def fetch_blob(
    client: Client,
    sha256: str,
    length: int,
    target: str,
    *,
    addresses: Addresses | None = None,
    headers: Mapping[str, str] | None = None,
    patience: Patience | None = None,
    counter: Counter | None = None,
) -> None:
    """Writes a blob to `target`, going on where an earlier try stopped; the hash is checked at the end.

    For a temporary name: `target` grows while it is fetched. Raises TallyError, DamagedError, CanceledError,
    OSError.
    """
    where = addresses or Addresses(client, headers)
    wait = patience or Patience()
    for attempt in range(3):
        digest, start = _begun(target, length)
        try:
            _fetch_rest(client, sha256, length, target, digest, start, where, wait, counter)
        except TallyError:
            # A beginning is kept for the next try, nothing at all is not.
            if os.path.exists(target) and os.path.getsize(target) == 0:
                os.remove(target)
            raise
        if digest.hexdigest() == sha256:
            return
        os.remove(target)
        if counter is not None:
            counter.add(0, -length)
        if start == 0:
            # Not an old beginning that was wrong: the broker looks itself, and drops what is damaged.
            client.call("POST", f"/v1/blobs/{sha256}/doubt", headers=headers, patience=wait)
            if attempt > 0:
                break
    raise DamagedError(sha256)


def fetch_blobs(
    client: Client,
    blobs: Sequence[Blob],
    target: Callable[[str], str],
    *,
    headers: Mapping[str, str] | None = None,
    parallel: int = 4,
    stop: Stop | None = None,
    patience_s: float = 300.0,
    report: Report | None = None,
) -> None:
    """Fetches blobs, (sha256, bytes) each, to `target(sha256)`: each appears there by a rename, whole and
    checked.

    Small ones travel together. Raises like `fetch_blob`.
    """
    once = list(dict.fromkeys(blobs))
    sign = Stop(stop)
    patience = Patience(patience_s, sign)
    counter = Counter(len(once), sum(length for _, length in once), report)
    addresses = Addresses(client, headers)

    def single(sha256: str, length: int) -> Piece:
        def fetch() -> None:
            final = target(sha256)
            os.makedirs(os.path.dirname(final) or ".", exist_ok=True)
            temporary = f"{final}.part"
            fetch_blob(
                client,
                sha256,
                length,
                temporary,
                addresses=addresses,
                headers=headers,
                patience=patience,
                counter=counter,
            )
            os.replace(temporary, final)
            counter.add(1, 0)

        return fetch

    def together(batch: list[Blob]) -> Piece:
        def fetch() -> list[Piece]:
            left = _fetch_pack(client, batch, target, headers, patience, counter)
            return [single(sha256, length) for sha256, length in left]

        return fetch

    def pieces() -> Iterator[Piece]:
        for sha256, length in once:
            if length > MAX_PACKED_BYTES:
                yield single(sha256, length)
        for batch in _batches([one for one in once if one[1] <= MAX_PACKED_BYTES]):
            yield together(batch)

    run_pieces(pieces(), parallel, sign)


def _batches(blobs: Sequence[Blob]) -> Iterator[list[Blob]]:
    batch: list[Blob] = []
    total = 0
    for blob in blobs:
        batch.append(blob)
        total += blob[1]
        if len(batch) >= MAX_SIGNED or total >= PACK_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _fetch_pack(
    client: Client,
    batch: list[Blob],
    target: Callable[[str], str],
    headers: Mapping[str, str] | None,
    patience: Patience,
    counter: Counter,
) -> list[Blob]:
    """Answers those that did not come along: not small for the broker, damaged, or not there."""
    left = dict(batch)
    failures = 0
    while left:
        patience.stop.check()
        before = len(left)
        body = _json_list(left)
        try:
            with client.open(
                "POST",
                "/v1/packs/read",
                body,
                headers={**(headers or {}), "content-type": "application/json"},
            ) as reply:
                for sha256, data in read_pack(reply.read, MAX_PACKED_BYTES):
                    if sha256 not in left or hashlib.sha256(data).hexdigest() != sha256:
                        continue
                    _write_whole(target(sha256), data)
                    counter.add(1, left.pop(sha256))
                    patience.moved()
            return list(left.items())
        except (TallyError, PackError) as error:
            failures = 0 if len(left) < before else failures
            patience.wait(failures, error if isinstance(error, TallyError) else UnreachableError(client.url))
            failures += 1
    return []


def _json_list(sha256s: Iterable[str]) -> bytes:
    # Hashes need no escapes.
    return ('{"sha256s":["' + '","'.join(sha256s) + '"]}').encode()


def _write_whole(final: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(final) or ".", exist_ok=True)
    temporary = f"{final}.part"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, final)


def _begun(target: str, length: int) -> tuple[Any, int]:
    """The hash so far, and the length, of what an earlier try left."""
    digest = hashlib.sha256()
    try:
        size = os.path.getsize(target)
    except OSError:
        return digest, 0
    if size > length:
        os.remove(target)
        return digest, 0
    with open(target, "rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest, size


def _fetch_rest(
    client: Client,
    sha256: str,
    length: int,
    target: str,
    digest: Any,
    start: int,
    addresses: Addresses,
    patience: Patience,
    counter: Counter | None,
) -> None:
    at = start
    if counter is not None:
        counter.add(0, at)
    failures = refused = 0
    with open(target, "r+b" if at > 0 else "wb") as file:
        file.seek(at)
        while at < length:
            patience.stop.check()
            begun_at = at
            address = addresses.get(sha256, patience)
            more = {"range": f"bytes={at}-"} if at > 0 else {}
            try:
                with client.open_signed("GET", address["url"], {**address["headers"], **more}) as reply:
                    if at > 0 and reply.status != 206:
                        raise TallyError("damaged", "The storage does not send the rest of a file alone.")
                    while at < length and (piece := reply.read(min(PIECE_BYTES, length - at))):
                        patience.stop.check()
                        file.write(piece)
                        digest.update(piece)
                        at += len(piece)
                        if counter is not None:
                            counter.add(0, len(piece))
                        patience.moved()
                    if at == length:
                        # Makes the connection one that can be used again.
                        reply.read(1)
                if at < length:
                    raise UnreachableError(client.url)
            except TallyError as error:
                if at > begun_at:
                    failures = refused = 0
                if error.status in (403, 404) and refused < 3:
                    # The address expired, or the blob was stored anew meanwhile: ask again, some times.
                    addresses.forget(sha256)
                    refused += 1
                    continue
                patience.wait(failures, error)
                failures += 1


def _is_over(expires_at: str) -> bool:
    try:
        until = datetime.fromisoformat(expires_at.replace("Z", "+00:00"))
    except ValueError:
        return False
    return until <= datetime.now(timezone.utc)
