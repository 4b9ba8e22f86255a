"""Files in and out where the broker keeps them in S3: a real server, over a line that breaks."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from faulty_line import Answer, FaultyLine, refusal
from stored import MIB, Hashed, check_stored, make_mixed
from tally_core.client import Client
from tally_core.connection import Connection
from tally_core.upload import upload_files

GATEWAY = shutil.which(
    "versitygw", path=f"{os.environ.get('PATH', '')}{os.pathsep}{Path.home() / 'go' / 'bin'}"
)
pytestmark = pytest.mark.skipif(
    GATEWAY is None, reason="the S3 server of the tests is not installed: npm test"
)


@pytest.fixture(scope="module")
def s3_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultyLine, dict[str, str]]]:
    """A line to an S3 server with one bucket, and the keys."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "tally-test").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    keys = {"AWS_ACCESS_KEY_ID": secrets.token_hex(10), "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
    process = subprocess.Popen(
        [str(GATEWAY), "--port", f"127.0.0.1:{port}", "--quiet", "posix", str(folder)],
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "ROOT_ACCESS_KEY": keys["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": keys["AWS_SECRET_ACCESS_KEY"],
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < until, "the S3 server does not answer"
            assert process.poll() is None, "the S3 server ended"
            time.sleep(0.02)
    with FaultyLine(port) as line:
        yield line, keys
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def s3_client(
    s3_line: tuple[FaultyLine, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A client of a broker whose store is behind the line."""
    line, keys = s3_line
    folder = tmp_path_factory.mktemp("broker")
    storage = {"kind": "s3", "bucket": "tally-test", "prefix": "farm/", "endpoint": line.url}
    (folder / "tally.yaml").write_text(json.dumps({"storage": storage}))
    with BrokerProcess(folder, keys) as broker:
        client = Client(Connection(broker.url, broker.token))
        yield client
        client.close()


@pytest.fixture
def mixed(tmp_path: Path) -> Hashed:
    return make_mixed(tmp_path / "in")


@pytest.fixture
def line(s3_line: tuple[FaultyLine, dict[str, str]]) -> FaultyLine:
    s3_line[0].reset()
    return s3_line[0]


def test_all_kinds_of_files(s3_client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path) -> None:
    upload_files(s3_client, mixed)
    # Large files go straight to the store.
    assert line.up > 20 * MIB
    check_stored(s3_client, mixed, tmp_path / "out")


@pytest.mark.parametrize("tenth", [1, 5, 9])
def test_network_cut_on_the_way_to_and_from_the_store(
    s3_client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path, tenth: int
) -> None:
    line.cut_up = 21 * MIB * tenth // 10
    upload_files(s3_client, mixed)
    assert line.cut_up is None
    line.reset()
    line.cut_down = 21 * MIB * tenth // 10
    check_stored(s3_client, mixed, tmp_path / "out")
    assert line.cut_down is None


@pytest.mark.parametrize("status", ["403 Forbidden", "500 Internal Server Error", "503 Slow Down"])
def test_a_store_that_refuses_for_a_moment(
    s3_client: Client, line: FaultyLine, mixed: Hashed, tmp_path: Path, status: str
) -> None:
    sha256 = mixed[-1][1] if mixed[-1][0].bytes > MIB else mixed[0][1]
    place = f"/tally-test/farm/blobs/{sha256[:2]}/{sha256}".encode()
    line.answers = [Answer(b"PUT " + place, refusal(status))]
    upload_files(s3_client, mixed)
    line.answers.append(Answer(b"GET " + place, refusal(status)))
    check_stored(s3_client, mixed, tmp_path / "out")
    assert line.answers == []
