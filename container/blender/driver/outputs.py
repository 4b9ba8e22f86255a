"""Where a local render would have written each file, and how to write it into another folder instead."""

from __future__ import annotations

import ntpath
import os
import tempfile
from dataclasses import dataclass, field
from typing import Any

import bpy
from path_mapping import PathMapping, is_absolute, is_windows_path
from problems import SceneProblem

MOVIE_FORMATS = ("FFMPEG", "AVI_JPEG", "AVI_RAW")

# Endings that name a picture's format.
FORMAT_OF_ENDING = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".exr": "OPEN_EXR",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tga": "TARGA",
    ".hdr": "HDR",
    ".dpx": "DPX",
    ".cin": "CINEON",
    ".jp2": "JPEG2000",
}


@dataclass
class OutputPlan:
    """`pattern` is the path at home, as Blender spells it; `nodes` are the File Output nodes."""

    pattern: str
    mapping: PathMapping = field(default_factory=PathMapping)
    nodes: list[FileOutput] = field(default_factory=list)


@dataclass
class FileOutput:
    """A compositor File Output node, with what the artist had put in it."""

    node: Any
    folder: str
    prefix: str
    slots: list[str]


def plan_outputs(scene: Any, settings: dict[str, Any], mapping: PathMapping) -> OutputPlan:
    """Applies the job's output and format; raises SceneProblem for formats without single frames."""
    wanted = wanted_format(scene, settings["output"], settings["format"])
    if wanted:
        set_format(scene, wanted)
    refuse_movies(scene)
    pattern = settings["output"] or own_pattern(scene, os.path.dirname(settings["original"]))
    if not pattern.startswith("//") and not is_absolute(pattern):
        pattern = "//" + pattern
    if mapping.windows and pattern.startswith("//"):
        pattern = pattern.replace("\\", "/")
    return OutputPlan(pattern=pattern, mapping=mapping, nodes=plan_nodes(scene))


def plan_nodes(scene: Any) -> list[FileOutput]:
    """The scene's File Output nodes that take part in a render."""
    return [_remember(node) for node in _file_output_nodes(scene)]


def own_pattern(scene: Any, folder: str) -> str:
    """The scene's own output, or a folder beside the .blend where that is a temporary one.

    Blender's default is `/tmp/`. `folder` is where the .blend lies at home.
    """
    raw = str(scene.render.filepath)
    if raw.startswith("//"):
        return raw
    name = os.path.splitext(os.path.basename(bpy.data.filepath))[0]
    path = os.path.normpath(raw) if raw else ""
    temporary = {"/tmp", "/var/tmp", "/private/tmp", tempfile.gettempdir(), os.path.normpath(bpy.app.tempdir)}
    temporary |= {os.environ[key] for key in ("TMP", "TEMP") if os.environ.get(key)}
    below = any(_is_below(path, folder) for folder in temporary)
    if path == "" or (below and not _is_below(path, folder)):
        return f"//render/{name}/####"
    return raw


def _is_below(path: str, folder: str) -> bool:
    folder = os.path.normpath(folder)
    return path == folder or path.startswith(folder.rstrip("\\/") + os.sep)


def wanted_format(scene: Any, pattern: str, named: str) -> str:
    """The format that a job asks for: the named one, else that of its output's ending, else "": the scene's.

    An ending that the scene's own format has changes nothing: a scene of many layers keeps them as `.exr`.
    """
    ending = os.path.splitext(pattern)[1].lower()
    if named or ending == str(scene.render.file_extension).lower():
        return named
    return FORMAT_OF_ENDING.get(ending, "")


def set_format(scene: Any, wanted: str) -> None:
    """Sets the file format; from 5.0 on, the kind of media must fit first."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE" if wanted == "OPEN_EXR_MULTILAYER" else "IMAGE"
    try:
        image.file_format = wanted
    except TypeError as error:
        raise SceneProblem(
            f'This Blender cannot write "{wanted}". Submit again with --format PNG.'
        ) from error


def refuse_movies(scene: Any) -> None:
    """A movie is one file for all frames, so frames could not be rendered apart."""
    image = scene.render.image_settings
    if is_movie(scene):
        raise SceneProblem(
            f'The scene writes a movie ("{image.file_format}"), which cannot be rendered frame by frame. '
            "Submit again with --format PNG."
        )


def is_movie(scene: Any) -> bool:
    image = scene.render.image_settings
    return image.file_format in MOVIE_FORMATS or getattr(image, "media_type", "IMAGE") == "VIDEO"


def path_at(scene: Any, pattern: str, frame: int) -> str:
    """Blender's own spelling of a frame's path."""
    if is_windows_path(pattern) and os.name != "nt":
        # This Blender would take the drive for a folder; only the name is for it to complete.
        folder, name = ntpath.split(pattern)
        return ntpath.join(folder, os.path.basename(path_at(scene, "//" + name, frame)))
    before = scene.render.filepath
    scene.render.filepath = pattern
    try:
        return os.path.normpath(str(scene.render.frame_path(frame=frame)))
    finally:
        scene.render.filepath = before


def home_of(scene: Any, plan: OutputPlan) -> str:
    """The folder of the job's main output."""
    return os.path.dirname(plan.mapping.home(path_at(scene, plan.pattern, 1)))


