"""Which files of an image sequence a render reads, as Blender itself counts them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import bpy
from places import absolute, node_trees

NUMBER = re.compile(r"^(.*\D|)(\d+)(\D*)$", re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """One use of an image sequence: what it shows, and when."""

    path: str
    start: int
    duration: int
    offset: int
    cyclic: bool

    def number_at(self, frame: int) -> int:
        """The number of the file that is shown at a frame of the scene."""
        at = frame - self.start + 1
        if self.cyclic and self.duration > 0:
            at = at % self.duration or self.duration
        return max(0, min(at, self.duration)) + self.offset


def split_number(path: str) -> tuple[str, str, str] | None:
    """The path before its last number, the number, and what follows; the extension's digits do not count."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    match = NUMBER.match(stem)
    return (os.path.join(folder, match[1]), match[2], match[3] + extension) if match else None


def numbered_name(path: str, number: int) -> str:
    """The same name with another number, as many digits at least."""
    parts = split_number(path)
    return f"{parts[0]}{max(0, number):0{len(parts[1])}d}{parts[2]}" if parts else path


def siblings(path: str) -> list[str]:
    """Every file that differs in its number alone."""
    parts = split_number(path)
    if parts is None:
        return []
    folder, start = os.path.split(parts[0])
    pattern = re.compile(re.escape(start) + r"\d+" + re.escape(parts[2]))
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(os.path.join(folder, name) for name in names if pattern.fullmatch(name))


def shown_sequences() -> dict[str, list[Shown]]:
    """Every use of each sequence that can be told, by the sequence's own path.

    One whose use cannot be counted (by geometry, with an animated offset) is left out.
    """
    found: dict[str, list[Shown]] = {}
    unsure: set[str] = set()
    for user, image in _users():
        if image is None or image.source != "SEQUENCE" or len(image.packed_files) > 0:
            continue
        path = absolute(image.filepath, image.library)
        if user is None or not user.use_auto_refresh or split_number(path) is None:
            unsure.add(path)
            continue
        shown = Shown(path, user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic)
        found.setdefault(path, []).append(shown)
    return {path: uses for path, uses in found.items() if path not in unsure}


def missing_at(sequences: dict[str, list[Shown]], frames: Iterable[int]) -> list[str]:
    """For each sequence with holes at these frames: the first file that is not there, and how many more."""
    times = list(frames)
    found: list[str] = []
    for path, uses in sequences.items():
        names = {numbered_name(path, use.number_at(frame)) for use in uses for frame in times}
        gone = sorted(name for name in names if not os.path.exists(name))
        if gone:
            found.append(gone[0] + (f" and {len(gone) - 1} more" if len(gone) > 1 else ""))
    return found


def _users() -> Iterator[tuple[Any, Any]]:
    """Pairs of what counts the frames (None where nothing does) and the image."""
    for tree, _ in node_trees():
        moves = _is_animated(tree)
        for node in tree.nodes:
            image = getattr(node, "image", None)
            if image is not None:
                # The compositor's own node counts by itself; nodes of geometry do not count at all.
                counter = getattr(node, "image_user", node if hasattr(node, "frame_duration") else None)
                yield None if moves else counter, image
            for socket in node.inputs:
                if socket.bl_idname == "NodeSocketImage":
                    yield None, socket.default_value
    for texture in bpy.data.textures:
        if texture.type == "IMAGE":
            yield None if _is_animated(texture) else texture.image_user, texture.image
    for block in bpy.data.objects:
        if block.type == "EMPTY" and block.empty_display_type == "IMAGE":
            yield block.image_user, block.data
    for camera in bpy.data.cameras:
        for background in camera.background_images:
            yield background.image_user, background.image


def _is_animated(block: Any) -> bool:
    """Whether an offset or a length may change from frame to frame."""
    data = block.animation_data
    if data is None:
        return False
    paths = [curve.data_path for curve in data.drivers]
    if data.action is not None:
        for action in _curves(data.action):
            paths.append(action.data_path)
    return any("frame_" in path for path in paths)


def _curves(action: Any) -> Iterator[Any]:
    if hasattr(action, "fcurves"):
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from bag.fcurves
