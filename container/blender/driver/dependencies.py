"""Every file that an open scene needs, one by one and absolute, and the folders that it needs as a whole."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

import bpy
from places import Place, all_places, libraries
from sequences import Shown, numbered_name, shown_sequences, siblings

UDIM = re.compile(r"<(UDIM|UVTILE)>", re.IGNORECASE)
FLUID_FOLDERS = ("config", "data", "noise", "mesh", "particles", "guiding", "script")
OCEAN_FILES = re.compile(r"^(disp|foam|normal|spray|spray_inverse)_\d+\.exr$")
POINT_FILES = re.compile(r"\.(bphys|bobj\.gz|vdb)$")


def dependencies() -> tuple[list[str], list[dict[str, str]]]:
    """What a scene needs to be rendered elsewhere: files that exist, and folders with what they are for."""
    files: set[str] = set()
    sequences = shown_sequences()
    folders: dict[str, str] = {}
    for place in all_places():
        if place.form in ("fluid", "bake"):
            for folder in _cache_folders(place):
                folders.setdefault(folder, f'{place.kind} of "{place.name}"')
        else:
            files.update(expand(place, sequences))
    for folder, why in _disk_caches():
        folders.setdefault(folder, why)
    # Blender's own list knows no sequences and no tiles, but maybe a kind of block that is unknown here.
    with contextlib.suppress(Exception):
        files.update(os.path.normpath(path) for path in bpy.utils.blend_paths(absolute=True, packed=False))
    good = {folder: why for folder, why in folders.items() if os.path.isdir(folder) and is_narrow(folder)}
    alone = {path for path in files if os.path.isfile(path) and not any(_is_in(path, one) for one in good)}
    return sorted(alone), [{"path": path, "why": why} for path, why in sorted(good.items())]


def expand(place: Place, sequences: dict[str, list[Shown]]) -> list[str]:
    """The files that a place stands for, there or not; of a sequence those that its uses may ask for."""
    path = place.path
    if place.form == "image":
        return _image_files(place.owner, path, sequences.get(path))
    if place.form == "sequence":
        return siblings(path) or [path]
    if place.form == "strip":
        return [os.path.join(path, element.filename) for element in place.owner.elements]
    if place.form in ("ocean", "points"):
        wanted = OCEAN_FILES if place.form == "ocean" else POINT_FILES
        return [os.path.join(path, name) for name in _names(path) if wanted.search(name)]
    return [path]


def tile_path(path: str, number: int) -> str:
    """The file of one tile of an image with many."""
    offset = number - 1001
    uv = f"u{offset % 10 + 1}_v{offset // 10 + 1}"
    return UDIM.sub(lambda match: str(number) if match[1].upper() == "UDIM" else uv, path)


def _image_files(image: Any, path: str, uses: list[Shown] | None) -> list[str]:
    if image.source == "TILED":
        return tile_files(image, path)
    found = [path]
    if image.source == "SEQUENCE":
        found = siblings(path) or [path]
        if uses is not None:
            # One before the first is shown where a sequence starts later than the scene.
            numbers = {use.offset + at for use in uses for at in range(use.duration + 1)}
            wanted = {path, *(numbered_name(path, number) for number in numbers)}
            found = [one for one in found if one in wanted]
    if has_eyes(image):
        found += [other for one in found for other in eye_files(one)]
    return found


def tile_files(image: Any, path: str) -> list[str]:
    """The files of an image in tiles."""
    if not UDIM.search(path):
        return [path]
    return [tile_path(path, tile.number) for tile in image.tiles]


def has_eyes(image: Any) -> bool:
    """Whether each view of the image is a file of its own."""
    return bool(image.use_multiview) and image.views_format == "INDIVIDUAL"


def eye_files(path: str) -> list[str]:
    """The files of the left and right view beside this one, by the usual endings."""
    stem, extension = os.path.splitext(path)
    stem = stem[:-2] if stem.endswith(("_L", "_R")) else stem
    return [other for eye in ("_L", "_R") if (other := stem + eye + extension) != path]


def _cache_folders(place: Place) -> list[str]:
    if place.form == "fluid":
        # Only Blender's own folders in it: the artist may have chosen a folder with other things.
        return [os.path.join(place.path, name) for name in FLUID_FOLDERS]
    return [place.path]


def _disk_caches() -> list[tuple[str, str]]:
    """`blendcache_NAME` beside the scene and beside each library: simulations and baked nodes."""
    owners = [bpy.data.filepath, *(place.path for place in libraries())]
    found: list[tuple[str, str]] = []
    for owner in owners:
        folder, name = os.path.split(owner)
        stem = re.sub(r"\.blend\d*$", "", name, flags=re.IGNORECASE)
        found.append((os.path.join(folder, f"blendcache_{stem}"), f"disk cache of {name}"))
    return found


def is_narrow(folder: str) -> bool:
    """Whether a folder may be taken as a whole: not a root, a home, or one that the scene lies in."""
    if not os.path.isabs(folder):
        return False
    broad = ["/", os.path.expanduser("~"), os.path.dirname(bpy.data.filepath)]
    return not any(_is_in(one, folder) for one in broad)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
