"""Path mapping rules of a session: from the artist's paths to this machine's, and back to the names at home.

The same meaning as `broker/openjd/path-mapping.ts`: the rule with the longest source wins, whole names only.
"""

from __future__ import annotations

import json
import ntpath
import os
import re
from dataclasses import dataclass, field

WINDOWS_ROOT = re.compile(r"^(//[^/]+/[^/]+/?|[A-Za-z]:/?|/)")


@dataclass(frozen=True)
class Rule:
    """One rule; `windows` is the spelling of its source."""

    windows: bool
    source: str
    destination: str


@dataclass
class PathMapping:
    """The rules, and where a path that came from the artist's machine lies here.

    There may be a rule for each of many thousand files, so they are found by name, never one by one.
    """

    rules: list[Rule] = field(default_factory=list)
    # Where the scene lies on the artist's machine.
    original: str = ""
    # The session's own folder, where nothing belongs to anybody else.
    folder: str = ""

    def __post_init__(self) -> None:
        self.windows = is_windows_path(self.original)
        self._sources: dict[tuple[bool, str], Rule] = {}
        self._destinations: dict[str, Rule] = {}
        self._folders: dict[str, str] | None = None
        for rule in self.rules:
            self._sources.setdefault((rule.windows, _key(rule.source, rule.windows)), rule)
            if self._leads_home(rule):
                self._destinations.setdefault(_key(rule.destination, False), rule)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def map(self, path: str) -> str:
        """Maps one path; what no rule covers comes back untouched."""
        best: tuple[Rule, list[str]] | None = None
        longest = 0
        for windows in (False, True):
            parts = path_parts(path, windows)
            for length in range(len(parts), longest, -1):
                rule = self._sources.get((windows, _fold(parts[:length], windows)))
                if rule is not None:
                    best, longest = (rule, parts[length:]), length
                    break
        if best is None:
            return path
        rule, rest = best
        return _join(rule.destination, rest, path, rule.windows)

    def place(self, path: str) -> str:
        """Maps a path that may stand for several files.

        Such as a `<UDIM>` name, or a folder whose files have rules of their own.
        """
        mapped = self.map(path)
        if mapped != path or not self.rules:
            return mapped
        folders = self._folder_places()
        key = _key(path, self.windows)
        if key in folders:
            return folders[key]
        folder, name = ntpath.split(path) if self.windows else os.path.split(path)
        key = _key(folder, self.windows)
        return os.path.join(folders[key], name) if key in folders else path

    def home(self, path: str) -> str:
        """The artist's own name of a path on this machine; the inverse of `map`."""
        names = path_parts(os.path.normpath(path), False)
        for length in range(len(names), 0, -1):
            rule = self._destinations.get(_fold(names[:length], False))
            if rule is not None:
                break
        else:
            return ntpath.normpath(path) if self.windows and is_windows_path(path) else path
        rest = names[length:]
        if not rule.windows:
            return _join(rule.source, rest, path, False)
        return ntpath.normpath("\\".join([rule.source.rstrip("\\/"), *rest]))

    def _leads_home(self, rule: Rule) -> bool:
        """Whether a path here may be said in this rule's words.

        Each system spells a shared folder in its own way: the artist's is the one that the scene's path
        has. The folders of a session keep the artist's names, so there is no doubt about them.
        """
        source = path_parts(rule.source, rule.windows)
        kept = path_parts(rule.destination, False)
        names = [*re.split(r"[:/]+", source[0].replace("//", "UNC/")), *source[1:]] if source else []
        names = [name for name in names if name]
        if not self.original or kept[len(kept) - len(names) :] == names:
            return True
        own = path_parts(self.original, rule.windows)
        return _fold(own[: len(source)], rule.windows) == _fold(source, rule.windows)

    def _folder_places(self) -> dict[str, str]:
        """Folders that are known only by rules for what lies in them, and where these put them."""
        if self._folders is None:
            self._folders = {}
            for rule in self.rules:
                source, destination = path_parts(rule.source, rule.windows), rule.destination
                if rule.source == destination:
                    continue
                while len(source) > 1 and source[-1] == os.path.basename(destination):
                    source, destination = source[:-1], os.path.dirname(destination)
                    self._folders.setdefault(_fold(source, rule.windows), destination)
        return self._folders


def read_mapping(path: str, original: str) -> PathMapping:
    """Reads a session's rules file; `{}` and no file at all mean no rules.

    `original` tells the artist's spelling.
    """
    if path == "":
        return PathMapping([], original)
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    rules = [
        Rule(one["source_path_format"] == "WINDOWS", one["source_path"], one["destination_path"])
        for one in document.get("path_mapping_rules", [])
    ]
    return PathMapping(rules, original, os.path.dirname(path))


def is_windows_path(path: str) -> bool:
    """Tells by its look whether a path was written for Windows."""
    return re.match(r"^[A-Za-z]:[\\/]", path) is not None or path.startswith("\\\\")


def is_absolute(path: str) -> bool:
    """Absolute on this machine, or written for Windows."""
    return os.path.isabs(path) or is_windows_path(path)


def path_parts(path: str, windows: bool) -> list[str]:
    """A path's root and names; `..` stays, because a link may stand before it."""
    if not windows:
        root = ["//"] if re.match(r"^//(?!/)", path) else ["/"] if path.startswith("/") else []
        return root + _names(path)
    slashed = path.replace("\\", "/")
    match = WINDOWS_ROOT.match(slashed)
    anchor = match[0] if match else ""
    head = anchor.rstrip("/") if anchor.startswith("//") else anchor
    return ([head] if head else []) + _names(slashed[len(anchor) :])


def _names(text: str) -> list[str]:
    return [name for name in text.split("/") if name not in ("", ".")]


def _fold(parts: list[str], windows: bool) -> str:
    text = "\0".join(parts)
    return text.lower() if windows else text


def _key(path: str, windows: bool) -> str:
    return _fold(path_parts(path, windows), windows)


def _join(base: str, rest: list[str], path: str, windows: bool) -> str:
    slash = "\\" if is_windows_path(base) else "/"
    bare = base.rstrip("\\/" if slash == "\\" else "/")
    mapped = slash.join([bare, *rest])
    # A bare root lost its slash above and needs it back when nothing follows.
    if not rest and bare != base and re.match(r"^([A-Za-z]:)?$", bare):
        return bare + slash
    ends = path.endswith(("\\", "/")) if windows else path.endswith("/")
    return mapped + slash if ends else mapped
