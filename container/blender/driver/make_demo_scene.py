"""Makes Tally's demo: an arc of small pillars that a red tally light wakes, one after the other.

blender -b --factory-startup --python make_demo_scene.py -- tally-demo.blend
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any

# In the wheel, bmesh is there only once bpy is loaded.
import bpy  # isort: skip
import bmesh  # isort: skip

FRAMES = 24
PILLARS = 13


def material(name: str, colour: tuple[float, float, float], glow: float = 0.0, rough: float = 0.4) -> Any:
    """A plain or glowing surface."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.clear()
    out = nodes.new("ShaderNodeOutputMaterial")
    shader = nodes.new("ShaderNodeEmission" if glow else "ShaderNodeBsdfPrincipled")
    shader.inputs[0].default_value = (*colour, 1.0)
    if glow:
        shader.inputs["Strength"].default_value = glow
    else:
        shader.inputs["Roughness"].default_value = rough
    links.new(shader.outputs[0], out.inputs["Surface"])
    return made


def box(name: str, size: tuple[float, float, float], surface: Any) -> Any:
    """A box that stands on the floor."""
    x, y, z = (value / 2 for value in size)
    corners = [(a * x, b * y, c * 2 * z) for a in (-1, 1) for b in (-1, 1) for c in (0, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    mesh.materials.append(surface)
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def ball(name: str, radius: float, surface: Any) -> Any:
    """A smooth ball."""
    mesh = bpy.data.meshes.new(name)
    shape = bmesh.new()
    bmesh.ops.create_uvsphere(shape, u_segments=32, v_segments=16, radius=radius)
    shape.to_mesh(mesh)
    shape.free()
    for polygon in mesh.polygons:
        polygon.use_smooth = True
    mesh.materials.append(surface)
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def build(scene: Any) -> None:
    """Puts the scene together."""
    floor = box("Floor", (60, 60, 0.1), material("Floor", (0.03, 0.035, 0.05), rough=0.25))
    floor.location.z = -0.1
    lamp = ball("Tally light", 0.32, material("Light", (1.0, 0.05, 0.02), glow=14.0))
    for index in range(PILLARS):
        angle = math.pi * (0.08 + 0.84 * index / (PILLARS - 1))
        hue = index / (PILLARS - 1)
        colour = (0.85 - 0.6 * hue, 0.35 + 0.2 * math.sin(hue * math.pi), 0.25 + 0.6 * hue)
        pillar = box(f"Pillar {index + 1}", (0.62, 0.62, 1.0), material(f"Pillar {index + 1}", colour))
        pillar.location = (5.0 * math.cos(math.pi - angle), 3.2 * math.sin(angle), 0)
        pillar.rotation_euler.z = -angle
        for frame in range(1, FRAMES + 1):
            near = math.exp(-(((frame - 1) / FRAMES * (PILLARS + 2) - 1 - index) ** 2) / 3.0)
            pillar.scale.z = 0.45 + 2.1 * near
            pillar.keyframe_insert("scale", index=2, frame=frame)
    for frame in range(1, FRAMES + 1):
        angle = math.pi * (0.02 + 0.96 * (frame - 1) / (FRAMES - 1))
        height = 1.25 + 0.35 * math.sin((frame - 1) / FRAMES * math.tau * 2)
        lamp.location = (4.0 * math.cos(math.pi - angle), 1.6 * math.sin(angle) - 0.4, height)
        lamp.keyframe_insert("location", frame=frame)
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle, sun.rotation_euler = 2.2, 0.2, (0.7, 0.25, 0.5)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens, camera.location, camera.rotation_euler = 34, (0, -9.2, 4.3), (math.radians(70), 0, 0)
    scene.collection.objects.link(sun)
    scene.collection.objects.link(camera)
    scene.camera = camera
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    sky = world.node_tree.nodes.get("Background") or world.node_tree.nodes.new("ShaderNodeBackground")
    sky.inputs[0].default_value, sky.inputs[1].default_value = (0.08, 0.11, 0.2, 1.0), 0.8
    scene.world = world


def main() -> None:
    target = os.path.abspath(sys.argv[-1])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    # No denoising: the Blender of some distributions is built without it.
    cycles.device, cycles.samples, cycles.seed, cycles.use_denoising = "CPU", 6, 7, False
    cycles.use_adaptive_sampling, cycles.max_bounces = False, 3
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 320, 180, 100
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, FRAMES
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = "//tally-demo/####"
    build(scene)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=target, compress=True)


main()
