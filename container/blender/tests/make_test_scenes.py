"""Makes the small scenes that the tests render; runs in every Blender from 3.4 to 5.0.

blender -b --factory-startup --python make_test_scenes.py -- FOLDER NAME...
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import bpy

OUT = ""


def base() -> Any:
    """A cube that turns, in the light of a sun: five frames of 64 × 64."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = 64
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed = "CPU", 4, 7
    cycles.use_denoising, cycles.use_adaptive_sampling = False, False
    scene.frame_start, scene.frame_end, scene.render.filepath = 1, 5, "//render/frame_####"
    cube = make_cube(scene)
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3, (0.6, 0.3, 0.4)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (6, -6, 4.5), (math.radians(62), 0, math.radians(45))
    scene.collection.objects.link(sun)
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame, angle in ((1, 0.0), (5, math.pi / 2)):
        cube.rotation_euler = (0, 0, angle)
        cube.keyframe_insert("rotation_euler", frame=frame)
    return scene


def make_cube(scene: Any) -> Any:
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new("Cube")
    mesh.from_pydata(corners, [], faces)
    cube = bpy.data.objects.new("Cube", mesh)
    scene.collection.objects.link(cube)
    return cube


def write_picture(path: str, colour: tuple[float, float, float]) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    image = bpy.data.images.new("made", 4, 4)
    image.pixels = [*colour, 1.0] * 16
    image.filepath_raw, image.file_format = path, "PNG"
    image.save()
    bpy.data.images.remove(image)


def paint(mesh: Any, image: Any) -> Any:
    material = bpy.data.materials.new("Painted")
    material.use_nodes = True
    tree = material.node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    shader = tree.nodes.new("ShaderNodeEmission")
    out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    tree.links.new(texture.outputs[0], shader.inputs[0])
    tree.links.new(shader.outputs[0], out.inputs[0])
    mesh.materials.clear()
    mesh.materials.append(material)
    return texture


def save(name: str, compress: bool = False) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(OUT, f"{name}.blend"), compress=compress)


def anim() -> None:
    base()
    save("anim")


def exposed() -> None:
    """Its exposure is animated, from 0 at frame 1 to 4 at frame 5."""
    scene = base()
    view = scene.view_settings
    for frame, exposure in ((1, 0.0), (5, 4.0)):
        view.exposure = exposure
        view.keyframe_insert("exposure", frame=frame)
    save("exposed")


def packed() -> None:
    base()
    save("packed", compress=True)


def changed() -> None:
    scene = base()
    scene.objects["Cube"].scale = (0.2, 0.2, 2)
    save("changed")


def textured() -> None:
    scene = base()
    write_picture(os.path.join(OUT, "tex", "red.png"), (0.9, 0.1, 0.1))
    paint(scene.objects["Cube"].data, bpy.data.images.load(os.path.join(OUT, "tex", "red.png")))
    save("textured")
    bpy.ops.file.make_paths_relative()
    save("textured")


def sequence() -> None:
    scene = base()
    for frame in range(1, 6):
        write_picture(os.path.join(OUT, "seq", f"s_{frame:04d}.png"), (frame / 5, 0.2, 1 - frame / 5))
    image = bpy.data.images.load(os.path.join(OUT, "seq", "s_0001.png"))
    image.source = "SEQUENCE"
    user = paint(scene.objects["Cube"].data, image).image_user
    user.frame_duration, user.frame_start, user.use_auto_refresh = 5, 1, True
    save("sequence")
    bpy.ops.file.make_paths_relative()
    save("sequence")


