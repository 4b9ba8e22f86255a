"""Finds what a scene needs and does not have: files that are not there, scripts that were not run.

Blender renders such scenes all the same, pink or wrong, and ends with 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import bpy
from dependencies import expand, eye_files, has_eyes, tile_files
from places import Place, absolute, all_places
from sequences import Shown, missing_at, shown_sequences, siblings


def missing_files(home: Callable[[str], str] = str, frames: Iterable[int] | None = None) -> list[str]:
    """One line for each file that the scene uses and that does not exist, under its name at `home`.

    With `frames`, image sequences are looked at for each of these; without them, not at all.
    """
    found: list[str] = []
    sequences = shown_sequences()
    for place in all_places():
        if not place.needed:
            continue
        gone = [path for path in _needed_now(place, sequences) if not os.path.exists(path)]
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            name = f'"{place.name}" ' if place.kind == "strip" else ""
            found.append(f"{place.kind} {name}{home(os.path.normpath(gone[0]))}{more}")
    if frames is not None:
        found += [f"texture {home(path)}" for path in missing_at(sequences, frames)]
    found += _missing_links() if not any(line.startswith("library ") for line in found) else []
    return list(dict.fromkeys(found))


def _needed_now(place: Place, sequences: dict[str, list[Shown]]) -> list[str]:
    """The files that must be there whatever frame is rendered."""
    path = place.path
    if place.form == "image" and place.owner.source == "TILED":
        return tile_files(place.owner, path)
    if place.form == "image":
        # Which frames of a sequence are needed is another question, where it can be told.
        if path in sequences:
            return []
        either = [path, *eye_files(path)] if has_eyes(place.owner) else [path]
        return [] if any(os.path.exists(one) for one in either) else [path]
    if place.form == "sequence":
        return [] if siblings(path) else [path]
    return expand(place, sequences)


def _missing_links() -> list[str]:
    """Blocks whose library is there but no longer holds them."""
    found: list[str] = []
    for library in bpy.data.libraries:
        gone = [block.name for block in library.users_id if getattr(block, "is_missing", False)]
        if gone:
            found.append(f'"{gone[0]}" in library {absolute(library.filepath)}')
    return found


def python_drivers() -> list[Any]:
    """Every driver whose expression needs Python; Blender marks the failed ones and renders on."""
    found: list[Any] = []
    for collection_name in (
        "objects",
        "meshes",
        "materials",
        "node_groups",
        "shape_keys",
        "armatures",
        "cameras",
        "lights",
        "worlds",
        "scenes",
        "curves",
        "particles",
        "textures",
        "lattices",
        "metaballs",
        "grease_pencils",
    ):
        for block in getattr(bpy.data, collection_name, ()):
            animated = [block.animation_data] if getattr(block, "animation_data", None) else []
            tree = None if collection_name == "node_groups" else getattr(block, "node_tree", None)
            if tree is not None and tree.animation_data:
                animated.append(tree.animation_data)
            for data in animated:
                found += [curve for curve in data.drivers if curve.driver.type == "SCRIPTED"]
    return found


def broken_drivers(drivers: list[Any]) -> list[str]:
    """The expressions that Blender could not evaluate."""
    return [
        f"{curve.data_path} = {curve.driver.expression}" for curve in drivers if not curve.driver.is_valid
    ]


def blocked_scripts() -> list[str]:
    """Text blocks that register themselves, and drivers that Blender refused to run."""
    found = [f'script "{text.name}"' for text in bpy.data.texts if text.use_module]
    found += [
        f"driver {curve.data_path} = {curve.driver.expression}"
        for curve in python_drivers()
        if not curve.driver.is_simple_expression
    ]
    return found
