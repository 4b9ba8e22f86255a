"""A real broker for the tests of the core, and a line to it that breaks as a test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from faulty_line import FaultyLine
from tally_core.client import Client
from tally_core.connection import Connection


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """One broker for the tests of a file; each uses bytes of its own."""
    with BrokerProcess(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def line(broker: BrokerProcess) -> Iterator[FaultyLine]:
    """A line to the broker that breaks when told."""
    with FaultyLine(broker.port) as made:
        yield made


@pytest.fixture
def client(line: FaultyLine, broker: BrokerProcess) -> Iterator[Client]:
    """A client with the admin's token, over the line."""
    made = Client(Connection(line.url, broker.token))
    yield made
    made.close()


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[[str, bytes], str]:
    """Writes a file below the test's folder and answers its full name."""

    def make(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    return make
