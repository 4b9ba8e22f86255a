"""Sends files to the broker's store: only what is missing, small ones together, large in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .client import Client
from .content import Content
from .errors import FileChangedError, TallyError
from .pack import MAGIC, pack_end, pack_head
from .progress import Counter, Report
from .scan import FoundFile
from .upload_parts import PartsUpload, send_to
from .waiting import Patience, Stop
from .work import Piece, run_pieces

MAX_ASKED = 10_000
MAX_PACKED_BYTES = 256 * 1024
PACK_BYTES = 8 * 1024 * 1024
ROUNDS = 4


@dataclass
class Sending:
    """What all pieces of one upload share."""

    client: Client
    headers: Mapping[str, str]
    stop: Stop
    patience: Patience
    counter: Counter
    sent_whole: list[Content] = field(default_factory=list)


def missing_of(
    client: Client,
    contents: Sequence[Content],
    *,
    headers: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> list[Content]:
    """Those that the broker does not have yet, each hash once. Raises TallyError."""
    once = list({one.sha256: one for one in contents}.values())
    missing: list[Content] = []
    for at in range(0, len(once), MAX_ASKED):
        batch = once[at : at + MAX_ASKED]
        asked = [{"sha256": one.sha256, "bytes": one.length} for one in batch]
        answer = client.call(
            "POST", "/v1/blobs/missing", {"blobs": asked}, headers=headers, patience=patience
        )
        missing.extend(batch[place] for place in answer["missing"])
    return missing


def upload_files(
    client: Client,
    files: Sequence[tuple[FoundFile, str]],
    *,
    headers: Mapping[str, str] | None = None,
    parallel: int = 4,
    stop: Stop | None = None,
    patience_s: float = 300.0,
    report: Report | None = None,
) -> None:
    """Sends files with their hashes; all are in the store when it returns. Doing it again resumes.

    Raises FileChangedError, CanceledError, and TallyError for what does not pass, or not within `patience_s`
    without progress. Progress counts what is really sent.
    """
    contents = [Content(sha256, one.bytes, file=one) for one, sha256 in files]
    _upload(client, contents, headers or {}, parallel, stop, patience_s, report)


def upload_bytes(
    client: Client,
    data: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    stop: Stop | None = None,
    patience_s: float = 300.0,
) -> dict[str, str | int]:
    """Stores bytes, such as a manifest; answers {sha256, bytes}. Raises like `upload_files`."""
    content = Content(hashlib.sha256(data).hexdigest(), len(data), data=data)
    _upload(client, [content], headers or {}, 4, stop, patience_s, None)
    return {"sha256": content.sha256, "bytes": content.length}


def _upload(
    client: Client,
    contents: Sequence[Content],
    headers: Mapping[str, str],
    parallel: int,
    stop: Stop | None,
    patience_s: float,
    report: Report | None,
) -> None:
    sign = Stop(stop)
    patience = Patience(patience_s, sign)
    missing = missing_of(client, contents, headers=headers, patience=patience)
    counter = Counter(len(missing), sum(one.length for one in missing), report)
    sending = Sending(client, headers, sign, patience, counter)
    for _ in range(ROUNDS):
        run_pieces(_pieces(sending, missing), parallel, sign)
        missing = _not_confirmed(sending)
        if not missing:
            return
        # Somebody removed what was just sent, or a store lost it: it is sent again.
        counter.add(-len(missing), -sum(one.length for one in missing))
    raise _forgetful()


def _pieces(sending: Sending, missing: Sequence[Content]) -> Iterator[Piece]:
    def pack(contents: list[Content]) -> Piece:
        return lambda: _send_pack(sending, contents)

    def large(content: Content) -> Piece:
        return lambda: _start(sending, content)

    # The largest first: none is left alone at the end.
    for content in sorted(missing, key=lambda one: -one.length):
        if content.length > MAX_PACKED_BYTES:
            yield large(content)
    batch: list[Content] = []
    length = 0
    for content in missing:
        if content.length <= MAX_PACKED_BYTES:
            batch.append(content)
            length += content.length
            if length >= PACK_BYTES or len(batch) >= MAX_ASKED:
                yield pack(batch)
                batch, length = [], 0
    if batch:
        yield pack(batch)


def _send_pack(sending: Sending, contents: list[Content]) -> None:
    left = contents
    failures = 0
    while left:
        sending.stop.check()
        try:
            body = b"".join(_packed(left))
            with sending.client.open("POST", "/v1/packs", body, headers=sending.headers) as reply:
                reply.read()
            _count(sending, left)
            return
        except TallyError as error:
            sending.patience.wait(failures, error)
            failures += 1
            # What arrived before the cut counts.
            still = missing_of(sending.client, left, headers=sending.headers, patience=sending.patience)
            gone = {one.sha256 for one in still}
            arrived = [one for one in left if one.sha256 not in gone]
            if arrived:
                _count(sending, arrived)
                failures = 0
            left = still


def _count(sending: Sending, contents: list[Content]) -> None:
    sending.patience.moved()
    sending.counter.add(len(contents), sum(one.length for one in contents))


def _packed(contents: list[Content]) -> Iterator[bytes]:
    yield MAGIC
    for content in contents:
        data = b"".join(content.read(0, content.length))
        if hashlib.sha256(data).hexdigest() != content.sha256:
            raise FileChangedError(content.file.path if content.file else "")
        yield pack_head(content.sha256, len(data))
        yield data
    yield pack_end(len(contents))


def _start(sending: Sending, content: Content, rounds: int = 0) -> list[Piece]:
    """Asks where a large file goes, and sends it there or answers with its parts."""
    if rounds > ROUNDS:
        raise _forgetful()
    failures = 0
    refused = 0
    while True:
        content.check_same()
        where = sending.client.call(
            "POST",
            "/v1/blobs/uploads",
            {"sha256": content.sha256, "bytes": content.length},
            headers=sending.headers,
            patience=sending.patience,
        )
        if where["kind"] == "present":
            _count(sending, [content])
            return []
        if where["kind"] == "parts":
            parts = PartsUpload(
                sending.client,
                sending.headers,
                sending.stop,
                sending.patience,
                sending.counter,
                content,
                where,
                lambda: _start(sending, content, rounds + 1),
            )
            return parts.pieces()
        try:
            send_to(sending.client, where["put"], content, 0, content.length, sending.stop, sending.counter)
        except TallyError as error:
            refused = _check_refusal(error, content, refused)
            if refused == 0:
                sending.patience.wait(failures, error)
                failures += 1
            continue
        content.check_same()
        sending.patience.moved()
        sending.counter.add(1, 0)
        sending.sent_whole.append(content)
        return []


def _forgetful() -> TallyError:
    return TallyError(
        "storage-down",
        "The storage does not keep what is sent to it. Submit again later, or look at its own log.",
    )


def _check_refusal(error: TallyError, content: Content, refused: int) -> int:
    """How often in a row a store refused what is asked anew: an address that expired, bytes that came out
    wrong.

    0 for any other error. Raises FileChangedError when the file is to blame, and `error` when asking does not
    help.
    """
    if error.status not in (400, 403, 409, 422):
        return 0
    if error.status != 403:
        content.check_bytes()
    if refused >= 3:
        raise error
    return refused + 1


def _not_confirmed(sending: Sending) -> list[Content]:
    """Tells the broker what was sent in one piece; answers what it does not find."""
    missing: list[Content] = []
    for at in range(0, len(sending.sent_whole), 1000):
        batch = sending.sent_whole[at : at + 1000]
        answer = sending.client.call(
            "POST",
            "/v1/blobs/stored",
            {"blobs": [{"sha256": one.sha256, "bytes": one.length} for one in batch]},
            headers=sending.headers,
            patience=sending.patience,
        )
        missing.extend(batch[place] for place in answer["missing"])
    sending.sent_whole.clear()
    return missing
