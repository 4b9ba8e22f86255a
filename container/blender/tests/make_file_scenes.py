"""Makes scenes that need files of every kind; runs in every Blender from 3.4 to 5.0.

blender -b --factory-startup --python make_file_scenes.py -- FOLDER NAME...
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import wave
from collections.abc import Callable
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from make_test_scenes import base, make_cube, paint, write_picture  # noqa: E402

OUT = ""
Colour = tuple[float, float, float]


def at(*names: str) -> str:
    """A path below the folder; what it lies in is made."""
    path = os.path.join(OUT, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def junk(*names: str) -> str:
    """A file that only its name matters of."""
    path = at(*names)
    with open(path, "wb") as file:
        file.write(b"not read by this test")
    return path


def save(*names: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=at(*names), compress=False)


def relative(path: str) -> str:
    return str(bpy.path.relpath(path))


def square(scene: Any, name: str, place: tuple[float, float, float], cuts: int = 1) -> Any:
    """A square that stands before the camera, with a map for pictures."""
    side = [index / cuts for index in range(cuts + 1)]
    corners = [(x * 1.6 - 0.8, 0.0, z * 1.6 - 0.8) for z in side for x in side]
    row = cuts + 1
    faces = [
        (z * row + x, z * row + x + 1, (z + 1) * row + x + 1, (z + 1) * row + x)
        for z in range(cuts)
        for x in range(cuts)
    ]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    layer = mesh.uv_layers.new(name="UVMap")
    for loop in mesh.loops:
        x, _, z = mesh.vertices[loop.vertex_index].co
        layer.data[loop.index].uv = ((x + 0.8) / 1.6, (z + 0.8) / 1.6)
    made = bpy.data.objects.new(name, mesh)
    made.location, made.rotation_euler = place, (0, 0, 0.8)
    scene.collection.objects.link(made)
    return made


def pictures(
    folder: tuple[str, ...], stem: str, numbers: range, colour: Callable[[int], Colour]
) -> list[str]:
    paths = [at(*folder, f"{stem}{number:04d}.png") for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        write_picture(path, colour(number))
    return paths


def show_sequence(mesh: Any, first: str, length: int, offset: int = 0) -> Any:
    image = bpy.data.images.load(first)
    image.source = "SEQUENCE"
    user = paint(mesh, image).image_user
    user.frame_duration, user.frame_start, user.frame_offset = length, 1, offset
    user.use_auto_refresh = True
    return image


def tiles(mesh: Any, folder: tuple[str, ...]) -> Any:
    """Two tiles side by side: the map is twice as wide as one."""
    for number, colour in ((1001, (0.9, 0.8, 0.1)), (1002, (0.1, 0.3, 0.9))):
        write_picture(at(*folder, f"wall.{number}.png"), colour)
    image = bpy.data.images.load(at(*folder, "wall.1001.png"))
    image.source = "TILED"
    image.filepath = at(*folder, "wall.<UDIM>.png")
    if len(image.tiles) < 2:
        image.tiles.new(1002)
    paint(mesh, image)
    for loop in mesh.uv_layers[0].data:
        loop.uv[0] *= 2
    return image


def point_cache(path: str) -> None:
    """A PC2 file for a cube: each of its five frames a little taller."""
    with open(path, "wb") as file:
        file.write(struct.pack("<12siiffi", b"POINTCACHE2\0", 1, 8, 1.0, 1.0, 5))
        for frame in range(5):
            for x in (-1, 1):
                for y in (-1, 1):
                    for z in (-1, 1):
                        file.write(struct.pack("<fff", x * 0.5, y * 0.5, z * (0.4 + frame * 0.2)))


def library() -> str:
    """A library with its own textures, one by its full path, and with a library in another folder."""
    scene = base()
    cube = scene.objects["Cube"]
    cube.animation_data_clear()
    cube.name, cube.scale, cube.location = "Deep cube", (0.4, 0.4, 0.4), (0, 1.6, -0.6)
    deep = bpy.data.collections.new("Deep")
    deep.objects.link(cube)
    scene.collection.children.link(deep)
    write_picture(at("store", "deep", "deep.png"), (0.8, 0.1, 0.8))
    image = bpy.data.images.load(at("store", "deep", "deep.png"))
    paint(cube.data, image)
    save("store", "deep", "deep.blend")
    image.filepath = relative(image.filepath)
    save("store", "deep", "deep.blend")

    scene = base()
    bpy.data.objects.remove(scene.objects["Cube"])
    asset = bpy.data.collections.new("Asset")
    scene.collection.children.link(asset)
    for name, place, colour in (
        ("near", (1.2, 0, 0), (0.1, 0.8, 0.2)),
        ("far", (-1.2, 0, 0), (0.2, 0.9, 0.9)),
    ):
        one = square(scene, f"{name} square", place)
        scene.collection.objects.unlink(one)
        asset.objects.link(one)
        write_picture(at("shot", "lib", f"{name}.png"), colour)
        paint(one.data, bpy.data.images.load(at("shot", "lib", f"{name}.png")))
    save("shot", "lib", "asset.blend")
    near = bpy.data.images["near.png"]
    near.filepath = relative(near.filepath)
    with bpy.data.libraries.load(at("store", "deep", "deep.blend"), link=True, relative=False) as (_, wanted):
        wanted.collections = ["Deep"]
    asset.children.link(bpy.data.collections["Deep"])
    path = at("shot", "lib", "asset.blend")
    save("shot", "lib", "asset.blend")
    return path


def link(scene: Any, path: str, inside: bool) -> None:
    with bpy.data.libraries.load(path, link=True, relative=inside) as (_, wanted):
        wanted.collections = ["Asset"]
    empty = bpy.data.objects.new("Instance", None)
    empty.instance_type, empty.instance_collection = "COLLECTION", bpy.data.collections["Asset"]
    empty.location = (0, 0, 1.2)
    scene.collection.objects.link(empty)


def loose() -> None:
    """A cloth whose files are no bake: Blender writes them anew while it renders."""
    scene = base()
    save("shot", "loose.blend")
    cloth(scene, baked=False)
    for frame in range(1, 4):
        scene.frame_set(frame)
    scene.frame_set(1)
    save("shot", "loose.blend")


def cloth(scene: Any, baked: bool = True) -> None:
    """A cloth that falls, kept in files beside the scene, which must be saved already."""
    sheet = square(scene, "Cloth", (0.2, -1.8, 1.2), cuts=4)
    sheet.rotation_euler = (0.9, 0, 0.4)
    modifier = sheet.modifiers.new("Cloth", "CLOTH")
    cache = modifier.point_cache
    cache.use_disk_cache, cache.frame_start, cache.frame_end = True, 1, 5
    if baked:
        with bpy.context.temp_override(scene=scene, object=sheet, active_object=sheet, point_cache=cache):
            bpy.ops.ptcache.bake(bake=True)


def letters(scene: Any) -> None:
    """Words in a font of the artist's own: the picture shows that it is not Blender's."""
    curve = bpy.data.curves.new("Words", "FONT")
    curve.body, curve.size = "Wgi", 1.4
    curve.font = bpy.data.fonts.load(_font("mono"))
    words = bpy.data.objects.new("Words", curve)
    words.parent, words.location = scene.camera, (-2.2, -2.4, -8)
    shine = bpy.data.materials.new("Shine")
    shine.use_nodes = True
    nodes = shine.node_tree.nodes
    out = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
    shine.node_tree.links.new(nodes.new("ShaderNodeEmission").outputs[0], out.inputs[0])
    curve.materials.append(shine)
    scene.collection.objects.link(words)


def lamp(scene: Any) -> None:
    """A lamp that throws its light to one side, as a file says."""
    with open(at("store", "lamp.ies"), "w", encoding="ascii") as file:
        file.write("IESNA:LM-63-1995\nTILT=NONE\n1 1000 1 3 1 1 2 0 0 0\n1 1 100\n")
        file.write("0 45 90\n0\n9000 20 0\n")
    light = bpy.data.lights.new("Lamp", "POINT")
    light.energy, light.use_nodes = 400, True
    nodes = light.node_tree.nodes
    profile = nodes.new("ShaderNodeTexIES")
    profile.mode, profile.filepath = "EXTERNAL", at("store", "lamp.ies")
    emission = next(node for node in nodes if node.type == "EMISSION")
    light.node_tree.links.new(profile.outputs[0], emission.inputs["Strength"])
    made = bpy.data.objects.new("Lamp", light)
    made.location = (-0.6, 0.4, 4.5)
    scene.collection.objects.link(made)


def cut() -> None:
    """The sequencer's own picture, of pictures that lie elsewhere."""
    scene = base()
    save("shot", "cut.blend")
    _sequencer(scene)
    save("shot", "cut.blend")


