"""Makes small pictures of large ones in a Blender of its own, so that no frame waits for it or fails by it.

Runs like `driver.py`: a command a line on its input, a message for each on its output. It opens no scene:
each picture comes with the look of the scene that it belongs to, see `look.py`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from channel import open_channel  # noqa: E402  (the folder must be known first)

channel = open_channel()

import bpy  # noqa: E402
from look import Look, apply_look  # noqa: E402
from small_picture import small_picture  # noqa: E402


def make(command: dict[str, Any]) -> None:
    """Makes one small picture, and says how that ended."""
    scene = bpy.data.scenes.new("preview")
    try:
        space = set_look(scene, command["look"])
        small_picture(scene, command["source"], command["target"], space, command["side"], command["quality"])
        channel.send(event="made")
    except Exception as error:
        channel.send(event="failed", words=str(error).strip())
    finally:
        forget(scene)


def end_after(seconds: int) -> None:
    """Ends this Blender in so many seconds (0: not any more), whatever it hangs in. Not on Windows."""
    if sys.platform != "win32":
        signal.alarm(seconds)


def set_look(scene: Any, path: str | None) -> str | None:
    """Gives the scene the look of a file; without one, the view that shows light as sRGB does.

    Returns the color space of files that hold light, or None for the usual one.
    """
    if path is None:
        scene.view_settings.view_transform = "Standard"
        return None
    with open(path, encoding="utf-8") as file:
        look: Look = json.load(file)
    apply_look(scene, look)
    space: str | None = look["space"]
    return space


def forget(scene: Any) -> None:
    """Lets everything of one picture go: the next one has another look, and memory is the artist's."""
    for image in [one for one in bpy.data.images if one.source != "VIEWER"]:
        bpy.data.images.remove(image)
    bpy.data.scenes.remove(scene)
    for tree in list(bpy.data.node_groups):
        bpy.data.node_groups.remove(tree)


channel.send(event="ready")
for line in channel.commands():
    end_after(int(line["seconds"]))
    make(line)
    end_after(0)
sys.stdout.flush()
os._exit(0)
