"""Frames come home from a real broker: as they finish, once, whole, and with a word on what is missing."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess
from faulty_line import FaultyLine
from tally_core.client import Client
from tally_core.completeness import MissingFrames
from tally_core.connection import Connection
from tally_core.pull import PullOptions, pull_job
from tally_core.waiting import Stop
from worker import Worker, submit

FAR = PullOptions(local_store=False)


@pytest.fixture
def worker(broker: BrokerProcess) -> Iterator[Worker]:
    admin = Client(Connection(broker.url, broker.token))
    made = Worker(admin)
    admin.close()
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / "frames"


def frame(home: Path, number: int) -> str:
    return str(home / f"{number:04}.exr")


def artifacts(client: Client, job: Any) -> list[Any]:
    return list(client.pages(f"/v1/jobs/{job['number']}/artifacts"))


@pytest.mark.parametrize("is_local", [True, False], ids=["from the store's folder", "over the network"])
def test_frames_come_home_and_the_broker_knows(
    client: Client, worker: Worker, line: FaultyLine, home: Path, is_local: bool
) -> None:
    job = submit(client, "1-3", outputFolders=[str(home)])
    data = {frame(home, number): os.urandom(400_000) for number in (1, 2, 3)}
    for name, content in data.items():
        worker.render({name: content})
    line.reset()
    pulled = pull_job(client, job["number"], PullOptions(local_store=is_local))
    assert pulled.is_complete
    assert sorted(pulled.delivered) == sorted(data)
    assert {str(path): path.read_bytes() for path in home.iterdir()} == data
    assert all(one["deliveredAt"] is not None for one in artifacts(client, job))
    # Never a hard link: whoever overwrites a frame in place must not reach the stored bytes.
    assert all(path.stat().st_nlink == 1 for path in home.iterdir())
    assert (line.down < 100_000) == is_local


def test_pulling_again_fetches_nothing(client: Client, worker: Worker, line: FaultyLine, home: Path) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    worker.render({frame(home, 1): os.urandom(400_000)})
    pull_job(client, job["number"], FAR)
    line.reset()
    assert pull_job(client, job["number"], FAR).is_complete
    assert line.down < 50_000
    # What the artist removed is fetched again.
    os.remove(frame(home, 1))
    assert pull_job(client, job["number"], FAR).delivered == [frame(home, 1)]
    assert os.path.getsize(frame(home, 1)) == 400_000


def test_the_conflict_rule_is_the_jobs_own_unless_another_is_chosen(
    client: Client, worker: Worker, home: Path
) -> None:
    job = submit(client, "1", outputFolders=[str(home)], conflict="skip")
    worker.render({frame(home, 1): b"new"})
    home.mkdir(parents=True)
    Path(frame(home, 1)).write_bytes(b"mine")
    assert pull_job(client, job["number"], FAR).skipped == [frame(home, 1)]
    assert Path(frame(home, 1)).read_bytes() == b"mine"
    pull_job(client, job["number"], PullOptions(conflict="overwrite", local_store=False))
    assert Path(frame(home, 1)).read_bytes() == b"new"


def test_what_was_home_and_was_changed_since_stays(client: Client, worker: Worker, home: Path) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    worker.render({frame(home, 1): b"new"})
    pull_job(client, job["number"], FAR)
    Path(frame(home, 1)).write_bytes(b"painted over")
    assert pull_job(client, job["number"], FAR).skipped == [frame(home, 1)]
    assert Path(frame(home, 1)).read_bytes() == b"painted over"
    pull_job(client, job["number"], PullOptions(conflict="overwrite", local_store=False))
    assert Path(frame(home, 1)).read_bytes() == b"new"


def test_a_frame_that_was_left_out_is_not_said_to_be_home(client: Client, worker: Worker, home: Path) -> None:
    job = submit(client, "1", outputFolders=[str(home)], conflict="skip")
    worker.render({frame(home, 1): b"new"})
    home.mkdir(parents=True)
    Path(frame(home, 1)).write_bytes(b"mine")
    pull_job(client, job["number"], FAR)
    [one] = artifacts(client, job)
    assert one["problem"] == f"{frame(home, 1)} was there already and was kept."
    assert client.call("GET", f"/v1/jobs/{job['number']}")["deliveredFiles"] == 0
    # Brought after all, it is home like any other.
    pull_job(client, job["number"], PullOptions(conflict="overwrite", local_store=False))
    assert Path(frame(home, 1)).read_bytes() == b"new"
    assert artifacts(client, job)[0]["problem"] is None


def test_of_two_frames_that_write_one_file_the_newer_one_is_brought(
    client: Client, worker: Worker, home: Path
) -> None:
    job = submit(client, "1-2", outputFolders=[str(home)])
    worker.render({str(home / "shared.log"): b"one"})
    worker.render({str(home / "shared.log"): b"one and two"})
    assert pull_job(client, job["number"], PullOptions(follow=True, local_store=False)).is_complete
    assert (home / "shared.log").read_bytes() == b"one and two"
    assert all(one["deliveredAt"] is not None for one in artifacts(client, job))


def test_a_frame_that_is_done_while_others_are_brought_is_brought_too(
    client: Client, worker: Worker, home: Path
) -> None:
    job = submit(client, "1-2", outputFolders=[str(home)])
    worker.render({frame(home, 1): b"one"})

    def on_file(_: Any, name: str, __: Any) -> None:
        if name == frame(home, 1):
            worker.render({frame(home, 2): b"two"})

    assert pull_job(client, job["number"], FAR, on_file=on_file).is_complete
    assert Path(frame(home, 2)).read_bytes() == b"two"


def test_what_a_failed_try_left_never_replaces_a_frame_that_counts(
    client: Client, worker: Worker, home: Path
) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    worker.render({frame(home, 1): b"good"})
    client.call("POST", f"/v1/jobs/{job['number']}/requeue", {"frames": "1"})
    worker.render({frame(home, 1): b"half"}, fails=True)
    partial = PullOptions(partial=True, local_store=False)
    pull_job(client, job["number"], partial)
    pull_job(client, job["number"], partial)
    assert Path(frame(home, 1)).read_bytes() == b"good"


def test_a_filter_and_another_folder(client: Client, worker: Worker, home: Path, tmp_path: Path) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    worker.render({str(home / "beauty" / "1.exr"): b"b", str(home / "depth" / "1.png"): b"d"})
    to = tmp_path / "elsewhere"
    pulled = pull_job(
        client, job["number"], PullOptions(to=str(to), name_filter="beauty/*", local_store=False)
    )
    assert pulled.delivered == [str(to / "beauty" / "1.exr")]
    assert not home.exists()
    assert (to / "beauty" / "1.exr").read_bytes() == b"b"
    # Elsewhere is not home.
    assert all(one["deliveredAt"] is None for one in artifacts(client, job))


def test_what_is_missing_is_named(client: Client, worker: Worker, home: Path) -> None:
    job = submit(client, "1-4", outputFolders=[str(home)])
    worker.render({frame(home, 1): b"1"})
    worker.render(None)
    worker.render({})
    pulled = pull_job(client, job["number"], FAR)
    assert pulled.delivered == [frame(home, 1)]
    assert not pulled.is_complete
    assert pulled.missing == [MissingFrames("render", failed=["2"], open=["4"], no_file=["3"])]
    worker.render({frame(home, 4): b"4"})


def test_frames_come_home_as_they_finish(client: Client, worker: Worker, home: Path) -> None:
    job = submit(client, "1-3", outputFolders=[str(home)])
    heard: list[str] = []
    came = threading.Semaphore(0)
    ended: list[Any] = []

    def on_file(_: Any, name: str, __: Any) -> None:
        heard.append(name)
        came.release()

    following = threading.Thread(
        target=lambda: ended.append(
            pull_job(client, job["number"], PullOptions(follow=True, local_store=False), on_file=on_file)
        )
    )
    following.start()
    for number in (1, 2, 3):
        worker.render({frame(home, number): b"%d" % number})
        # At home before the next one is even begun.
        assert came.acquire(timeout=20)
        assert Path(frame(home, number)).read_bytes() == b"%d" % number
    following.join(20)
    assert heard == [frame(home, number) for number in (1, 2, 3)]
    assert ended[0].is_complete


def test_following_stops_when_asked(client: Client, home: Path, worker: Worker) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    stop = Stop()
    ended: list[BaseException] = []

    def follow() -> None:
        try:
            pull_job(
                client, job["number"], PullOptions(follow=True), stop=stop, on_file=lambda *_: stop.set()
            )
        except BaseException as error:
            ended.append(error)

    following = threading.Thread(target=follow)
    following.start()
    worker.render({frame(home, 1): b"1"})
    following.join(30)
    assert [type(one).__name__ for one in ended] == ["CanceledError"]


def test_a_file_outside_the_jobs_folders_stays_where_it_is(
    client: Client, worker: Worker, home: Path, tmp_path: Path
) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    worker.render({frame(home, 1): b"1", str(tmp_path / "private" / "keys"): b"evil"})
    pulled = pull_job(client, job["number"], FAR)
    assert pulled.delivered == [frame(home, 1)]
    assert len(pulled.problems) == 1
    assert "--to" in pulled.problems[0]
    assert not (tmp_path / "private").exists()


def test_a_cut_off_download_leaves_nothing_half(
    client: Client, worker: Worker, line: FaultyLine, home: Path
) -> None:
    job = submit(client, "1-2", outputFolders=[str(home)])
    data = {frame(home, number): os.urandom(2_000_000) for number in (1, 2)}
    for name, content in data.items():
        worker.render({name: content})
    seen: list[str] = []

    def on_file(_: Any, name: str, __: Any) -> None:
        seen.extend(path.name for path in home.iterdir() if not path.name.startswith("."))

    line.cut_down = 1_500_000
    pulled = pull_job(client, job["number"], FAR, on_file=on_file)
    assert line.cut_down is None
    assert pulled.is_complete
    assert {str(path): path.read_bytes() for path in home.iterdir()} == data
    assert set(seen) <= {os.path.basename(name) for name in data}


def test_a_store_that_went_away_is_asked_over_the_network(
    client: Client, worker: Worker, broker: BrokerProcess, home: Path
) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    data = os.urandom(300_000)
    worker.render({frame(home, 1): data})
    one = artifacts(client, job)[0]
    stored = broker.data_folder / "blobs" / one["sha256"][:2] / one["sha256"]
    # Damaged on the disk: the copy is found out and nothing gets the final name.
    kept = stored.with_suffix(".kept")
    shutil.copyfile(stored, kept)
    stored.chmod(stat.S_IRUSR | stat.S_IWUSR)
    stored.write_bytes(b"x" * len(data))
    pulled = pull_job(client, job["number"], PullOptions(patience_s=5))
    assert pulled.delivered == []
    assert "other bytes" in pulled.problems[0]
    assert list(home.iterdir()) == []
    os.replace(kept, stored)
    assert pull_job(client, job["number"]).is_complete


def test_results_that_may_be_run(client: Client, worker: Worker, home: Path) -> None:
    job = submit(client, "1", outputFolders=[str(home)])
    worker.render({str(home / "tool.sh"): b"#!/bin/sh\n"}, executable=True)
    pull_job(client, job["number"], FAR)
    assert os.access(home / "tool.sh", os.X_OK)