def linked() -> None:
    scene = base()
    folder = os.path.join(OUT, "lib")
    write_picture(os.path.join(folder, "green.png"), (0.1, 0.9, 0.2))
    cube = scene.objects["Cube"]
    cube.name = "Asset cube"
    cube.animation_data_clear()
    asset = bpy.data.collections.new("Asset")
    asset.objects.link(cube)
    scene.collection.children.link(asset)
    paint(cube.data, bpy.data.images.load(os.path.join(folder, "green.png")))
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "asset.blend"))
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "asset.blend"))
    scene = base()
    bpy.data.objects.remove(scene.objects["Cube"])
    save("linked")
    with bpy.data.libraries.load(os.path.join(folder, "asset.blend"), link=True, relative=True) as (
        _,
        wanted,
    ):
        wanted.collections = ["Asset"]
    empty = bpy.data.objects.new("Instance", None)
    empty.instance_type, empty.instance_collection = "COLLECTION", bpy.data.collections["Asset"]
    scene.collection.objects.link(empty)
    empty.rotation_euler = (0, 0, 0.5)
    save("linked")


def nodes() -> None:
    """The compositor saves two files of its own beside the picture."""
    scene = base()
    scene.view_layers[0].use_pass_z = True
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        layers, out = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
        tree.links.new(layers.outputs["Image"], out.inputs[0])
        saver = tree.nodes.new("CompositorNodeOutputFile")
        saver.directory, saver.file_name = "//passes/", "p_"
        saver.format.media_type = "IMAGE"
        saver.format.file_format = "OPEN_EXR"
        for kind, name in (("RGBA", "beauty"), ("FLOAT", "depth")):
            saver.file_output_items.new(kind, name)
        tree.links.new(layers.outputs["Image"], saver.inputs[0])
        tree.links.new(layers.outputs["Depth"], saver.inputs[1])
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        layers = next(n for n in tree.nodes if n.bl_idname == "CompositorNodeRLayers")
        saver = tree.nodes.new("CompositorNodeOutputFile")
        saver.base_path = "//passes/"
        saver.format.file_format = "OPEN_EXR"
        saver.file_slots[0].path = "beauty/b_##"
        saver.file_slots.new("depth")
        tree.links.new(layers.outputs["Image"], saver.inputs[0])
        tree.links.new(layers.outputs["Depth"], saver.inputs[1])
    save("nodes")


def stereo() -> None:
    scene = base()
    scene.render.use_multiview = True
    save("stereo")


def nocamera() -> None:
    scene = base()
    scene.camera = None
    save("nocamera")


def slow() -> None:
    scene = base()
    scene.cycles.samples = 1_000_000
    # Adaptive sampling tells its progress often; with this threshold it never ends early.
    scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.00001
    scene.render.resolution_x = scene.render.resolution_y = 256
    save("slow")


def script(name: str, body: str) -> None:
    base()
    text = bpy.data.texts.new("on_frame.py")
    text.from_string(
        "import bpy\n@bpy.app.handlers.persistent\ndef on_frame(scene, *rest):\n"
        f"    {body}\nbpy.app.handlers.frame_change_pre.append(on_frame)\n"
    )
    text.use_module = True
    save(name)


def hang() -> None:
    script("hang", "while scene.frame_current == 2: pass")


def scripterror() -> None:
    script("scripterror", "if scene.frame_current == 2: raise ValueError('the rig is broken')")


def liar() -> None:
    script(
        "liar", 'print(\'tally_frame: {"frame":%d,"state":"failed","reason":"a lie"}\' % scene.frame_current)'
    )


def holed() -> None:
    """Frame 2's picture gets a hole in its middle right after it was written, as a bad disk would make."""
    base()
    text = bpy.data.texts.new("spoil.py")
    text.from_string(
        "import bpy, glob, os\n@bpy.app.handlers.persistent\ndef spoil(scene, *rest):\n"
        "    if scene.frame_current != 2:\n"
        "        return\n"
        "    folder = os.path.dirname(bpy.path.abspath(scene.render.filepath))\n"
        "    for path in glob.glob(os.path.join(folder, '*.exr')):\n"
        "        with open(path, 'r+b') as file:\n"
        "            file.seek(os.path.getsize(path) // 2)\n"
        "            file.write(b'Z' * (os.path.getsize(path) // 6))\n"
        "bpy.app.handlers.render_write.append(spoil)\n"
    )
    text.use_module = True
    save("holed")


def pydriver() -> None:
    scene = base()
    curve = scene.objects["Cube"].driver_add("location", 2)
    curve.driver.expression = "nothing_of_that_name(frame)"
    save("pydriver")


