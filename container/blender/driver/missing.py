"""Finds what a scene needs and does not have: files that are not there, scripts that were not run.

Blender renders such scenes all the same, pink or wrong, and ends with 0.
"""

from __future__ import annotations

import os
import re
from typing import Any

import bpy

UDIM = re.compile(r"<(UDIM|UVTILE)>", re.IGNORECASE)


def missing_files() -> list[str]:
    """One line for each file that the scene uses and that does not exist."""
    found: list[str] = []
    for library in bpy.data.libraries:
        if getattr(library, "packed_file", None) is None and not os.path.exists(_absolute(library)):
            found.append(f"library {_absolute(library)}")
    for image in bpy.data.images:
        if image.users and not _image_is_there(image):
            found.append(f"texture {_absolute(image)}")
    for kind, collection in (
        ("font", bpy.data.fonts),
        ("movie clip", bpy.data.movieclips),
        ("cache", bpy.data.cache_files),
        ("volume", getattr(bpy.data, "volumes", ())),
    ):
        for block in collection:
            path = _absolute(block)
            packed = getattr(block, "packed_file", None)
            if (
                block.users
                and packed is None
                and path
                and block.filepath != "<builtin>"
                and not os.path.exists(path)
            ):
                found.append(f"{kind} {path}")
    found += _missing_strips()
    found += _missing_links() if not any(line.startswith("library ") for line in found) else []
    return list(dict.fromkeys(found))


def _absolute(block: Any) -> str:
    if not block.filepath:
        return ""
    return os.path.normpath(str(bpy.path.abspath(block.filepath, library=getattr(block, "library", None))))


def _image_is_there(image: Any) -> bool:
    if image.source not in ("FILE", "SEQUENCE", "MOVIE", "TILED") or not image.filepath:
        return True
    if image.packed_file is not None or len(getattr(image, "packed_files", ())) > 0:
        return True
    path = _absolute(image)
    if image.source == "TILED":
        if not UDIM.search(path):
            return os.path.exists(path)
        return all(os.path.exists(_tile_path(path, tile.number)) for tile in image.tiles)
    return os.path.exists(path)


def _tile_path(path: str, number: int) -> str:
    offset = number - 1001
    uv = f"u{offset % 10 + 1}_v{offset // 10 + 1}"
    return UDIM.sub(lambda match: str(number) if match[1].upper() == "UDIM" else uv, path)


def _missing_strips() -> list[str]:
    found: list[str] = []
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is None or not scene.render.use_sequencer:
            continue
        strips = getattr(editor, "strips_all", None)
        for strip in strips if strips is not None else editor.sequences_all:
            if strip.mute or strip.type not in ("IMAGE", "MOVIE"):
                continue
            if strip.type == "MOVIE":
                paths = [bpy.path.abspath(strip.filepath)]
            else:
                folder = bpy.path.abspath(strip.directory)
                paths = [os.path.join(folder, element.filename) for element in strip.elements]
            gone = [os.path.normpath(path) for path in paths if not os.path.exists(path)]
            if gone:
                more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
                found.append(f'strip "{strip.name}" {gone[0]}{more}')
    return found


def _missing_links() -> list[str]:
    """Blocks whose library is there but no longer holds them."""
    found: list[str] = []
    for library in bpy.data.libraries:
        gone = [block.name for block in library.users_id if getattr(block, "is_missing", False)]
        if gone:
            found.append(f'"{gone[0]}" in library {_absolute(library)}')
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
