"""Every place in an open scene where a path is kept: what reads files by name, and how it is spelled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy


@dataclass(frozen=True)
class Place:
    """`owner.attribute` holds a path that is relative to `library`, or to the scene where that is None."""

    # What a person calls it.
    kind: str
    owner: Any
    attribute: str
    library: Any
    # How it is read: file, image, sequence, strip, fluid, ocean, bake, or points.
    form: str = "file"
    # Whether a picture would be wrong without it.
    needed: bool = True
    name: str = ""

    @property
    def raw(self) -> str:
        """The path as the scene spells it."""
        return str(getattr(self.owner, self.attribute))

    @property
    def path(self) -> str:
        """The path, absolute."""
        return absolute(self.raw, self.library)


def absolute(raw: str, library: Any = None) -> str:
    """A path of the scene made absolute; "" stays empty."""
    return os.path.normpath(str(bpy.path.abspath(raw, library=library))) if raw else ""


def all_places() -> list[Place]:
    """Every place that names something outside the file; what is packed into it is left out."""
    found = [
        *libraries(),
        *_images(),
        *_blocks(),
        *_strips(),
        *(place for tree, library in node_trees() for place in _nodes(tree, library)),
        *_objects(),
        *_point_caches(),
    ]
    return [place for place in found if place.raw not in ("", "<builtin>")]


def libraries() -> Iterator[Place]:
    """The linked .blend files, those of other libraries included."""
    for library in bpy.data.libraries:
        if library.packed_file is None and not getattr(library, "is_archive", False):
            yield Place("library", library, "filepath", None)


def _images() -> Iterator[Place]:
    for image in bpy.data.images:
        if image.source not in ("FILE", "SEQUENCE", "MOVIE", "TILED") or _is_packed(image):
            continue
        yield Place("texture", image, "filepath", image.library, "image", image.users > 0, image.name)


def _is_packed(block: Any) -> bool:
    packed = getattr(block, "packed_file", None) is not None
    return packed or len(getattr(block, "packed_files", ())) > 0


def _blocks() -> Iterator[Place]:
    for kind, collection, needed in (
        ("font", bpy.data.fonts, True),
        ("movie clip", bpy.data.movieclips, True),
        ("sound", bpy.data.sounds, False),
        ("volume", bpy.data.volumes, True),
        ("cache", bpy.data.cache_files, True),
        # Its lines are in the scene as well.
        ("text", bpy.data.texts, False),
    ):
        for block in collection:
            if _is_packed(block) or getattr(block, "is_in_memory", False):
                continue
            many = getattr(block, "is_sequence", False) or getattr(block, "source", "") == "SEQUENCE"
            form = "sequence" if many else "file"
            used = needed and block.users > 0
            yield Place(kind, block, "filepath", block.library, form, used, block.name)
            for layer in getattr(block, "layers", ()):
                if hasattr(layer, "filepath"):
                    yield Place(kind, layer, "filepath", block.library, form, used, block.name)


def _strips() -> Iterator[Place]:
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is None:
            continue
        strips = getattr(editor, "strips_all", None)
        for strip in strips if strips is not None else editor.sequences_all:
            used = scene.render.use_sequencer and not strip.mute
            if strip.type == "IMAGE":
                yield Place("strip", strip, "directory", scene.library, "strip", used, strip.name)
            elif strip.type == "MOVIE":
                yield Place("strip", strip, "filepath", scene.library, "file", used, strip.name)


def node_trees() -> Iterator[tuple[Any, Any]]:
    """Every node tree with the library that it came from."""
    for group in bpy.data.node_groups:
        yield group, group.library
    for collection in (
        bpy.data.materials,
        bpy.data.worlds,
        bpy.data.lights,
        bpy.data.textures,
        bpy.data.linestyles,
        bpy.data.scenes,
    ):
        for block in collection:
            tree = getattr(block, "node_tree", None)
            if tree is not None:
                yield tree, block.library


def _nodes(tree: Any, library: Any) -> Iterator[Place]:
    for node in tree.nodes:
        if node.bl_idname in ("ShaderNodeTexIES", "ShaderNodeScript") and node.mode == "EXTERNAL":
            kind = "IES light" if node.bl_idname == "ShaderNodeTexIES" else "script"
            yield Place(kind, node, "filepath", library, name=node.name)
        for socket in node.inputs:
            if socket.bl_idname == "NodeSocketStringFilePath":
                yield Place("file", socket, "default_value", library, needed=False, name=node.name)


def _objects() -> Iterator[Place]:
    for block in bpy.data.objects:
        for modifier in block.modifiers:
            yield from _modifier(modifier, block.library)
    for camera in bpy.data.cameras:
        if getattr(camera, "custom_mode", "") == "EXTERNAL":
            yield Place("script", camera, "custom_filepath", camera.library, name=camera.name)


def _modifier(modifier: Any, library: Any) -> Iterator[Place]:
    name = modifier.name
    if modifier.type == "MESH_CACHE":
        yield Place("mesh cache", modifier, "filepath", library, needed=modifier.show_render, name=name)
    elif modifier.type == "MULTIRES" and modifier.is_external:
        yield Place("mesh data", modifier, "filepath", library, name=name)
    elif modifier.type == "OCEAN" and modifier.is_cached:
        yield Place("ocean bake", modifier, "filepath", library, "ocean", False, name)
    elif modifier.type == "FLUID" and modifier.domain_settings is not None:
        yield Place("fluid cache", modifier.domain_settings, "cache_directory", library, "fluid", False, name)
    elif modifier.type == "NODES" and hasattr(modifier, "bakes"):
        yield Place("bake", modifier, "bake_directory", library, "bake", False, name)
        for bake in modifier.bakes:
            if bake.use_custom_path:
                yield Place("bake", bake, "directory", library, "bake", False, name)


def _point_caches() -> Iterator[Place]:
    for cache, library in point_caches():
        if cache.use_external:
            yield Place("cache", cache, "filepath", library, "points", False, cache.name)


def point_caches() -> Iterator[tuple[Any, Any]]:
    """The caches of cloth, soft bodies, particles, dynamic paint and rigid bodies, with their library."""
    for block in bpy.data.objects:
        for modifier in block.modifiers:
            if modifier.type in ("CLOTH", "SOFT_BODY"):
                yield modifier.point_cache, block.library
            elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
                for surface in modifier.canvas_settings.canvas_surfaces:
                    yield surface.point_cache, block.library
        for system in block.particle_systems:
            yield system.point_cache, block.library
    for scene in bpy.data.scenes:
        if scene.rigidbody_world is not None:
            yield scene.rigidbody_world.point_cache, scene.library
