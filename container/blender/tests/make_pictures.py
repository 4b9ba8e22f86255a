"""Makes, for each named look, a picture in several formats, what the artist sees of it, and the look itself.

`blender -b --python make_pictures.py -- FOLDER NAME…` writes FOLDER/NAME/light.exr, layers.exr, shown.png,
deep.png, truth.png and look.json.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "driver"))

from look import read_look, write_look

SIZE = (320, 180)


def picture_scene(transparent: bool) -> Any:
    """A wall that shines from black to far beyond white, in every color."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 1, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.dither_intensity = 0
    scene.render.film_transparent = transparent
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.data.type, camera.data.ortho_scale = (0, 0, 5), "ORTHO", 4
    scene.collection.objects.link(camera)
    scene.camera = camera
    # Half of the picture stays empty where it may be seen through.
    bpy.ops.mesh.primitive_plane_add(size=2 if transparent else 6)
    material = bpy.data.materials.new("light")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    place, light = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeEmission")
    end = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(place.outputs["Window"], light.inputs["Color"])
    tree.links.new(light.outputs[0], end.inputs[0])
    light.inputs["Strength"].default_value = 6
    bpy.context.object.data.materials.append(material)
    scene.view_layers[0].use_pass_z = True
    return scene


def set_look(scene: Any, name: str) -> None:
    """The look `name` on a scene."""
    view = scene.view_settings
    view.view_transform = "Filmic" if name == "filmic" or bpy.app.version < (4, 0, 0) else "AgX"
    if name == "filmic":
        view.look = next(one for one in _looks(view) if one.endswith("High Contrast"))
    if name == "exposed":
        view.exposure, view.gamma = -1.5, 1.2
    if name == "curved":
        view.use_curve_mapping = True
        curve = view.curve_mapping.curves[3]
        curve.points.new(0.4, 0.7)
        view.curve_mapping.update()


def _looks(view: Any) -> list[str]:
    # An enum that depends on the transform lists itself only where it is refused.
    try:
        view.look = "?"
    except TypeError as error:
        return [one.strip("' ()") for one in str(error).split(" in ")[-1].split("',")]
    return []


def save(scene: Any, path: str, kind: str, depth: str) -> None:
    """Saves what was rendered as `kind`."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE" if kind == "OPEN_EXR_MULTILAYER" else "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = kind, "RGBA", depth
    bpy.data.images["Render Result"].save_render(path, scene=scene)


def main() -> None:
    top, *names = sys.argv[sys.argv.index("--") + 1 :]
    for name in names:
        scene = picture_scene(name == "transparent")
        set_look(scene, name)
        folder = os.path.join(top, name)
        os.makedirs(folder)
        bpy.ops.render.render()
        save(scene, os.path.join(folder, "light.exr"), "OPEN_EXR", "32")
        save(scene, os.path.join(folder, "layers.exr"), "OPEN_EXR_MULTILAYER", "32")
        save(scene, os.path.join(folder, "shown.png"), "PNG", "8")
        save(scene, os.path.join(folder, "deep.png"), "PNG", "16")
        save(scene, os.path.join(folder, "truth.png"), "PNG", "8")
        write_look(read_look(scene), folder)


main()
