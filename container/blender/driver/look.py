"""How a scene shows its pictures, written down so that another Blender shows them alike."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

import bpy

Look = dict[str, Any]
SIMPLE = ("BOOLEAN", "INT", "FLOAT", "ENUM", "STRING")


def watch_looks(scene: Any) -> Callable[[str], str | None]:
    """Remembers the look of each frame: it may be animated, and after its render a scene may be elsewhere.

    Returns what writes the newest into a file of a folder, and returns its path or None when there is none.
    """
    name = scene.name
    newest: Look | None = None

    def on_post(rendered: Any, *_: Any) -> None:
        nonlocal newest
        # An error here would be printed as one of the scene's own scripts, and its frame would fail.
        with contextlib.suppress(Exception):
            if rendered.name == name:
                newest = read_look(rendered)

    bpy.app.handlers.render_post.append(bpy.app.handlers.persistent(on_post))
    return lambda folder: None if newest is None else write_look(newest, folder)


def write_look(look: Look, folder: str) -> str:
    """Writes a look into a file of `folder`; returns its path."""
    path = os.path.join(folder, "look.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(look, file)
    return path


def read_look(scene: Any) -> Look:
    """The look of a scene, as JSON can hold it."""
    view = scene.view_settings
    image = scene.render.image_settings
    own_space = getattr(image, "color_management", "") == "OVERRIDE" and image.has_linear_colorspace
    return {
        "version": ".".join(str(part) for part in bpy.app.version),
        "display": _simple(scene.display_settings),
        "view": _simple(view),
        "curves": _curves(view.curve_mapping) if view.use_curve_mapping else None,
        # The space of the scene's own linear files, where it is not the usual one.
        "space": image.linear_colorspace_settings.name if own_space else None,
    }


def apply_look(scene: Any, look: Look) -> None:
    """Gives `scene` the look; what this Blender does not know is left as it is."""
    # The display first, then the transform: they decide what the others may be.
    for settings, values in ((scene.display_settings, look["display"]), (scene.view_settings, look["view"])):
        for name in sorted(values, key=lambda one: one != "view_transform"):
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                setattr(settings, name, values[name])
    if look["curves"] is not None:
        _apply_curves(scene.view_settings.curve_mapping, look["curves"])


def _simple(settings: Any) -> dict[str, Any]:
    return {
        one.identifier: getattr(settings, one.identifier)
        for one in settings.bl_rna.properties
        if one.type in SIMPLE and not one.is_readonly and getattr(one, "array_length", 0) == 0
    }


def _curves(mapping: Any) -> dict[str, Any]:
    return {
        "black": list(mapping.black_level),
        "white": list(mapping.white_level),
        "clip": mapping.use_clip,
        "extend": mapping.extend,
        "tone": mapping.tone,
        "points": [
            [[*point.location, point.handle_type] for point in curve.points] for curve in mapping.curves
        ],
    }


def _apply_curves(mapping: Any, saved: dict[str, Any]) -> None:
    mapping.black_level, mapping.white_level = saved["black"], saved["white"]
    mapping.use_clip, mapping.extend, mapping.tone = saved["clip"], saved["extend"], saved["tone"]
    for curve, points in zip(mapping.curves, saved["points"], strict=False):
        # A curve never has fewer than two points.
        while len(curve.points) > max(2, len(points)):
            curve.points.remove(curve.points[1])
        while len(curve.points) < len(points):
            curve.points.new(0.5, 0.5)
        for point, (x, y, handle) in zip(curve.points, points, strict=False):
            point.location, point.handle_type = (x, y), handle
    mapping.update()
