"""Draws one frame of a turning hand as a PPM picture: turn.py FRAME FOLDER."""

import math
import pathlib
import sys

frame, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
width, height = 64, 64
angle = frame * math.pi / 6
pixels = bytearray(b"\x11\x15\x1d" * width * height)
for step in range(28):
    x, y = round(32 + step * math.cos(angle)), round(32 + step * math.sin(angle))
    at = 3 * (y * width + x)
    pixels[at : at + 3] = b"\xf2\x40\x2b"
folder.mkdir(parents=True, exist_ok=True)
(folder / f"turn_{frame:04d}.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + pixels)
