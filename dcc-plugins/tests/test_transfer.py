"""Files in and out against a real broker, over lines that break and stores that refuse."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from faulty_line import Answer, FaultyLine, refusal
from stored import MIB, Hashed, check_stored, contents, hashed, make_mixed
from tally_core.client import Client
from tally_core.connection import Connection
from tally_core.download import fetch_blobs
from tally_core.errors import CanceledError, FileChangedError, TallyError
from tally_core.progress import Progress
from tally_core.upload import missing_of, upload_bytes, upload_files
from tally_core.waiting import Stop

MakeFile = Callable[[str, bytes], str]


@pytest.fixture
def mixed(tmp_path: Path) -> Hashed:
    """Small files, one of no bytes, one that is sent whole, one in parts."""
    return make_mixed(tmp_path / "in")


def test_all_kinds_of_files_are_sent_once(client: Client, mixed: Hashed, tmp_path: Path) -> None:
    told: list[Progress] = []
    upload_files(client, mixed, report=told.append)
    total = sum(one.bytes for one, _ in mixed)
    assert told[-1] == Progress(len(mixed), total, len(mixed), total)
    check_stored(client, mixed, tmp_path / "out")
    again: list[Progress] = []
    upload_files(client, mixed, report=again.append)
    assert again == []


def test_small_files_travel_together(client: Client, line: FaultyLine, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(500):
        (folder / str(index)).write_bytes(os.urandom(100))
    upload_files(client, hashed(folder))
    assert line.requests == ["POST /v1/blobs/missing", "POST /v1/packs"]


@pytest.mark.parametrize("tenth", range(1, 10))
def test_network_cut_at_every_tenth_of_an_upload(
    client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path, tenth: int
) -> None:
    line.cut_up = sum(one.bytes for one, _ in mixed) * tenth // 10
    upload_files(client, mixed)
    assert line.cut_up is None, "the line was never cut"
    check_stored(client, mixed, tmp_path / "out")


@pytest.mark.parametrize("tenth", range(1, 10))
def test_network_cut_at_every_tenth_of_a_download(
    client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path, tenth: int
) -> None:
    upload_files(client, mixed)
    line.reset()
    total = sum(one.bytes for one, _ in mixed)
    line.cut_down = total * tenth // 10
    check_stored(client, mixed, tmp_path / "out")
    assert line.cut_down is None, "the line was never cut"
    # It went on where it was cut: a pack or a few pieces at most came twice.
    assert line.down < total * 1.3


def test_503_with_retry_after_is_honoured(
    client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path
) -> None:
    line.answers = [
        Answer(b"POST /v1/blobs/missing", refusal("503 Service Unavailable", "Retry-After: 1")),
        Answer(b"POST /v1/packs ", refusal("503 Service Unavailable", "Retry-After: 1")),
    ]
    began = time.monotonic()
    upload_files(client, mixed)
    assert time.monotonic() - began >= 2
    assert line.answers == []
    check_stored(client, mixed, tmp_path / "out")


def test_store_answers_500(client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path) -> None:
    line.answers = [Answer(b"PUT /signed/", refusal("500 Internal Server Error")) for _ in range(3)]
    upload_files(client, mixed)
    line.answers += [Answer(b"GET /signed/", refusal("500 Internal Server Error")) for _ in range(2)]
    check_stored(client, mixed, tmp_path / "out")
    assert line.answers == []


def test_403_after_expiry_is_signed_anew(
    client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path
) -> None:
    line.answers = [Answer(b"PUT /signed/", refusal("403 Forbidden")) for _ in range(3)]
    upload_files(client, mixed)
    line.answers += [Answer(b"GET /signed/", refusal("403 Forbidden")) for _ in range(2)]
    check_stored(client, mixed, tmp_path / "out")
    assert line.answers == []


def test_an_address_that_is_refused_for_ever_ends(client: Client, line: FaultyLine, mixed: Hashed) -> None:
    line.answers = [Answer(b"PUT /signed/", refusal("403 Forbidden")) for _ in range(100)]
    with pytest.raises(TallyError) as raised:
        upload_files(client, mixed)
    assert raised.value.status == 403


def test_somebody_else_was_first(
    client: Client, line: FaultyLine, tmp_path: Path, make_file: MakeFile
) -> None:
    make_file("in/a", os.urandom(MIB))
    files = hashed(tmp_path / "in")
    line.answers = [Answer(b"PUT /signed/", refusal("412 Precondition Failed"))]
    # The store says so, but it is not true: what is not there in the end is sent again.
    upload_files(client, files)
    check_stored(client, files, tmp_path / "out")


def test_a_patience_that_ends_says_so(client: Client, line: FaultyLine, mixed: Hashed) -> None:
    line.target = 1
    line.cut()
    with pytest.raises(TallyError) as raised:
        upload_files(client, mixed, patience_s=0.5)
    assert raised.value.code == "unreachable"


def test_two_clients_upload_the_same_blob_at_once(
    client: Client, broker: BrokerProcess, mixed: Hashed, tmp_path: Path
) -> None:
    other = Client(Connection(broker.url, broker.token))
    failures: list[BaseException] = []

    def send(one: Client) -> None:
        try:
            upload_files(one, mixed)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(one,)) for one in (client, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    check_stored(client, mixed, tmp_path / "out")


def test_broker_restart_in_the_middle(
    client: Client, line: FaultyLine, broker: BrokerProcess, mixed: Hashed, tmp_path: Path
) -> None:
    total = sum(one.bytes for one, _ in mixed)
    restarted = threading.Event()
    lock = threading.Lock()

    def report(progress: Progress) -> None:
        with lock:
            if progress.done_bytes > total // 2 and not restarted.is_set():
                broker.restart()
                line.target = broker.port
                restarted.set()

    upload_files(client, mixed, report=report)
    assert restarted.is_set()
    check_stored(client, mixed, tmp_path / "out")


def test_cancel_leaves_nothing_running_and_resumes(
    client: Client, line: FaultyLine, tmp_path: Path, make_file: MakeFile
) -> None:
    make_file("in/film.mov", os.urandom(40 * MIB))
    files = hashed(tmp_path / "in")
    stop = Stop()

    def report(progress: Progress) -> None:
        if progress.done_bytes > 25 * MIB:
            stop.set()

    with pytest.raises(CanceledError):
        upload_files(client, files, stop=stop, report=report, parallel=1)
    assert not [one for one in threading.enumerate() if one.name.startswith("tally-")]
    line.reset()
    upload_files(client, files)
    assert line.up < 25 * MIB
    check_stored(client, files, tmp_path / "out")


@pytest.mark.parametrize("length", [1000, MIB, 20 * MIB], ids=["small", "whole", "in parts"])
def test_a_file_that_changed_since_it_was_read_is_noticed(
    client: Client, tmp_path: Path, make_file: MakeFile, length: int
) -> None:
    path = make_file("in/a", os.urandom(length))
    files = hashed(tmp_path / "in")
    make_file("in/a", os.urandom(length))
    with pytest.raises(FileChangedError) as raised:
        upload_files(client, files)
    assert raised.value.path == path
    assert len(missing_of(client, contents(files))) == 1


def test_a_file_that_is_gone_is_noticed(client: Client, tmp_path: Path, make_file: MakeFile) -> None:
    path = make_file("in/a", os.urandom(1000))
    files = hashed(tmp_path / "in")
    os.remove(path)
    with pytest.raises(FileChangedError):
        upload_files(client, files)


def test_wrong_bytes_in_the_store_are_found_and_dropped(
    client: Client, broker: BrokerProcess, tmp_path: Path, make_file: MakeFile
) -> None:
    make_file("in/a", os.urandom(MIB))
    files = hashed(tmp_path / "in")
    upload_files(client, files)
    sha256 = files[0][1]
    stored = broker.data_folder / "blobs" / sha256[:2] / sha256
    stored.chmod(0o600)
    data = bytearray(stored.read_bytes())
    data[5000] ^= 1
    stored.write_bytes(data)
    with pytest.raises(TallyError) as raised:
        fetch_blobs(client, [(sha256, MIB)], lambda one: str(tmp_path / "out" / one))
    assert raised.value.code in ("damaged", "not-found")
    assert list((tmp_path / "out").iterdir()) == []
    # The broker looked itself: whoever has the file sends it again.
    assert len(missing_of(client, contents(files))) == 1
    upload_files(client, files)
    check_stored(client, files, tmp_path / "out")


def test_a_blob_that_is_not_there_is_said(client: Client, tmp_path: Path) -> None:
    for length in (10, MIB):
        with pytest.raises(TallyError) as raised:
            fetch_blobs(client, [("ab" * 32, length)], lambda one: str(tmp_path / one))
        assert raised.value.code == "not-found"
    assert list(tmp_path.iterdir()) == []


def test_bytes_from_memory(client: Client, tmp_path: Path) -> None:
    for length in (0, 1000, MIB, 20 * MIB):
        data = os.urandom(length)
        answer = upload_bytes(client, data)
        assert answer == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": length}
        fetch_blobs(client, [(str(answer["sha256"]), length)], lambda one: str(tmp_path / one))
        assert (tmp_path / str(answer["sha256"])).read_bytes() == data


def test_ten_thousand_small_files_take_a_few_requests(
    client: Client, line: FaultyLine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    block = os.urandom(4096 - 8)
    for index in range(10_000):
        (folder / f"{index:05}").write_bytes(block + index.to_bytes(8, "big"))
    files = hashed(folder)
    assert len(files) == 10_000
    upload_files(client, files)
    # 39 MiB in packs of eight.
    assert sorted(line.requests) == ["POST /v1/blobs/missing", *["POST /v1/packs"] * 5]
    assert missing_of(client, contents(files)) == []