def compositor_tree(scene: Any) -> Any:
    """The compositor's nodes, wherever this Blender keeps them, or None when it does not run."""
    if not scene.render.use_compositing:
        return None
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def _file_output_nodes(scene: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[str] = set()

    def walk(tree: Any) -> None:
        if tree is None or tree.name_full in seen:
            return
        seen.add(tree.name_full)
        for node in tree.nodes:
            if node.mute:
                continue
            if node.bl_idname == "CompositorNodeOutputFile":
                found.append(node)
            elif node.bl_idname == "CompositorNodeGroup":
                walk(node.node_tree)

    tree = compositor_tree(scene)
    if tree is not None:
        # The scene's own tree and a shared group may have the same name.
        for node in tree.nodes:
            if not node.mute and node.bl_idname == "CompositorNodeOutputFile":
                found.append(node)
            elif not node.mute and node.bl_idname == "CompositorNodeGroup":
                walk(node.node_tree)
    return found


def _remember(node: Any) -> FileOutput:
    if hasattr(node, "directory"):
        return FileOutput(node, str(node.directory), str(node.file_name), [])
    if node.format.file_format == "OPEN_EXR_MULTILAYER":
        folder, prefix = os.path.split(str(node.base_path))
        return FileOutput(node, folder, prefix, [])
    return FileOutput(node, str(node.base_path), "", [str(slot.path) for slot in node.file_slots])


def redirect(scene: Any, plan: OutputPlan, folder: str, frame: int) -> tuple[str, str]:
    """Makes all that this frame saves land below `folder`; returns the main file's path and pattern."""
    main = os.path.join(folder, "main")
    os.makedirs(main, exist_ok=True)
    for index, output in enumerate(plan.nodes):
        node, place = output.node, os.path.join(folder, f"node{index}")
        os.makedirs(place, exist_ok=True)
        if hasattr(node, "directory"):
            node.directory = _literal(place + os.sep)
        elif output.slots:
            node.base_path = _literal(place)
            for number, path in enumerate(output.slots):
                node.file_slots[number].path = f"s{number}/{os.path.basename(path)}"
        else:
            node.base_path = os.path.join(_literal(place), output.prefix)
    pattern = _literal(os.path.join(main, "frame_####"))
    return path_at(scene, pattern, frame), pattern


def _literal(path: str) -> str:
    """Braces are path templates from 4.5 on."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5, 0) else path


def saved_files(scene: Any, plan: OutputPlan, folder: str, frame: int) -> list[tuple[str, str]]:
    """Every file of this frame, as (where it lies, where it belongs at home)."""
    home = plan.mapping.home(path_at(scene, plan.pattern, frame))
    home_stem, home_ext = _split(scene, home)
    staged_stem = f"frame_{_digits(frame)}"
    found: list[tuple[str, str]] = []
    for path in _walk(os.path.join(folder, "main")):
        rest = os.path.basename(path)[len(staged_stem) :]
        found.append((path, home_stem + rest if rest else home_stem + home_ext))
    for index, output in enumerate(plan.nodes):
        place = os.path.join(folder, f"node{index}")
        for path in _walk(place):
            home = _node_home(scene, output, os.path.relpath(path, place))
            found.append((path, plan.mapping.home(home)))
    return found


def _split(scene: Any, home: str) -> tuple[str, str]:
    """Cuts the extension only where Blender had put one."""
    extension = str(scene.render.file_extension)
    if scene.render.use_file_extension and home.lower().endswith(extension.lower()):
        return home[: -len(extension)], home[-len(extension) :]
    return home, ""


def _digits(frame: int) -> str:
    return f"{frame:04d}" if frame >= 0 else f"-{-frame:04d}"


def _node_home(scene: Any, output: FileOutput, relative: str) -> str:
    folder = _resolve(scene, output.folder)
    if output.slots:
        first, _, rest = relative.partition(os.sep)
        inner = os.path.dirname(output.slots[int(first[1:])])
        return os.path.normpath(os.path.join(folder, inner, rest))
    return os.path.normpath(os.path.join(folder, relative))


def node_folder(scene: Any, output: FileOutput) -> str:
    """The folder at home that a File Output node saves below."""
    return _resolve(scene, output.folder)


def _resolve(scene: Any, folder: str) -> str:
    if "{" in folder and bpy.app.version >= (4, 5, 0):
        folder = os.path.dirname(path_at(scene, os.path.join(folder, "x"), 1))
    if is_windows_path(folder):
        return folder
    return os.path.normpath(str(bpy.path.abspath(folder)))


def _walk(folder: str) -> list[str]:
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)


def expected_files(scene: Any, main: str) -> list[str]:
    """The main files that this frame must have saved: one, or one for each view."""
    render = scene.render
    if not render.use_multiview or render.image_settings.views_format != "INDIVIDUAL":
        return [main]
    wanted = ("left", "right") if render.views_format == "STEREO_3D" else None
    stem, extension = _split(scene, main)
    views = [view for view in render.views if view.use and (wanted is None or view.name in wanted)]
    return [f"{stem}{view.file_suffix}{extension}" for view in views]


def silent_nodes(plan: OutputPlan, folder: str) -> list[str]:
    """File Output nodes that should have saved something for this frame and did not."""
    silent: list[str] = []
    for index, output in enumerate(plan.nodes):
        place = os.path.join(folder, f"node{index}")
        linked = [socket for socket in output.node.inputs if _is_fed(socket)]
        if not linked:
            continue
        if output.slots:
            for number, _ in enumerate(output.slots):
                if _is_fed(output.node.inputs[number]) and not _walk(os.path.join(place, f"s{number}")):
                    silent.append(f'"{output.node.name}" ({output.slots[number]})')
        elif not _walk(place):
            silent.append(f'"{output.node.name}"')
    return silent


def _is_fed(socket: Any) -> bool:
    return any(link.is_valid and not link.is_muted and link.from_socket.enabled for link in socket.links)
