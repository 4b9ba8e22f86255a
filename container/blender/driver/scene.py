"""Opens the scene as it was submitted and puts the job's settings on it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, NoReturn

import bpy
from devices import choose_device
from missing import blocked_scripts, missing_files, python_drivers
from path_mapping import PathMapping
from problems import SceneProblem
from remap import remap
from sequences import Shown, missing_at, shown_sequences


@dataclass
class OpenedScene:
    """The scene to render, and what the frame loop must watch."""

    scene: Any
    device: str
    allow_missing: bool
    allow_scripts: bool
    drivers: list[Any]
    sequences: dict[str, list[Shown]]
    mapping: PathMapping
    notes: list[str] = field(default_factory=list)


def open_scene(settings: dict[str, Any], mapping: PathMapping) -> OpenedScene:
    """Loads, checks and prepares; raises SceneProblem with a sentence for the artist."""
    load_copy(settings["copy"], settings["place"], bool(settings["allowScripts"]))
    remap(mapping)
    scene = find_scene(settings["sceneName"])
    notes = _check_files(bool(settings["allowMissing"]), mapping)
    notes += _check_scripts(bool(settings["allowScripts"]), bool(settings["allowMissing"]))
    _choose_engine(scene, settings["engine"])
    _choose_view_layer(scene, settings["viewLayer"])
    _choose_camera(scene, settings["camera"])
    _set_quality(scene, settings)
    device = choose_device(scene, settings["device"])
    # Frames are written into an empty folder; what lies at home is the broker's concern.
    scene.render.use_overwrite = True
    scene.render.use_placeholder = False
    return OpenedScene(
        scene=scene,
        device=device,
        allow_missing=bool(settings["allowMissing"]),
        allow_scripts=bool(settings["allowScripts"]),
        drivers=python_drivers(),
        sequences=shown_sequences(),
        mapping=mapping,
        notes=notes,
    )


def load_copy(copy: str, original: str, scripts: bool) -> None:
    """Opens `copy` so that Blender believes it lies at `original`.

    Crash recovery is the one way of opening that takes the path from inside the file (the caller has
    written it there), so `//` paths, libraries among them, are resolved against the artist's folder.
    """
    bpy.ops.wm.recover_auto_save(filepath=copy, use_scripts=scripts)
    if bpy.data.filepath != original:
        raise RuntimeError(f"the scene opened as '{bpy.data.filepath}' instead of '{original}'")


def find_scene(name: str) -> Any:
    """The named scene, or the one that was active when the file was saved."""
    if name == "":
        return bpy.context.scene
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise SceneProblem(
            f'The file has no scene named "{name}". It has: {_names(bpy.data.scenes)}. '
            "Submit again with --scene NAME."
        )
    if bpy.context.window is not None:
        bpy.context.window.scene = scene
    return scene


def check_sequences(opened: OpenedScene, frame: int) -> None:
    """Raises SceneProblem where an image sequence has a hole at this frame."""
    missing = [] if opened.allow_missing else missing_at(opened.sequences, [frame])
    if missing:
        _refuse_missing([f"texture {opened.mapping.home(path)}" for path in missing], "The frame")


def _check_files(allowed: bool, mapping: PathMapping) -> list[str]:
    missing = missing_files(mapping.home)
    if not missing:
        return []
    if not allowed:
        _refuse_missing(missing, "The scene")
    return [f"Rendering although files are missing: {_listed(missing)}"]


def _listed(missing: list[str]) -> str:
    return "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")


def _refuse_missing(missing: list[str], what: str) -> NoReturn:
    raise SceneProblem(
        f"{what} needs files that are not there: {_listed(missing)}. "
        "Put them back, or submit again with --allow-missing to render without them."
    )


def _check_scripts(run: bool, without: bool) -> list[str]:
    blocked = [] if run else blocked_scripts()
    if not blocked:
        return []
    if without:
        return [f"Rendering although the scene's own scripts were not run: {'; '.join(blocked[:5])}"]
    raise SceneProblem(
        f"The scene needs its own scripts to look right, and they were not run: {'; '.join(blocked[:5])}. "
        "Submit again with --allow-scripts if you trust this file, "
        "or with --allow-missing to render without them."
    )


def _choose_engine(scene: Any, engine: str) -> None:
    if engine == "":
        return
    # The same renderer has two names across versions; only trying tells which one this Blender knows.
    names = ["BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"] if "EEVEE" in engine else [engine]
    for name in names:
        with contextlib.suppress(TypeError):
            scene.render.engine = name
            return
    raise SceneProblem(f'This Blender has no render engine "{engine}". Submit again with --engine CYCLES.')


def _choose_view_layer(scene: Any, name: str) -> None:
    if name == "":
        return
    if name not in scene.view_layers:
        raise SceneProblem(
            f'The scene "{scene.name}" has no view layer "{name}". It has: {_names(scene.view_layers)}. '
            "Submit again with --view-layer NAME."
        )
    for layer in scene.view_layers:
        layer.use = layer.name == name


def _choose_camera(scene: Any, name: str) -> None:
    if name == "":
        return
    camera = scene.objects.get(name)
    if camera is None or camera.type != "CAMERA":
        cameras = [ob for ob in scene.objects if ob.type == "CAMERA"]
        raise SceneProblem(
            f'The scene "{scene.name}" has no camera "{name}". It has: {_names(cameras)}. '
            "Submit again with --camera NAME."
        )
    scene.camera = camera
    # Markers would switch back to their own cameras on the next frame.
    for marker in scene.timeline_markers:
        marker.camera = None


def _set_quality(scene: Any, settings: dict[str, Any]) -> None:
    samples = int(settings["samples"])
    if samples > 0 and scene.render.engine == "CYCLES":
        scene.cycles.samples = samples
    elif samples > 0 and "EEVEE" in scene.render.engine:
        scene.eevee.taa_render_samples = samples
    if settings["motionBlur"] in ("ON", "OFF"):
        wanted = settings["motionBlur"] == "ON"
        scene.render.use_motion_blur = wanted
        if hasattr(scene.eevee, "use_motion_blur"):
            scene.eevee.use_motion_blur = wanted
    if int(settings["resolutionScale"]) > 0:
        scene.render.resolution_percentage = int(settings["resolutionScale"])
    threads = int(settings["threads"])
    if threads > 0:
        scene.render.threads_mode = "FIXED"
        scene.render.threads = threads


def _names(things: Any) -> str:
    names = [f'"{thing.name}"' for thing in things]
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "") if names else "none"