def far() -> None:
    """Everything that issue's worker must bring along, each seen in the picture."""
    asset = library()
    scene = base()
    save("shot", "far.blend")
    write_picture(at("shot", "tex", "red.png"), (0.9, 0.1, 0.1))
    paint(scene.objects["Cube"].data, bpy.data.images.load(at("shot", "tex", "red.png")))
    first = pictures(("plates",), "p_", range(1, 6), lambda n: (n / 5, 0.2, 1 - n / 5))[0]
    show_sequence(square(scene, "Screen", (0, -2, 0)).data, first, 5)
    tiles(square(scene, "Wall", (2, 0, 0.5)).data, ("shot", "tex"))
    point_cache(at("caches", "tall.pc2"))
    tall = make_cube(scene)
    tall.location = (-0.6, 0.4, 2)
    modifier = tall.modifiers.new("Cache", "MESH_CACHE")
    modifier.cache_format, modifier.filepath = "PC2", at("caches", "tall.pc2")
    link(scene, asset, True)
    letters(scene)
    lamp(scene)
    save("shot", "far.blend")
    cloth(scene)
    red = bpy.data.images["red.png"]
    red.filepath = relative(red.filepath)
    wall = next(one for one in bpy.data.images if one.source == "TILED")
    wall.filepath = relative(wall.filepath)
    save("shot", "far.blend")


