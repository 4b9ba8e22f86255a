"""Points an open scene at this machine's copies of its files, in memory alone."""

from __future__ import annotations

import contextlib
import os
import shutil

import bpy
from dependencies import tile_files
from path_mapping import PathMapping, is_windows_path
from places import Place, absolute, all_places, libraries, point_caches

# How deep libraries may hang on each other.
LIBRARY_LIMIT = 1000


def remap(mapping: PathMapping) -> None:
    """Follows the rules wherever the scene names a file that lies elsewhere here."""
    if not mapping:
        return
    _remap_libraries(mapping)
    for place in all_places():
        if place.kind == "library":
            continue
        target = _target(place, mapping)
        if target is None:
            continue
        if place.kind == "font":
            # A font that was not there at first is never looked for again under another name.
            place.owner.user_remap(bpy.data.fonts.load(target))
        else:
            setattr(place.owner, place.attribute, target)
    _protect_caches(mapping)


def _remap_libraries(mapping: PathMapping) -> None:
    # A library that is read anew may bring others, and the list changes under us.
    for _ in range(LIBRARY_LIMIT):
        moved = ((place, _target(place, mapping)) for place in libraries())
        place, target = next(((one, to) for one, to in moved if to is not None), (None, None))
        if place is None or target is None:
            return
        place.owner.filepath = target
        # One that is not there is named with everything else that is missing.
        with contextlib.suppress(RuntimeError):
            place.owner.reload()


def _target(place: Place, mapping: PathMapping) -> str | None:
    """Where the place should point instead, or None when it is right as it is."""
    raw = place.raw
    if mapping.windows and raw.startswith("//"):
        # Names that Windows wrote; the folder they count from is in the right place already.
        slashed = raw.replace("\\", "/")
        return slashed if slashed != raw else None
    path = raw if is_windows_path(raw) else absolute(raw, place.library)
    target = mapping.place(path)
    if target == path or not _is_there(place, path, target):
        return None
    # A folder keeps its last slash: some names are only joined to it.
    return os.path.join(target, "") if raw.endswith(("/", "\\")) else target


def _is_there(place: Place, path: str, target: str) -> bool:
    if os.path.exists(target):
        return True
    if place.form == "image" and place.owner.source == "TILED":
        return any(os.path.exists(tile) for tile in tile_files(place.owner, target))
    # A sequence may lack its first file. Where there is something under the old name, that is what was meant.
    return os.path.isdir(os.path.dirname(target)) and not os.path.exists(path)


def _protect_caches(mapping: PathMapping) -> None:
    """Gives caches that Blender may write to files of their own.

    What lies in a session's folders may be links into a store that all sessions share.
    """
    baked = [cache.is_baked for cache, _ in point_caches() if cache.use_disk_cache]
    folders = [place.path for place in all_places() if place.form in ("fluid", "bake", "points")]
    if not all(baked):
        folder, name = os.path.split(bpy.data.filepath)
        folders.append(os.path.join(folder, f"blendcache_{os.path.splitext(name)[0]}"))
    for folder in folders:
        # A shared folder is as its owner made it.
        if not folder.startswith(os.path.join(mapping.folder, "")):
            continue
        for place, _, names in os.walk(folder):
            for name in names:
                _own(os.path.join(place, name))


def _own(path: str) -> None:
    if not os.path.islink(path):
        return
    copy = f"{path}.tally-own"
    shutil.copyfile(path, copy)
    os.chmod(copy, 0o600)
    os.replace(copy, path)
