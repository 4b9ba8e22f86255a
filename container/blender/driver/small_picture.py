"""One picture, small and as a screen shows it: through the view of its scene where it holds light."""

from __future__ import annotations

import contextlib
import os
import struct
from typing import Any

import bpy

# Layers of these names are the picture itself; others are passes of it.
COMBINED = ("Combined", "Image")


def small_picture(scene: Any, source: str, target: str, space: str | None, side: int, quality: int) -> None:
    """Writes `source` as a JPEG of at most `side` pixels a side; raises RuntimeError for what is no picture.

    `scene` has the view to show it through; `space` names the color space of files that hold light, or is
    None for the usual one.
    """
    image = bpy.data.images.load(source, check_existing=False)
    # Asking for the size is what makes Blender read the pixels, and know what kind of picture it is.
    width, height = image.size
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.quality = "JPEG", "RGB", quality
    if image.type == "MULTILAYER":
        _set_space(image, space)
        image = _combined(scene, image, source, target)
        width, height = image.size
    if width == 0 or height == 0:
        raise RuntimeError("it cannot be read")
    share = min(1.0, side / max(width, height))
    if share < 1:
        image.scale(max(1, round(width * share)), max(1, round(height * share)))
    if _holds_light(image):
        _set_space(image, space)
        image.save_render(target, scene=scene)
    else:
        _save_as_it_is(image, target, quality)


def _holds_light(image: Any) -> bool:
    """Whether its numbers are light, as a renderer knows it, and not yet colors of a screen."""
    # The name of that space is the configuration's own.
    light = bpy.data.images.new("light", 1, 1, float_buffer=True).colorspace_settings.name
    return bool(image.is_float and image.colorspace_settings.name == light)


def _set_space(image: Any, space: str | None) -> None:
    if space is not None:
        with contextlib.suppress(TypeError):
            image.colorspace_settings.name = space


def _save_as_it_is(image: Any, target: str, quality: int) -> None:
    image.file_format = "JPEG"
    if bpy.app.version >= (4, 0, 0):
        image.save(filepath=target, quality=quality)
    else:
        image.filepath_raw = target
        image.save()


def _combined(scene: Any, image: Any, source: str, target: str) -> Any:
    """The picture among many layers, as a screen shows it: Blender scales no picture that has layers."""
    render = scene.render
    render.resolution_x, render.resolution_y = _size_of(source)
    render.resolution_percentage = 100
    render.use_compositing, render.use_sequencer, render.dither_intensity = True, False, 0.0
    render.image_settings.quality = 95
    tree, end = _tree(scene)
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    combined = next((one for one in node.outputs if one.name in COMBINED and one.enabled), node.outputs[0])
    tree.links.new(combined, end.inputs[0])
    bpy.ops.render.render(scene=scene.name)
    large = f"{target}.large.jpg"
    bpy.data.images["Render Result"].save_render(large, scene=scene)
    try:
        shown = bpy.data.images.load(large, check_existing=False)
        shown.pack()
    finally:
        os.remove(large)
    return shown


def _tree(scene: Any) -> tuple[Any, Any]:
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("preview", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        return tree, tree.nodes.new("NodeGroupOutput")
    scene.use_nodes = True
    scene.node_tree.nodes.clear()
    return scene.node_tree, scene.node_tree.nodes.new("CompositorNodeComposite")


def _size_of(path: str) -> tuple[int, int]:
    """The display window of an EXR, from its header: Blender tells no size of one with many layers."""
    with open(path, "rb") as file:
        head = file.read(1 << 20)
    at = head.find(b"displayWindow\0box2i\0")
    if at < 0:
        raise RuntimeError("it has no size")
    at += len(b"displayWindow\0box2i\0") + 4
    left, top, right, bottom = struct.unpack("<4i", head[at : at + 16])
    return right - left + 1, bottom - top + 1
