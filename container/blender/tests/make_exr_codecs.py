"""Saves one picture as EXR in every way of packing that Blender knows: `… -- FOLDER`."""

from __future__ import annotations

import os
import sys

import bpy

folder = sys.argv[sys.argv.index("--") + 1]
os.makedirs(folder, exist_ok=True)
WIDTH, HEIGHT = 96, 54
image = bpy.data.images.new("picture", WIDTH, HEIGHT, float_buffer=True, alpha=True)
image.pixels = [
    value for y in range(HEIGHT) for x in range(WIDTH) for value in (x / WIDTH, y / HEIGHT, 0.18, 1.0)
]
scene = bpy.context.scene
scene.view_settings.view_transform = "Standard"
settings = scene.render.image_settings
for depth in ("16", "32"):
    for name in ("NONE", "PXR24", "ZIP", "PIZ", "RLE", "ZIPS", "B44", "B44A", "DWAA", "DWAB"):
        if depth == "32" and name.startswith("B44"):
            continue
        settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", depth
        settings.exr_codec = name
        image.save_render(os.path.join(folder, f"{name.lower()}-{depth}.exr"), scene=scene)
settings.file_format, settings.color_depth = "PNG", "8"
image.save_render(os.path.join(folder, "truth.png"), scene=scene)
