"""The vectors in test/vectors, which TypeScript runs too."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from not_as_root import not_as_root
from tally_core.errors import TallyError
from tally_core.home import Homecoming, LocalFile, bring_home
from tally_core.manifest import manifest_problems, path_names
from tally_core.names import name_filter
from tally_core.pack import MAGIC, PackError, pack_end, pack_head, read_pack
from tally_core.scan import scan_folder

VECTORS = Path(__file__).resolve().parents[2] / "test" / "vectors"


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def named(cases: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def in_pieces(data: bytes, length: int) -> Callable[[int], bytes]:
    """Reads at most so many bytes at once, as a network may cut them."""
    at = 0

    def read(wanted: int) -> bytes:
        nonlocal at
        piece = data[at : at + min(wanted, length)]
        at += len(piece)
        return piece

    return read


@named(load("pack.json"))
def test_pack(case: Any) -> None:
    data = bytes.fromhex(case["given"]["hex"])
    for length in (1, 7, 1 << 20):
        files: list[dict[str, str]] = []
        problem = None
        try:
            for sha256, content in read_pack(in_pieces(data, length), case["given"]["maxBytes"]):
                files.append({"sha256": sha256, "hex": content.hex()})
        except PackError as error:
            problem = str(error)
        assert files == case["expect"]["files"]
        assert problem == case["expect"]["problem"]
    if case["expect"]["problem"] is None and case["expect"].get("written", True):
        parts = [
            part
            for one in case["expect"]["files"]
            for part in (pack_head(one["sha256"], len(one["hex"]) // 2), bytes.fromhex(one["hex"]))
        ]
        assert (MAGIC + b"".join(parts) + pack_end(len(case["expect"]["files"]))).hex() == case["given"][
            "hex"
        ]


@named(load("manifest.json")["paths"])
def test_names_of_a_path(case: Any) -> None:
    assert path_names(case["given"]["path"], case["given"]["format"]) == case["expect"]["names"]


@named(load("manifest.json")["manifests"])
def test_manifest(case: Any) -> None:
    assert manifest_problems(case["given"]["manifest"]) == case["expect"]["problems"]


@named(load("filter.json"))
def test_filter(case: Any) -> None:
    matches = name_filter(case["given"]["filter"])
    assert [one for one in case["given"]["names"] if matches(one)] == case["expect"]["matches"]


@named(load("home.json"))
def test_home(case: Any, tmp_path: Path) -> None:
    given, expect = case["given"], case["expect"]
    needs_rights = given.get("onlyOn") == "posix, not root"
    if needs_rights and sys.platform == "win32":
        pytest.skip("Windows has no such modes")
    for name, text in given["files"].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in given.get("folders", []):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    for name in given.get("readOnly", []):
        (tmp_path / name).chmod(0o555)
    source = given["source"]
    fetches = 0

    def fetch(target: str) -> None:
        nonlocal fetches
        fetches += 1
        if "fetch" in source:
            Path(target).write_text(source["fetch"], encoding="utf-8")
        if "fetchFails" in source:
            raise TallyError("storage-down", source["fetchFails"])

    said = given["file"]
    file = Homecoming(
        said["id"],
        str(tmp_path / said["name"]),
        said["bytes"],
        said["sha256"],
        said["conflict"],
        said.get("executable", False),
    )
    local = LocalFile(str(tmp_path / source["file"]), source["move"]) if "file" in source else None
    with not_as_root(tmp_path) if needs_rights else nullcontext():
        result = bring_home(file, local or fetch)
    for name in given.get("readOnly", []):
        (tmp_path / name).chmod(0o700)

    assert result.kind == expect["kind"], result.problem
    assert expect.get("problem", "") in (result.problem or "")
    lying = {
        path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8")
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    if source.get("move"):
        lying.pop(source["file"], None)
    assert lying == expect["files"]
    if "fetches" in expect:
        assert fetches == expect["fetches"]
    if expect.get("executable") and sys.platform != "win32":
        assert os.access(tmp_path / said["name"], os.X_OK)


@named(load("scan.json"))
def test_scan(case: Any, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("links and pipes are of POSIX")
    top = tmp_path.resolve()
    make_tree(top, case["given"])
    found = scan_folder(
        str(top / case["given"]["scan"]), roots=[str(top / one) for one in case["given"].get("roots", [])]
    )

    def plain(text: str) -> str:
        return text.replace(str(top), "{top}")

    assert [plain(one.path) for one in found.files] == case["expect"]["files"]
    assert [plain(one) for one in found.empty_folders] == case["expect"]["emptyFolders"]
    assert [plain(one) for one in found.problems] == case["expect"]["problems"]
    assert [plain(one) for one in found.notes] == case["expect"]["notes"]


def make_tree(top: Path, given: Any) -> None:
    for name, text in given.get("files", {}).items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    for name in given.get("folders", []):
        (top / name).mkdir(parents=True, exist_ok=True)
    for name, target in given.get("links", {}).items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).symlink_to(target.replace("{top}", str(top)))
    for name in given.get("pipes", []):
        os.mkfifo(top / name)
    for name in given.get("hexNames", []):
        # Names whose bytes are no UTF-8.
        folder, _, code = name.rpartition("/")
        (top / folder).mkdir(parents=True, exist_ok=True)
        with open(os.path.join(os.fsencode(str(top / folder)), bytes.fromhex(code)), "wb"):
            pass