def gpu() -> None:
    base().cycles.device = "GPU"
    save("gpu")


def written_as(name: str, media: str, file_format: str) -> None:
    image = base().render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = media
    image.file_format = file_format
    save(name)


def movie() -> None:
    written_as("movie", "VIDEO", "FFMPEG")


def layers() -> None:
    written_as("layers", "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER")


def tmpout() -> None:
    base().render.filepath = "/tmp/"
    save("tmpout")


def held() -> None:
    """A frame N waits while `hold_N` lies beside the scene, and says who waits in a file `reached_N`.

    So does opening the scene, by `hold_open` and `reached_open`.
    """
    scene = base()
    scene.frame_end = 30
    cube = scene.objects["Cube"]
    cube.rotation_euler = (0, 0, math.pi / 3)
    cube.keyframe_insert("rotation_euler", frame=30)
    text = bpy.data.texts.new("hold.py")
    text.from_string(
        "import bpy, os, time\n"
        "def wait(what):\n"
        "    folder = os.path.dirname(bpy.data.filepath)\n"
        "    hold = os.path.join(folder, 'hold_%s' % what)\n"
        "    if os.path.exists(hold):\n"
        "        reached = os.path.join(folder, 'reached_%s' % what)\n"
        "        with open(reached + '.part', 'w') as file:\n"
        "            file.write(str(os.getpid()))\n"
        "        os.replace(reached + '.part', reached)\n"
        "    while os.path.exists(hold):\n"
        "        time.sleep(0.01)\n"
        "@bpy.app.handlers.persistent\ndef on_frame(scene, *rest):\n"
        "    wait(scene.frame_current)\n"
        "bpy.app.handlers.frame_change_pre.append(on_frame)\n"
        "wait('open')\n"
    )
    text.use_module = True
    save("held")


def strips() -> None:
    """The sequencer's own picture, without a camera."""
    scene = base()
    scene.camera = None
    editor = scene.sequence_editor_create()
    strips = getattr(editor, "strips", None)
    if strips is not None:
        colour = strips.new_effect("Colour", "COLOR", 1, frame_start=1, length=5)
    else:
        colour = editor.sequences.new_effect("Colour", "COLOR", 1, frame_start=1, frame_end=6)
    colour.color = (0.1, 0.6, 0.2)
    save("strips")


def composite() -> None:
    """The compositor's own picture, without a camera (up to 4.5)."""
    scene = base()
    scene.camera = None
    scene.use_nodes = True
    tree = scene.node_tree
    for node in [one for one in tree.nodes if one.bl_idname == "CompositorNodeRLayers"]:
        tree.nodes.remove(node)
    colour = tree.nodes.new("CompositorNodeRGB")
    out = next(one for one in tree.nodes if one.bl_idname == "CompositorNodeComposite")
    tree.links.new(colour.outputs[0], out.inputs[0])
    save("composite")


def farnodes() -> None:
    """A File Output node that saves outside the scene's folder (up to 4.5)."""
    nodes()
    tree = bpy.context.scene.node_tree
    saver = next(one for one in tree.nodes if one.bl_idname == "CompositorNodeOutputFile")
    saver.base_path = "//../far passes/"
    save("farnodes")


def keep() -> None:
    base().render.use_overwrite = False
    save("keep")


def main() -> None:
    global OUT
    arguments = sys.argv[sys.argv.index("--") + 1 :]
    OUT = os.path.abspath(arguments[0])
    os.makedirs(OUT, exist_ok=True)
    scenes = (
        anim,
        exposed,
        packed,
        changed,
        textured,
        sequence,
        linked,
        nodes,
        stereo,
        nocamera,
        slow,
        hang,
        scripterror,
        liar,
        holed,
        pydriver,
        gpu,
        movie,
        layers,
        tmpout,
        held,
        strips,
        composite,
        farnodes,
        keep,
    )
    makers = {maker.__name__: maker for maker in scenes}
    for name in arguments[1:] or makers:
        makers[name]()


if __name__ == "__main__":
    main()
