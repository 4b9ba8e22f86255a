"""The render driver: opens one scene, stays open, and renders each frame it is asked for.

Runs inside `blender -b --python driver.py` and under the Python of a `bpy` wheel alike.
Settings come as JSON in a file named by TALLY_DRIVER_SETTINGS; see `container/agent/blender/settings.ts`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from channel import open_channel  # noqa: E402  (the folder must be known first)

channel = open_channel()

import bpy  # noqa: E402
from frames import render_frame, watch_progress  # noqa: E402
from look import watch_looks  # noqa: E402
from outputs import home_of, plan_outputs  # noqa: E402
from path_mapping import read_mapping  # noqa: E402
from problems import SceneProblem  # noqa: E402
from scene import open_scene  # noqa: E402


def main() -> int:
    with open(os.environ["TALLY_DRIVER_SETTINGS"], encoding="utf-8") as file:
        settings = json.load(file)
    try:
        mapping = read_mapping(settings["rules"], settings["original"])
        opened = open_scene(settings, mapping)
        plan = plan_outputs(opened.scene, settings, mapping)
    except SceneProblem as problem:
        channel.send(event="refused", reason=str(problem))
        return 3
    except Exception as error:
        traceback.print_exc()
        channel.send(event="refused", words=str(error).strip())
        return 3
    watch_progress(channel)
    write_look = watch_looks(opened.scene)
    channel.send(
        event="ready",
        version=bpy.app.version_string,
        device=opened.device,
        home=home_of(opened.scene, plan),
        notes=opened.notes[:20],
    )
    for command in channel.commands():
        render_frame(channel, opened, plan, write_look, int(command["frame"]), str(command["folder"]))
    return 0


try:
    status = main()
except BrokenPipeError:
    status = 4
# A scene's threads and add-ons must not keep a finished renderer alive.
sys.stdout.flush()
os._exit(status)
