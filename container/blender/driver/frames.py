"""Renders one frame, and says that it succeeded only when every file it should have saved is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

import bpy
from channel import Channel
from image_check import check_image
from missing import broken_drivers
from outputs import OutputPlan, expected_files, redirect, saved_files, silent_nodes
from problems import SceneProblem
from scene import OpenedScene, check_sequences

# Status texts come some fifty times for even a tiny frame.
SECONDS_BETWEEN_STATS = 0.25
# Changing the scene's own range would change drivers that read it; newer Blenders take a range beside it.
CAN_RENDER_RANGE = "frame_start" in bpy.ops.render.render.get_rna_type().properties
ROOM_FOR_A_PICTURE = 1 << 20


def watch_progress(channel: Channel) -> None:
    """Passes Blender's status text on from 5.0 on; older ones print it and hand over nothing."""
    if bpy.app.version < (5, 0, 0):
        return
    last = 0.0
    lock = threading.Lock()

    def on_stats(*arguments: Any) -> None:
        nonlocal last
        text = next((a for a in arguments if isinstance(a, str)), None)
        if text is None:
            return
        with lock:
            now = time.monotonic()
            if now - last < SECONDS_BETWEEN_STATS:
                return
            last = now
        channel.send(event="stats", text=text[:500])

    bpy.app.handlers.render_stats.append(bpy.app.handlers.persistent(on_stats))


def render_frame(
    channel: Channel,
    opened: OpenedScene,
    plan: OutputPlan,
    write_look: Callable[[str], str | None],
    frame: int,
    folder: str,
) -> None:
    """Renders into `folder`, which belongs to this frame alone, and reports how it ended."""
    layers = sum(1 for layer in opened.scene.view_layers if layer.use)
    channel.send(event="started", frame=frame, layers=layers)
    try:
        check_sequences(opened, frame)
        main = _render(opened, plan, frame, folder)
        for path, home in _check(opened, plan, frame, folder, main):
            channel.send(event="file", frame=frame, path=path, name=home, bytes=os.path.getsize(path))
        # How its pictures look is for their previews: no frame fails by that.
        with contextlib.suppress(Exception):
            look = write_look(folder)
            if look is not None:
                channel.send(event="look", frame=frame, path=look)
        channel.send(event="done", frame=frame, ok=True)
    except SceneProblem as problem:
        shutil.rmtree(folder, ignore_errors=True)
        channel.send(event="done", frame=frame, ok=False, reason=str(problem))
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        channel.send(event="done", frame=frame, ok=False, words=str(error).strip())


def _render(opened: OpenedScene, plan: OutputPlan, frame: int, folder: str) -> str:
    scene = opened.scene
    if CAN_RENDER_RANGE:
        # From 5.0 on, File Output nodes number their files in animations only:
        # so a frame is an animation of one.
        main, scene.render.filepath = redirect(scene, plan, folder, frame)
        bpy.ops.render.render(animation=True, frame_start=frame, frame_end=frame, scene=scene.name)
        return main
    main, _ = redirect(scene, plan, folder, frame)
    scene.render.filepath = main
    # Not frame_set: that would evaluate the whole scene once more than the render itself does.
    scene.frame_current = frame
    scene.frame_subframe = 0.0
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return main


def _unreadable(path: str) -> str | None:
    """Lets Blender read a picture back; PNG has sums of its own, which were checked."""
    if path.lower().endswith(".png"):
        return None
    image = bpy.data.images.load(path, check_existing=False)
    try:
        # Asking for the size is what makes Blender read the pixels, and know what kind of picture it is.
        # Of one with many layers it gives no size without a window.
        return None if image.size[0] > 0 or image.type == "MULTILAYER" else "cannot be read back"
    finally:
        bpy.data.images.remove(image)


def _check(
    opened: OpenedScene, plan: OutputPlan, frame: int, folder: str, main: str
) -> list[tuple[str, str]]:
    broken = broken_drivers(opened.drivers)
    if broken and not opened.allow_missing:
        raise SceneProblem(
            f"A driver in the scene does not work, so the picture would be wrong: {broken[0]}. "
            + (
                "Mend it, or submit again with --allow-missing to render all the same."
                if opened.allow_scripts
                else "Submit again with --allow-scripts if it needs the scene's scripts, or mend it."
            )
        )
    files = saved_files(opened.scene, plan, folder, frame)
    written = {path for path, _ in files}
    for path in expected_files(opened.scene, main):
        if path not in written:
            raise RuntimeError(f"the picture {os.path.basename(path)} was not written")
    silent = silent_nodes(plan, folder)
    if silent:
        raise RuntimeError(f"the File Output node {silent[0]} saved nothing")
    for path, home in files:
        wrong = check_image(path) or _unreadable(path)
        if wrong is not None:
            # Blender may not notice that the last of its bytes found no room.
            full = shutil.disk_usage(folder).free < ROOM_FOR_A_PICTURE
            why = "No space left on device: " if full else ""
            raise RuntimeError(f"{why}the picture {os.path.basename(home)} {wrong}")
    return files
