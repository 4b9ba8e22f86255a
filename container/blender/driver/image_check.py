"""Tells whether a picture file is whole, without decoding its pixels: pure Python, no Blender."""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

EXR_LINES_PER_BLOCK = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}


def check_image(path: str) -> str | None:
    """Returns None for a whole picture, else what is wrong with it in a few words."""
    try:
        size = os.path.getsize(path)
        if size == 0:
            return "is empty"
        with open(path, "rb") as file:
            return _check(file, size)
    except FileNotFoundError:
        return "was not written"
    except (OSError, struct.error, IndexError, ValueError) as error:
        return f"cannot be read ({error})"


def _check(file: BinaryIO, size: int) -> str | None:
    head = file.read(16)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(file, size)
    if head.startswith(b"\xff\xd8\xff"):
        return None if _tail(file, size, 2) == b"\xff\xd9" else "is a cut-off JPEG"
    if head.startswith(b"\x76\x2f\x31\x01"):
        return _exr(file, size)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return None if struct.unpack("<I", head[4:8])[0] + 8 <= size else "is a cut-off WebP"
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return _tiff(file, size, "<" if head[:1] == b"I" else ">")
    if head.startswith(b"BM"):
        return None if struct.unpack("<I", head[2:6])[0] <= size else "is a cut-off BMP"
    if head.startswith(b"\xff\x4f\xff\x51") or head[4:8] == b"jP  ":
        return None if _tail(file, size, 2) == b"\xff\xd9" else "is a cut-off JPEG 2000"
    if head[:4] in (b"SDPX", b"XPDS"):
        return _dpx(file, size, ">" if head[:4] == b"SDPX" else "<")
    if head.startswith((b"#?RADIANCE", b"#?RGBE", b"\x80\x2a\x5f\xd7", b"\xd7\x5f\x2a\x80")):
        return None if size > 128 else "is a cut-off picture"
    if _looks_like_targa(head):
        return _targa(file, size, head)
    if head.startswith((b"<?xml", b"<svg")):
        return None if b"</svg>" in _tail(file, size, 64) else "is a cut-off SVG"
    return "is no picture that Tally knows"


def _tail(file: BinaryIO, size: int, count: int) -> bytes:
    file.seek(max(0, size - count))
    return file.read(count)


def _png(file: BinaryIO, size: int) -> str | None:
    """Walks the chunks and checks every sum, so a hole inside the file shows too."""
    file.seek(8)
    seen_data = False
    while True:
        head = file.read(8)
        if len(head) < 8:
            return "is a cut-off PNG"
        length, kind = struct.unpack(">I4s", head)
        if length > size:
            return "is a damaged PNG"
        body = file.read(length + 4)
        if len(body) < length + 4:
            return "is a cut-off PNG"
        if zlib.crc32(body[:-4], zlib.crc32(kind)) != struct.unpack(">I", body[-4:])[0]:
            return "is a damaged PNG"
        seen_data = seen_data or kind == b"IDAT"
        if kind == b"IEND":
            return None if seen_data else "is a PNG without a picture"


def _exr(file: BinaryIO, size: int) -> str | None:
    """Reads the header of each part, then sees that every block the table names lies inside the file."""
    file.seek(4)
    flags = struct.unpack("<I", file.read(4))[0]
    multipart, tiled = bool(flags & 0x1000), bool(flags & 0x200)
    blocks: list[int] = []
    while True:
        attributes = _exr_header(file)
        if attributes is None:
            return "is a cut-off EXR"
        if not attributes:
            break
        if "chunkCount" in attributes:
            blocks.append(struct.unpack("<i", attributes["chunkCount"])[0])
        elif tiled:
            return None if size > file.tell() + 64 else "is a cut-off EXR"
        else:
            _, top, _, bottom = struct.unpack("<4i", attributes["dataWindow"])
            per_block = EXR_LINES_PER_BLOCK.get(attributes["compression"][0], 1)
            blocks.append(-(-(bottom - top + 1) // per_block))
        if not multipart:
            break
    count = sum(blocks)
    table = file.read(8 * count)
    if len(table) < 8 * count or count == 0:
        return "is a cut-off EXR"
    offsets = struct.unpack(f"<{count}Q", table)
    last = max(offsets)
    if min(offsets) == 0 or last + 8 > size:
        return "is a cut-off EXR"
    file.seek(last + (4 if multipart else 0))
    deep_or_tiled = tiled
    file.read(16 if deep_or_tiled else 4)
    length = struct.unpack("<I", file.read(4))[0]
    return None if file.tell() + length <= size else "is a cut-off EXR"


def _exr_header(file: BinaryIO) -> dict[str, bytes] | None:
    attributes: dict[str, bytes] = {}
    while True:
        name = _cstring(file)
        if name is None:
            return None
        if name == "":
            return attributes
        if _cstring(file) is None:
            return None
        raw = file.read(4)
        if len(raw) < 4:
            return None
        length = struct.unpack("<I", raw)[0]
        value = file.read(min(length, 1 << 24))
        if len(value) < length:
            return None
        attributes[name] = value


def _cstring(file: BinaryIO) -> str | None:
    text = bytearray()
    while len(text) < 256:
        byte = file.read(1)
        if not byte:
            return None
        if byte == b"\0":
            return text.decode("latin-1")
        text += byte
    return None


def _tiff(file: BinaryIO, size: int, order: str) -> str | None:
    file.seek(4)
    directory = struct.unpack(order + "I", file.read(4))[0]
    if directory == 0 or directory + 2 > size:
        return "is a cut-off TIFF"
    file.seek(directory)
    entries = struct.unpack(order + "H", file.read(2))[0]
    tags: dict[int, tuple[int, int, bytes]] = {}
    for _ in range(entries):
        tag, kind, count, value = struct.unpack(order + "HHI4s", file.read(12))
        tags[tag] = (kind, count, value)
    offsets, lengths = (_tiff_numbers(file, order, tags.get(tag)) for tag in (273, 279))
    if not offsets or len(offsets) != len(lengths):
        return None
    return None if all(o + n <= size for o, n in zip(offsets, lengths, strict=True)) else "is a cut-off TIFF"


def _tiff_numbers(file: BinaryIO, order: str, entry: tuple[int, int, bytes] | None) -> list[int]:
    if entry is None:
        return []
    kind, count, value = entry
    width, letter = (2, "H") if kind == 3 else (4, "I")
    if width * count > 4:
        file.seek(struct.unpack(order + "I", value)[0])
        value = file.read(width * count)
    return list(struct.unpack(order + letter * count, value[: width * count]))


def _dpx(file: BinaryIO, size: int, order: str) -> str | None:
    file.seek(16)
    said = struct.unpack(order + "I", file.read(4))[0]
    return None if said in (0, 0xFFFFFFFF) or said <= size else "is a cut-off DPX"


def _looks_like_targa(head: bytes) -> bool:
    return len(head) == 16 and head[1] in (0, 1) and head[2] in (1, 2, 3, 9, 10, 11)


def _targa(file: BinaryIO, size: int, head: bytes) -> str | None:
    width, height = struct.unpack("<HH", head[12:16])
    file.seek(16)
    depth = file.read(1)[0]
    if head[2] in (1, 2, 3):
        return None if 18 + width * height * depth // 8 <= size else "is a cut-off Targa"
    return None if size > 18 + height else "is a cut-off Targa"