def kinds() -> None:
    """One file of each kind; most hold nothing, for this scene is listed and never rendered."""
    asset = library()
    scene = base()
    save("shot", "kinds.blend")
    write_picture(at("shot", "tex", "plain.png"), (0.5, 0.5, 0.5))
    plain = bpy.data.images.load(at("shot", "tex", "plain.png"))
    paint(scene.objects["Cube"].data, plain)
    write_picture(at("shot", "tex", "packed.png"), (0.5, 0.5, 0.5))
    packed = bpy.data.images.load(at("shot", "tex", "packed.png"))
    packed.pack()
    packed.use_fake_user = True
    # Ten files, of which the scene shows 3 to 5.
    first = pictures(("plates",), "long_", range(1, 11), lambda n: (0, 0, n / 10))[0]
    show_sequence(square(scene, "Screen", (0, -2, 0)).data, first, 3, 2)
    tiles(square(scene, "Wall", (2, 0, 0.5)).data, ("shot", "tex"))
    pictures(("plates",), "clip_", range(1001, 1004), lambda n: (0, 0, 0.5))
    bpy.data.movieclips.load(at("plates", "clip_1001.png")).use_fake_user = True
    bpy.data.movieclips.load(junk("plates", "film.mp4")).use_fake_user = True
    _sequencer(scene)
    bpy.data.fonts.load(_font("mono")).use_fake_user = True
    volume = bpy.data.volumes.new("Smoke")
    volume.use_fake_user = True
    volume.filepath = junk("caches", "smoke_0001.vdb")
    junk("caches", "smoke_0002.vdb")
    volume.is_sequence = True
    modifier = scene.objects["Cube"].modifiers.new("Cache", "MESH_CACHE")
    point_cache(at("caches", "tall.pc2"))
    modifier.cache_format, modifier.filepath = "PC2", relative(at("caches", "tall.pc2"))
    fluid = square(scene, "Fluid", (0, 0, 0)).modifiers.new("Fluid", "FLUID")
    fluid.fluid_type = "DOMAIN"
    fluid.domain_settings.cache_directory = "//fluid"
    junk("shot", "fluid", "data", "fluid_data_0001.vdb")
    junk("shot", "fluid", "notes.txt")
    junk("shot", "blendcache_kinds", "cloth_000001_00.bphys")
    text = bpy.data.texts.load(junk("shot", "notes", "rig.py"))
    text.use_fake_user = True
    _script_nodes()
    link(scene, asset, True)
    # Other scenes' caches and whatever else lies around is nobody's business.
    junk("shot", "blendcache_other", "x.bphys")
    junk("shot", "tex", "unused.png")
    save("shot", "kinds.blend")


