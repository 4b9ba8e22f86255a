"""The SHA-256 of files: large ones side by side on threads, known ones from the cache, changes noticed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from .errors import FileChangedError, TallyError
from .hash_cache import HashCache
from .progress import Counter, Report
from .scan import FoundFile, found_file
from .waiting import Stop

PIECE_BYTES = 1 << 20
BATCH_FILES = 500
TRIES = 3


@dataclass
class Hashed:
    """`files` and `sha256s` go together, in the order of the question; files are as they were when they were
    read.

    Those that could not be read twice alike are in `changed` alone.
    """

    files: list[FoundFile] = field(default_factory=list)
    sha256s: list[str] = field(default_factory=list)
    changed: list[FoundFile] = field(default_factory=list)


def hash_files(
    files: Sequence[FoundFile],
    *,
    cache: HashCache | None = None,
    threads: int = 2,
    stop: Stop | None = None,
    report: Report | None = None,
) -> Hashed:
    """Hashes files, from the cache where it can. Raises CanceledError, or TallyError for a file that cannot
    be read.
    """
    sign = Stop(stop)
    counter = Counter(len(files), sum(one.bytes for one in files), report)
    known = cache.look_up(files) if cache else [None] * len(files)
    answers: list[tuple[FoundFile, str] | None] = [
        (one, sha256) if sha256 is not None else None for one, sha256 in zip(files, known, strict=True)
    ]
    cached = [one for one, sha256 in zip(files, known, strict=True) if sha256 is not None]
    if cached:
        counter.add(len(cached), sum(one.bytes for one in cached))
    unknown = [index for index, sha256 in enumerate(known) if sha256 is None]

    def work(batch: list[int]) -> list[tuple[int, tuple[FoundFile, str] | None]]:
        buffer = bytearray(PIECE_BYTES)
        return [(index, _hash(files[index], buffer, sign, counter)) for index in batch]

    batches = list(_batches(files, unknown))
    with ThreadPoolExecutor(max(1, min(threads, len(batches) or 1)), "tally-hash") as pool:
        running: list[Future[list[tuple[int, tuple[FoundFile, str] | None]]]] = [
            pool.submit(work, batch) for batch in batches
        ]
        try:
            for future in running:
                done = future.result()
                for index, answer in done:
                    answers[index] = answer
                if cache:
                    cache.remember([answer for _, answer in done if answer is not None])
        except BaseException:
            # The others stop at their next piece; the pool waits for them.
            for future in running:
                future.cancel()
            sign.set()
            raise
    result = Hashed()
    for one, answer in zip(files, answers, strict=True):
        if answer is None:
            result.changed.append(one)
        else:
            result.files.append(answer[0])
            result.sha256s.append(answer[1])
    return result


def hash_file(path: str, stop: Stop | None = None) -> tuple[str, int]:
    """(SHA-256, size) of one file. Raises OSError, FileChangedError, CanceledError."""
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
    answer = _hash(found_file(path, before), bytearray(PIECE_BYTES), stop or Stop(), None)
    if answer is None:
        raise FileChangedError(path)
    return answer[1], answer[0].bytes


def _batches(files: Sequence[FoundFile], indexes: Sequence[int]) -> Iterator[list[int]]:
    """Many small files go to a thread together; the largest come first, so that none is left alone at the
    end.
    """
    batch: list[int] = []
    length = 0
    for index in sorted(indexes, key=lambda one: -files[one].bytes):
        batch.append(index)
        length += files[index].bytes
        if len(batch) >= BATCH_FILES or length >= 16 * PIECE_BYTES:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _hash(
    one: FoundFile, buffer: bytearray, stop: Stop, counter: Counter | None
) -> tuple[FoundFile, str] | None:
    """None when the file changed under each of some tries."""
    for _ in range(TRIES):
        stop.check()
        read = 0
        try:
            with open(one.path, "rb", buffering=0) as file:
                before = os.fstat(file.fileno())
                digest = hashlib.sha256()
                view = memoryview(buffer)
                # A file that something writes to all the time would have no end.
                while read <= before.st_size and (count := file.readinto(view)):
                    digest.update(view[:count])
                    read += count
                    if counter is not None:
                        counter.add(0, count)
                    stop.check()
                after = os.fstat(file.fileno())
        except OSError as error:
            raise TallyError("local", f"{one.path} cannot be read: {error.strerror}.") from error
        if _same(before, after) and read == after.st_size:
            if counter is not None:
                counter.add(1, one.bytes - read)
            return found_file(one.path, after), digest.hexdigest()
        if counter is not None:
            counter.add(0, -read)
    if counter is not None:
        counter.add(1, one.bytes)
    return None


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino) == (
        other.st_size,
        other.st_mtime_ns,
        other.st_ctime_ns,
        other.st_ino,
    )
