"""The list of a job's input files: JSON that every client writes in the same way, and the rules for its
paths.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .scan import Found, FoundFile

Format = Literal["posix", "windows"]
_DRIVE = re.compile(r"([A-Za-z]):[\\/]")
_SHARE = re.compile(r"[\\/]{2}([^\\/]+)[\\/]([^\\/]+)(?:[\\/]|\Z)")
_SLASHES = re.compile(r"[\\/]")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')
MOST_SENTENCES = 20


def local_format() -> Format:
    """How this machine spells its paths."""
    return "windows" if sys.platform == "win32" else "posix"


def path_names(text: str, path_format: Format) -> list[str] | None:
    """The names below a root that a path stands for, root first; None for a path that is refused.

    `/a/b` is `["a", "b"]`, `C:\\a` is `["C", "a"]`, `\\\\host\\share\\a` is `["UNC", "host", "share", "a"]`.
    Refused is what is not absolute or has a part that no file may have here: empty, `.`, `..`, a NUL.
    """
    if "\0" in text:
        return None
    if path_format == "posix":
        if not text.startswith("/") or (text.startswith("//") and not text.startswith("///")):
            return None
        names = text[1:].split("/")
    else:
        if drive := _DRIVE.match(text):
            names = [drive[1].upper(), *_SLASHES.split(text[3:])]
        elif share := _SHARE.match(text):
            rest = text[share.end() :]
            names = ["UNC", share[1], share[2], *(_SLASHES.split(rest) if rest else [])]
        else:
            return None
        if any(_NOT_ON_WINDOWS.search(name) for name in names):
            return None
    # "/" itself, and a trailing slash.
    if names and names[-1] == "":
        names.pop()
    return None if any(name in ("", ".", "..") for name in names) else names


def manifest_problems(manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with the paths of a manifest, one sentence each; at most 20."""
    problems: list[str] = []
    seen: set[tuple[str, ...]] = set()
    lists: list[tuple[str, bool]] = [
        *((text, False) for text in manifest["roots"]),
        *((one["path"], True) for one in manifest["files"]),
        *((one["path"], False) for one in manifest.get("folders", ())),
        *((one["path"], True) for one in manifest.get("shared", ())),
    ]
    for text, is_unique in lists:
        if len(problems) >= MOST_SENTENCES:
            break
        names = path_names(text, manifest["format"])
        if names is None:
            problems.append(f'"{text[:200]}" is not an absolute path inside a folder.')
        elif is_unique and tuple(names) in seen:
            problems.append(f'"{text[:200]}" is there twice.')
        elif is_unique:
            seen.add(tuple(names))
    return problems


@dataclass
class Part:
    """Files that belong together: those of one template parameter, or of none. `roots` appear as a whole."""

    found: Found
    sha256s: Mapping[str, str]
    roots: list[str] = field(default_factory=list)
    group: str | None = None


def build_manifest(
    parts: Iterable[Part], *, shared: Iterable[tuple[FoundFile, str | None]] = ()
) -> dict[str, Any]:
    """Makes the manifest of a job: parts merged, a file of two parts named once and then of no group, in
    order.

    `sha256s` of a part maps each path to its hash. `shared`: files below a shared root, with their group.
    """
    roots: set[str] = set()
    files: dict[str, dict[str, Any]] = {}
    folders: dict[str, dict[str, Any]] = {}
    for part in parts:
        roots.update(part.roots)
        for one in part.found.files:
            entry: dict[str, Any] = {"path": one.path, "sha256": part.sha256s[one.path], "bytes": one.bytes}
            if one.executable:
                entry["executable"] = True
            _merge(files, entry, part.group)
        for path in part.found.empty_folders:
            _merge(folders, {"path": path}, part.group)
    elsewhere: dict[str, dict[str, Any]] = {}
    for one, group in shared:
        _merge(elsewhere, {"path": one.path, "bytes": one.bytes}, group)
    return {
        "version": 1,
        "format": local_format(),
        "roots": sorted(roots),
        "files": [files[path] for path in sorted(files)],
        "folders": [folders[path] for path in sorted(folders)],
        "shared": [elsewhere[path] for path in sorted(elsewhere)],
    }


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The manifest as it is stored."""
    return json.dumps(manifest, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _merge(entries: dict[str, dict[str, Any]], entry: dict[str, Any], group: str | None) -> None:
    if group is not None:
        entry["group"] = group
    known = entries.setdefault(entry["path"], entry)
    if known.get("group") != entry.get("group"):
        # Wanted by two: no group means that every step has it.
        known.pop("group", None)
