"""What is missing of a job's results: frames that failed, are not done, or have no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class MissingFrames:
    """Frames of one step, by name."""

    step: str
    failed: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    no_file: list[str] = field(default_factory=list)


def missing_frames(
    tasks: Iterable[Mapping[str, Any]], artifacts: Iterable[Mapping[str, Any]]
) -> list[MissingFrames]:
    """Compares tasks with the files of those that count; empty when nothing is missing.

    Of a step that saves no file at all only failed and open frames are told.
    """
    saving: set[str] = set()
    with_file: set[tuple[str, int]] = set()
    for one in artifacts:
        saving.add(one["step"])
        if one["state"] == "current":
            with_file.add((one["step"], one["ordinal"]))
    steps: dict[str, MissingFrames] = {}
    for task in tasks:
        step, ordinal, state = task["step"], task["ordinal"], task["state"]
        missing = steps.setdefault(step, MissingFrames(step))
        name = task["frame"] if task["frame"] is not None else str(ordinal + 1)
        if state in ("failed", "canceled"):
            missing.failed.append(name)
        elif state != "succeeded":
            missing.open.append(name)
        elif step in saving and (step, ordinal) not in with_file:
            missing.no_file.append(name)
    return [one for one in steps.values() if one.failed or one.open or one.no_file]
