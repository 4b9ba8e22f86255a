"""Chooses what Cycles renders on, and refuses where a GPU was asked for and none is there.

Blender itself renders on the CPU then, without a word.
"""

from __future__ import annotations

import contextlib
from typing import Any

import bpy
from problems import SceneProblem

GPU_KINDS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")


def choose_device(scene: Any, wanted: str) -> str:
    """Sets the device and returns its name for people.

    `wanted` is "CPU", "GPU", "GPU_OR_CPU", or "" for the scene's own.
    """
    if scene.render.engine != "CYCLES":
        return "GPU" if "EEVEE" in scene.render.engine else "CPU"
    if wanted == "":
        wanted = str(scene.cycles.device)
    if wanted == "CPU":
        scene.cycles.device = "CPU"
        return "CPU"
    name = _enable_gpu()
    if name is not None:
        scene.cycles.device = "GPU"
        return name
    if wanted == "GPU_OR_CPU":
        scene.cycles.device = "CPU"
        return "CPU (no GPU found)"
    raise SceneProblem(
        "The scene is to be rendered on a GPU, but Blender finds none on this machine. "
        "Submit again with --device cpu, or with --device gpu-or-cpu to let the CPU step in."
    )


def _enable_gpu() -> str | None:
    addon = bpy.context.preferences.addons.get("cycles")
    if addon is None:
        return None
    preferences = addon.preferences
    offered = {entry[0] for entry in preferences.get_device_types(bpy.context)}
    for kind in GPU_KINDS:
        if kind not in offered:
            continue
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            preferences.compute_device_type = kind
            refresh = getattr(preferences, "refresh_devices", None) or preferences.get_devices
            refresh()
            matching = [device for device in preferences.devices if device.type == kind]
            for device in preferences.devices:
                device.use = device.type == kind
            if matching and preferences.has_active_device():
                return f"{matching[0].name} ({kind})"
    with contextlib.suppress(TypeError):
        preferences.compute_device_type = "NONE"
    return None
