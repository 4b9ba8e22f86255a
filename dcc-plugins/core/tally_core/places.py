"""Where a result file goes: its own place at home, or below a folder that was asked for; nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .errors import TallyError
from .manifest import Format, local_format, path_names
from .names import is_windows_name

# A result file, as the broker lists it -> where it goes. Raises TallyError (`local`) where it may go nowhere.
Place = Callable[[Mapping[str, Any]], str]


def format_of(name: str) -> Format:
    """How a home name is spelled: a drive or a share is Windows', a slash at the start is not."""
    return "windows" if is_windows_name(name) else "posix"


def places_of(
    job: Mapping[str, Any], names: Iterable[str], to: str | None = None, here: Format | None = None
) -> Place:
    """Makes the function that tells where a file of this job goes, absolute.

    `to`: a folder instead of home; below it the folders are kept that lie below the one that all results
    share.
    `names`: those of the files, which say what they share where the job does not.
    """
    system = here or local_format()
    top = None if to is None else os.path.abspath(to)
    base = [] if to is None else _shared_folder(job, names)

    def place(artifact: Mapping[str, Any]) -> str:
        name = str(artifact["name"])
        parts = path_names(name, format_of(name))
        if not parts:
            raise TallyError("local", f'"{name}" is no full name of a file, so it is not brought here.')
        if top is not None:
            return _below(top, parts, base)
        if artifact["outside"]:
            raise TallyError(
                "local",
                f"{name} is not below a folder that job {job['number']} may write to. "
                f"To have it elsewhere: tally pull {job['number']} --to FOLDER",
            )
        if format_of(name) != system:
            other = "Windows" if system == "posix" else "another system"
            raise TallyError(
                "local",
                f"The files of job {job['number']} belong to {other}, such as {name}. "
                f"Say where they should go here: tally pull {job['number']} --to FOLDER",
            )
        return name

    return place


def _shared_folder(job: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Parts of the folder that all share: as the job says it, so that it stays the same while they come."""
    pattern = job.get("outputPattern")
    if pattern is not None:
        return (path_names(pattern, format_of(pattern)) or [])[:-1]
    given: Sequence[str] = job["settings"]["outputFolders"]
    folders = (
        [path_names(one, format_of(one)) or [] for one in given]
        if given
        else [(path_names(one, format_of(one)) or [])[:-1] for one in names]
    )
    shared = folders[0] if folders else []
    for folder in folders:
        shared = shared[: _same_start(shared, folder)]
    return shared


def _below(top: str, parts: Sequence[str], base: Sequence[str]) -> str:
    """What a name has in common with the shared folder goes; the rest are folders below `top`."""
    rest = parts[min(_same_start(parts, base), len(parts) - 1) :]
    path = os.path.join(top, *rest)
    # Names have no slash and no "..", so this holds; it is looked at all the same.
    if os.path.commonpath([top, os.path.abspath(path)]) != top:
        raise TallyError("local", f"{path} is not below {top}.")
    return path


def _same_start(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
