"""Tells what a scene asks for, as one marked line of JSON: the defaults of a job, and what would go wrong."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from channel import open_channel  # noqa: E402

channel = open_channel()

import bpy  # noqa: E402
from dependencies import dependencies  # noqa: E402
from missing import blocked_scripts, missing_files  # noqa: E402
from outputs import (  # noqa: E402
    compositor_tree,
    is_movie,
    node_folder,
    own_pattern,
    path_at,
    plan_nodes,
    wanted_format,
)
from scene import load_copy  # noqa: E402


def describe(scene: Any, pattern: str, image_format: str) -> dict[str, Any]:
    """What one scene asks for.

    `pattern` and `image_format` are the job's own; "" means the scene's.
    """
    render = scene.render
    own_format = render.image_settings.file_format
    movie = is_movie(scene)
    image_format = wanted_format(scene, pattern, image_format)
    if image_format:
        _try_format(scene, image_format)
    pattern = pattern or own_pattern(scene, os.path.dirname(bpy.data.filepath))
    first, last = path_at(scene, pattern, scene.frame_start), path_at(scene, pattern, scene.frame_end)
    return {
        "name": scene.name,
        "viewLayers": [{"name": layer.name, "used": bool(layer.use)} for layer in scene.view_layers],
        "cameras": sorted(ob.name for ob in scene.objects if ob.type == "CAMERA"),
        "camera": scene.camera.name if scene.camera else None,
        "lacksCamera": lacks_camera(scene),
        "engine": "BLENDER_EEVEE" if render.engine == "BLENDER_EEVEE_NEXT" else render.engine,
        "frameStart": scene.frame_start,
        "frameEnd": scene.frame_end,
        "frameStep": scene.frame_step,
        "fps": round(render.fps / render.fps_base, 3),
        "samples": _samples(scene),
        "resolution": {
            "x": render.resolution_x,
            "y": render.resolution_y,
            "percent": render.resolution_percentage,
        },
        "motionBlur": bool(render.use_motion_blur),
        "device": str(scene.cycles.device) if render.engine == "CYCLES" else None,
        "format": own_format,
        "isMovie": movie,
        "overwrites": bool(render.use_overwrite),
        "output": {
            "raw": render.filepath,
            "pattern": pattern if pattern.startswith("//") else os.path.normpath(pattern),
            "home": os.path.dirname(first),
            "first": first,
            "last": last,
            "beside": saved_beside(scene),
        },
    }


def _try_format(scene: Any, image_format: str) -> None:
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE" if image_format == "OPEN_EXR_MULTILAYER" else "IMAGE"
    image.file_format = image_format


def _samples(scene: Any) -> int | None:
    if scene.render.engine == "CYCLES":
        return int(scene.cycles.samples)
    return int(scene.eevee.taa_render_samples) if "EEVEE" in scene.render.engine else None


def has_engine(scene: Any, engine: str) -> bool:
    """Whether this Blender renders with it; the enum's own list leaves some out, so only trying tells."""
    own = scene.render.engine
    # The same renderer has two names across versions.
    for name in ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT") if "EEVEE" in engine else (engine,):
        with contextlib.suppress(TypeError):
            scene.render.engine = name
            scene.render.engine = own
            return True
    return False


def saved_beside(scene: Any) -> list[str]:
    """The folders, absolute, that File Output nodes save into: not always below the scene's own output."""
    folders = [node_folder(scene, output) for output in plan_nodes(scene)]
    return sorted({folder for folder in folders if os.path.isabs(folder)})


def lacks_camera(scene: Any) -> bool:
    """Whether Blender itself would refuse: strips and a compositor without render layers need no camera."""
    strips = _strips(scene)
    if strips:
        return any(strip.type == "SCENE" and _strip_lacks_camera(strip) for strip in strips)
    if _has_camera(scene):
        return False
    tree = compositor_tree(scene)
    if tree is None:
        return True
    layers = [node for node in tree.nodes if node.bl_idname == "CompositorNodeRLayers" and not node.mute]
    return any(not _has_camera(node.scene or scene) for node in layers) if len(tree.nodes) > 0 else True


def _has_camera(scene: Any) -> bool:
    return scene.camera is not None or any(marker.camera for marker in scene.timeline_markers)


def _strips(scene: Any) -> list[Any]:
    editor = scene.sequence_editor
    if editor is None or not scene.render.use_sequencer:
        return []
    strips = getattr(editor, "strips", None)
    return list(strips if strips is not None else editor.sequences)


def _strip_lacks_camera(strip: Any) -> bool:
    return strip.scene is not None and strip.scene_camera is None and not _has_camera(strip.scene)


def main() -> int:
    with open(os.environ["TALLY_DRIVER_SETTINGS"], encoding="utf-8") as file:
        settings = json.load(file)
    try:
        load_copy(settings["copy"], settings["original"], False)
    except RuntimeError as error:
        channel.send(event="refused", words=str(error).strip())
        return 3
    files, folders = dependencies()
    result = {
        "blender": bpy.app.version_string,
        "scene": bpy.context.scene.name,
        "scenes": [describe(scene, settings["output"], settings["format"]) for scene in bpy.data.scenes],
        "lacksEngine": settings["engine"] != "" and not has_engine(bpy.context.scene, settings["engine"]),
        "files": files,
        "folders": folders,
        "missing": missing_files(frames=settings["frames"] or _own_frames(bpy.context.scene)),
        "scripts": blocked_scripts(),
    }
    # A scene may need more files than fit into a line.
    with open(settings["result"], "w", encoding="utf-8") as file:
        json.dump(result, file)
    channel.send(event="inspected")
    return 0


def _own_frames(scene: Any) -> range:
    return range(scene.frame_start, scene.frame_end + 1, max(1, scene.frame_step))


status = main()
sys.stdout.flush()
os._exit(status)
