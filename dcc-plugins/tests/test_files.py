"""Looking at files, hashing them, and the cache that the command line shares."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from broker_process import ROOT
from not_as_root import not_as_root
from tally_core.errors import CanceledError, TallyError
from tally_core.hash_cache import HashCache
from tally_core.hashing import hash_file, hash_files
from tally_core.home import Homecoming, LocalFile, bring_home
from tally_core.manifest import Part, build_manifest, manifest_problems
from tally_core.progress import Progress, Rate
from tally_core.reflink import copy_file
from tally_core.scan import FoundFile, scan_folder, stat_files
from tally_core.waiting import Stop

MakeFile = Callable[[str, bytes], str]


def made_long_ago(path: str) -> None:
    os.utime(path, (1_600_000_000, 1_600_000_000))


def older(one: FoundFile) -> FoundFile:
    """As if its inode had not been touched for long: the time of that cannot be set."""
    return FoundFile(one.path, one.bytes, one.mtime_ns, one.mtime_ns, one.inode, one.executable)


def test_hashes_are_those_of_sha256(tmp_path: Path, make_file: MakeFile) -> None:
    data = {f"{length}": os.urandom(length) for length in (0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1)}
    for name, content in data.items():
        make_file(name, content)
    told: list[Progress] = []
    result = hash_files(scan_folder(str(tmp_path)).files, report=told.append)
    assert result.changed == []
    for one, sha256 in zip(result.files, result.sha256s, strict=True):
        assert sha256 == hashlib.sha256(data[os.path.basename(one.path)]).hexdigest()
    assert told[-1] == Progress(5, sum(map(len, data.values())), 5, sum(map(len, data.values())))
    assert hash_file(str(tmp_path / "1")) == (hashlib.sha256(data["1"]).hexdigest(), 1)


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path, make_file: MakeFile) -> None:
    path = make_file("simulation.vdb", os.urandom(4 << 20))
    found = scan_folder(str(tmp_path)).files

    def grow(_: Progress) -> None:
        with open(path, "ab") as file:
            file.write(b"more")

    result = hash_files(found, report=grow)
    assert [one.path for one in result.changed] == [path]
    assert result.files == []


def test_a_file_that_changed_before_it_is_read_is_told_as_it_is_now(
    tmp_path: Path, make_file: MakeFile
) -> None:
    path = make_file("a", b"short")
    found = scan_folder(str(tmp_path)).files
    make_file("a", b"much longer")
    result = hash_files(found)
    assert result.files[0].bytes == 11
    assert result.sha256s == [hashlib.sha256(Path(path).read_bytes()).hexdigest()]


def test_hashing_stops_when_asked(tmp_path: Path, make_file: MakeFile) -> None:
    make_file("a", bytes(8 << 20))
    stop = Stop()
    with pytest.raises(CanceledError):
        hash_files(scan_folder(str(tmp_path)).files, stop=stop, report=lambda _: stop.set())
    assert not [one for one in threading.enumerate() if one.name.startswith("tally-")]


def test_a_file_that_goes_away_is_said(tmp_path: Path, make_file: MakeFile) -> None:
    path = make_file("a", b"1")
    found = scan_folder(str(tmp_path)).files
    os.remove(path)
    with pytest.raises(TallyError, match="cannot be read"):
        hash_files(found)


def test_the_cache_knows_what_did_not_change(tmp_path: Path, make_file: MakeFile) -> None:
    path = make_file("in/a", b"1234")
    made_long_ago(path)
    cache = HashCache(str(tmp_path / "hashes.db"))
    one = older(scan_folder(str(tmp_path / "in")).files[0])
    cache.remember([(one, "ab" * 32)])
    assert cache.look_up([one]) == ["ab" * 32]
    # The cache is believed: that is the point of it.
    assert hash_files([one], cache=cache).sha256s == ["ab" * 32]
    for other in (
        FoundFile(one.path, 5, one.mtime_ns, one.ctime_ns, one.inode, False),
        FoundFile(one.path, 4, one.mtime_ns + 1, one.ctime_ns, one.inode, False),
        FoundFile(one.path, 4, one.mtime_ns, one.ctime_ns, one.inode + 1, False),
        FoundFile(one.path + "x", 4, one.mtime_ns, one.ctime_ns, one.inode, False),
    ):
        assert cache.look_up([other]) == [None]
    cache.close()


def test_what_was_just_written_is_not_remembered(tmp_path: Path, make_file: MakeFile) -> None:
    make_file("in/a", b"1234")
    cache = HashCache(str(tmp_path / "hashes.db"))
    found = scan_folder(str(tmp_path / "in")).files
    hash_files(found, cache=cache)
    assert cache.look_up(found) == [None]
    cache.close()


def test_a_broken_cache_is_put_aside(tmp_path: Path, make_file: MakeFile) -> None:
    path = make_file("hashes.db", b"this is no database, but long enough to look like one" * 100)
    made_long_ago(make_file("in/a", b"1234"))
    cache = HashCache(path)
    one = older(scan_folder(str(tmp_path / "in")).files[0])
    cache.remember([(one, "cd" * 32)])
    assert cache.look_up([one]) == ["cd" * 32]
    cache.close()
    assert (tmp_path / "hashes.db.broken").exists()


def test_a_cache_that_cannot_be_opened_only_costs_time(tmp_path: Path, make_file: MakeFile) -> None:
    path = make_file("in/a", b"1234")
    cache = HashCache(os.path.join(path, "hashes.db"))
    assert hash_files(scan_folder(str(tmp_path / "in")).files, cache=cache).sha256s == [
        hashlib.sha256(b"1234").hexdigest()
    ]
    cache.close()


def test_a_cache_that_somebody_holds_only_costs_time(tmp_path: Path, make_file: MakeFile) -> None:
    made_long_ago(make_file("in/a", b"1234"))
    path = str(tmp_path / "hashes.db")
    cache = HashCache(path, timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    one = older(scan_folder(str(tmp_path / "in")).files[0])
    cache.remember([(one, "ab" * 32)])
    other.execute("ROLLBACK")
    other.close()
    assert cache.look_up([one]) == [None]
    cache.close()


def test_the_command_line_and_python_share_one_cache(tmp_path: Path, make_file: MakeFile) -> None:
    made_long_ago(make_file("in/a ü", b"1234"))
    made_long_ago(make_file("in/b", b"12345"))
    mine, theirs = (older(one) for one in scan_folder(str(tmp_path / "in")).files)
    path = str(tmp_path / "hashes.db")
    cache = HashCache(path)
    cache.remember([(mine, "ab" * 32)])
    module = (ROOT / "container/agent/files/hash-cache.ts").as_uri()
    told = [[one.path, one.bytes, str(one.mtime_ns), str(one.inode)] for one in (mine, theirs)]
    script = f"""
        import {{ openHashCache }} from {json.dumps(module)};
        const cache = openHashCache({json.dumps(path)});
        const file = ([path, bytes, mtime, inode]) => ({{
          path, bytes, mtimeNs: BigInt(mtime), ctimeNs: BigInt(mtime), inode: BigInt(inode),
          executable: false,
        }});
        const [mine, theirs] = {json.dumps(told)};
        console.log(JSON.stringify(cache.lookUp([file(mine), file(theirs)])));
        cache.remember([{{ file: file(theirs), sha256: "ef".repeat(32) }}]);
        cache.close();
    """
    said = subprocess.run(
        [str(ROOT / "node_modules/.bin/node"), "--input-type=module-typescript", "-e", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert json.loads(said.stdout) == ["ab" * 32, None]
    assert cache.look_up([mine, theirs]) == ["ab" * 32, "ef" * 32]
    cache.close()


def test_names_that_differ_by_case_are_a_note(tmp_path: Path, make_file: MakeFile) -> None:
    make_file("A.png", b"1")
    make_file("a.png", b"2")
    found = scan_folder(str(tmp_path))
    if len(found.files) < 2:
        pytest.skip("here the two are one file")
    assert found.problems == []
    assert len(found.notes) == 1
    assert "differ only by case" in found.notes[0]


def test_a_path_of_300_characters_and_a_sparse_file(tmp_path: Path, make_file: MakeFile) -> None:
    long = "/".join(["n" * 99] * 3)
    make_file(long, b"1")
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(5 << 20)
    found = scan_folder(str(tmp_path))
    assert [os.path.relpath(one.path, tmp_path) for one in found.files] == [long, "sparse"]
    assert hash_files(found.files).sha256s[1] == hashlib.sha256(bytes(5 << 20)).hexdigest()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_an_unreadable_file_is_a_problem(tmp_path: Path, make_file: MakeFile) -> None:
    os.chmod(make_file("a", b"1"), 0)
    with not_as_root(tmp_path):
        problems = scan_folder(str(tmp_path)).problems
    assert problems == [f"The file {tmp_path}/a cannot be read: permission denied."]


def test_single_files(tmp_path: Path, make_file: MakeFile) -> None:
    a, b = make_file("a", b"1"), make_file("b", b"22")
    found = stat_files([b, a, str(tmp_path), str(tmp_path / "gone")])
    assert [one.path for one in found.files] == [b, a]
    assert found.problems == [
        f"{tmp_path} is a folder, not a file.",
        f"The file {tmp_path / 'gone'} does not exist.",
    ]


def test_a_manifest_of_two_parts(tmp_path: Path, make_file: MakeFile) -> None:
    make_file("tex/a", b"1")
    os.chmod(make_file("tex/run", b"2"), 0o755)
    (tmp_path / "tex" / "empty").mkdir()
    both, scene = make_file("both", b"3"), make_file("scene", b"4")
    tex = scan_folder(str(tmp_path / "tex"))
    sha256s = {one.path: "0" * 64 for one in tex.files} | {both: "1" * 64, scene: "2" * 64}
    manifest = build_manifest(
        [
            Part(tex, sha256s, [str(tmp_path / "tex")], "Textures"),
            Part(stat_files([both, scene]), sha256s, group="Scene"),
            Part(stat_files([both]), sha256s, group="Other"),
        ]
    )
    assert manifest_problems(manifest) == []
    assert manifest["roots"] == [str(tmp_path / "tex")]
    assert [(os.path.basename(one["path"]), one.get("group")) for one in manifest["files"]] == [
        ("both", None),
        ("scene", "Scene"),
        ("a", "Textures"),
        ("run", "Textures"),
    ]
    assert [one.get("executable") for one in manifest["files"]] == [None, None, None, True]
    assert manifest["folders"] == [{"path": str(tmp_path / "tex" / "empty"), "group": "Textures"}]


def test_a_copy_is_never_a_link(tmp_path: Path, make_file: MakeFile) -> None:
    source = make_file("a", os.urandom(3 << 20))
    copied = copy_file(source, str(tmp_path / "b"))
    assert copied in (None, hash_file(source)[0])
    assert (tmp_path / "b").stat().st_ino != (tmp_path / "a").stat().st_ino
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("name", ["0001.png", "{folder}/../0001.png", "{folder}/./0001.png"])
def test_only_full_names_are_homes(tmp_path: Path, make_file: MakeFile, name: str) -> None:
    source = make_file("a", b"1")
    file = Homecoming("1", name.replace("{folder}", str(tmp_path)), 1, hashlib.sha256(b"1").hexdigest())
    result = bring_home(file, LocalFile(source))
    assert result.kind == "failed"
    assert "not the full name" in (result.problem or "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_said(tmp_path: Path, make_file: MakeFile) -> None:
    source = make_file("a", b"1")
    name = str(tmp_path / "home.png")
    os.symlink("/dev/full", tmp_path / ".home.png.tally-1.tmp")
    result = bring_home(Homecoming("1", name, 1, hashlib.sha256(b"1").hexdigest()), LocalFile(source))
    assert result.kind == "failed"
    assert "the disk is full" in (result.problem or "")
    assert not os.path.exists(name)


def test_rate_and_time_left() -> None:
    now = 0.0
    rate = Rate(lambda: now)
    assert rate.update(Progress(0, 0, 1, 1000)) == (0.0, None)
    now = 2.0
    assert rate.update(Progress(0, 200, 1, 1000)) == (100.0, 8.0)
    now = 20.0
    # Only the last ten seconds count, so a pause at the beginning is forgotten.
    rate.update(Progress(0, 200, 1, 1000))
    now = 25.0
    speed, left = rate.update(Progress(0, 700, 1, 1000))
    assert speed == pytest.approx(500 / 23)
    assert left == pytest.approx(300 / (500 / 23))