def _font(kind: str) -> str:
    folder = bpy.utils.system_resource("DATAFILES", path="fonts")
    names = [name for name in sorted(os.listdir(folder)) if name.endswith((".ttf", ".ttf.gz", ".woff2"))]
    name = next(name for name in names if kind in name.lower())
    path = at("store", "fonts", name)
    with open(os.path.join(folder, name), "rb") as source, open(path, "wb") as copy:
        copy.write(source.read())
    return path


def _sequencer(scene: Any) -> None:
    editor = scene.sequence_editor_create()
    strips = getattr(editor, "strips", None)
    strips = editor.sequences if strips is None else strips
    first, second = pictures(("plates",), "strip_", range(1, 3), lambda n: (0.5, 0, 0))
    strip = strips.new_image("Pictures", first, 1, 1)
    strip.elements.append(os.path.basename(second))
    path = at("store", "beep.wav")
    with wave.open(path, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 8000)
    strips.new_sound("Beep", path, 2, 1)
    scene.render.use_sequencer = True


def _script_nodes() -> None:
    material = bpy.data.materials.new("Scripted")
    material.use_nodes = True
    material.use_fake_user = True
    script = material.node_tree.nodes.new("ShaderNodeScript")
    with contextlib.suppress(RuntimeError):
        script.mode, script.filepath = "EXTERNAL", junk("shot", "osl", "noise.osl")
    light = bpy.data.lights.new("Lamp", "POINT")
    light.use_nodes, light.use_fake_user = True, True
    profile = light.node_tree.nodes.new("ShaderNodeTexIES")
    profile.mode, profile.filepath = "EXTERNAL", junk("store", "lamp.ies")


def holes() -> None:
    """A sequence whose third picture is not there."""
    scene = base()
    first = pictures(("plates",), "h_", range(1, 6), lambda n: (0.5, 0, 0))[0]
    show_sequence(square(scene, "Screen", (0, -2, 0)).data, first, 5)
    os.remove(at("plates", "h_0003.png"))
    save("shot", "holes.blend")


def windows() -> None:
    """A scene as Windows wrote it: its textures have drive letters and backslashes."""
    scene = base()
    save("shot", "windows.blend")
    write_picture(at("shot", "tex", "red.png"), (0.9, 0.1, 0.1))
    write_picture(at("shot", "tex", "blue.png"), (0.1, 0.1, 0.9))
    red = bpy.data.images.load(at("shot", "tex", "red.png"))
    paint(scene.objects["Cube"].data, red)
    blue = bpy.data.images.load(at("shot", "tex", "blue.png"))
    paint(square(scene, "Screen", (0, -2, 0)).data, blue)
    scene.render.filepath = "//render\\frame_####"
    save("shot", "plain.blend")
    red.filepath_raw = "S:\\shot\\tex\\red.png"
    blue.filepath_raw = "//tex\\blue.png"
    save("shot", "windows.blend")


def main() -> None:
    global OUT
    arguments = sys.argv[sys.argv.index("--") + 1 :]
    OUT = os.path.abspath(arguments[0])
    makers: dict[str, Callable[[], None]] = {
        maker.__name__: maker for maker in (far, cut, loose, kinds, holes, windows)
    }
    for name in arguments[1:] or makers:
        makers[name]()


if __name__ == "__main__":
    main()
