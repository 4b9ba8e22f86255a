"""The rules mean here what they mean in the agent, and names find their way home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from path_mapping import PathMapping, Rule, read_mapping

RULES = PathMapping(
    [
        Rule(False, "/mnt/show", "/local/show"),
        Rule(False, "/mnt/show/lib", "/fast/lib"),
        Rule(True, "Z:\\Show", "/local/z"),
        Rule(True, "\\\\nas\\share", "/nas"),
        Rule(False, "/win", "D:\\work"),
    ]
)


@pytest.mark.parametrize(
    ("path", "mapped"),
    [
        ("/mnt/show/a.blend", "/local/show/a.blend"),
        ("/mnt/show", "/local/show"),
        ("/mnt/show/", "/local/show/"),
        ("/mnt/shows/a", "/mnt/shows/a"),
        ("/mnt/show/lib/x", "/fast/lib/x"),
        ("/mnt/show//a", "/local/show/a"),
        ("/mnt/./show/a", "/local/show/a"),
        ("/mnt/show/../x", "/local/show/../x"),
        ("/MNT/show/a", "/MNT/show/a"),
        ("//mnt/show/a", "//mnt/show/a"),
        ("mnt/show/a", "mnt/show/a"),
        ("/other", "/other"),
        ("", ""),
        ("Z:\\Show\\a\\b.exr", "/local/z/a/b.exr"),
        ("z:/SHOW/a", "/local/z/a"),
        ("Z:\\Showroom", "Z:\\Showroom"),
        ("\\\\NAS\\Share\\x\\y", "/nas/x/y"),
        ("/win/a/b", "D:\\work\\a\\b"),
    ],
)
def test_maps_as_the_agent_does(path: str, mapped: str) -> None:
    assert RULES.map(path) == mapped


def test_a_root_maps_to_a_root() -> None:
    to_root = PathMapping([Rule(False, "/mnt", "/")])
    assert [to_root.map("/mnt"), to_root.map("/mnt/a")] == ["/", "/a"]
    assert PathMapping([Rule(False, "/", "/all")]).map("/a/b") == "/all/a/b"


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("/local/show/out/f_0001.png", "/mnt/show/out/f_0001.png"),
        ("/fast/lib/../lib/x", "/mnt/show/lib/x"),
        ("/local/z/a/b.exr", "Z:\\Show\\a\\b.exr"),
        ("/nas/x", "\\\\nas\\share\\x"),
        ("/elsewhere/x", "/elsewhere/x"),
    ],
)
def test_home_is_the_way_back(path: str, home: str) -> None:
    assert RULES.home(path) == home


def test_many_files_in_one_name_follow_the_rule_of_one_of_them() -> None:
    alone = PathMapping(
        [
            Rule(False, "/srv/tex/wall.1001.png", "/s/files/srv/tex/wall.1001.png"),
            Rule(False, "/srv/fluid/data/f_0001.vdb", "/s/files/srv/fluid/data/f_0001.vdb"),
        ]
    )
    assert alone.map("/srv/tex/wall.<UDIM>.png") == "/srv/tex/wall.<UDIM>.png"
    assert alone.place("/srv/tex/wall.<UDIM>.png") == "/s/files/srv/tex/wall.<UDIM>.png"
    assert alone.place("/srv/fluid") == "/s/files/srv/fluid"
    assert alone.place("/etc/fluid/x") == "/etc/fluid/x"
    windows = PathMapping([Rule(True, "C:\\tex\\a.1001.png", "/s/C/tex/a.1001.png")], "C:\\a.blend")
    assert windows.place("c:\\TEX\\a.<UDIM>.png") == "/s/C/tex/a.<UDIM>.png"


def test_a_shared_folder_is_called_as_the_artist_calls_it() -> None:
    rules = [Rule(True, "S:\\show", "/mnt/show"), Rule(False, "/Volumes/show", "/mnt/show")]
    mirror = Rule(False, "/home/ann", "/s/files/home/ann")
    linux = PathMapping([*rules, mirror], "/mnt/show/a.blend")
    assert linux.home("/mnt/show/out/f.png") == "/mnt/show/out/f.png"
    assert linux.home("/s/files/home/ann/f.png") == "/home/ann/f.png"
    windows = PathMapping([*rules, Rule(True, "C:\\x", "/s/files/C/x")], "S:\\show\\a.blend")
    assert windows.home("/mnt/show/out/f.png") == "S:\\show\\out\\f.png"
    assert windows.home("/s/files/C/x/f.png") == "C:\\x\\f.png"
    assert PathMapping(rules, "/Volumes/show/a.blend").home("/mnt/show/f.png") == "/Volumes/show/f.png"


def test_reads_the_rules_of_a_session(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text("{}")
    assert not read_mapping(str(path), "/a.blend")
    assert not read_mapping("", "/a.blend")
    rule = {"source_path_format": "WINDOWS", "source_path": "C:\\x", "destination_path": "/y"}
    path.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]}))
    mapping = read_mapping(str(path), "C:\\x\\a.blend")
    assert (mapping.windows, mapping.map("c:/X/a.blend")) == (True, "/y/a.blend")
