"""Whole and damaged pictures are told apart, by files that Python itself makes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from image_check import check_image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png() -> bytes:
    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(4))
    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def exr(lines: int = 3) -> bytes:
    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(value)) + value

    head = b"\x76\x2f\x31\x01" + struct.pack("<I", 2)
    head += attribute("compression", "compression", b"\0")
    head += attribute("dataWindow", "box2i", struct.pack("<4i", 0, 0, 3, lines - 1)) + b"\0"
    start = len(head) + 8 * lines
    blocks = [struct.pack("<ii", y, 8) + bytes(8) for y in range(lines)]
    table = b"".join(struct.pack("<Q", start + 16 * y) for y in range(lines))
    return head + table + b"".join(blocks)


WHOLE = {
    "png": png(),
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9",
    "exr": exr(),
    "webp": b"RIFF" + struct.pack("<I", 24) + b"WEBP" + bytes(20),
    "bmp": b"BM" + struct.pack("<I", 60) + bytes(54),
    "tiff": b"II*\0"
    + struct.pack("<I", 24)
    + bytes(16)
    + struct.pack("<H", 2)
    + struct.pack("<HHII", 273, 4, 1, 8)
    + struct.pack("<HHII", 279, 4, 1, 16)
    + bytes(4),
    "tga": bytes((0, 0, 2)) + bytes(9) + struct.pack("<HH", 2, 2) + bytes((24, 0)) + bytes(12),
    "dpx": b"SDPX" + bytes(12) + struct.pack(">I", 100) + bytes(80),
    "svg": b"<?xml version='1.0'?><svg></svg>\n",
}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_pictures_pass(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    path.write_bytes(WHOLE[kind])
    assert check_image(str(path)) is None


@pytest.mark.parametrize("kind", WHOLE)
def test_cut_off_pictures_fail(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    path.write_bytes(WHOLE[kind][:-9])
    assert check_image(str(path)) is not None


def test_a_hole_inside_a_png_is_seen(tmp_path: Path) -> None:
    broken = bytearray(png())
    broken[45] ^= 0xFF
    path = tmp_path / "hole.png"
    path.write_bytes(bytes(broken))
    assert check_image(str(path)) == "is a damaged PNG"


def test_missing_empty_and_foreign_files(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("a text that is no picture at all")
    assert check_image(str(tmp_path / "none")) == "was not written"
    assert check_image(str(tmp_path / "empty")) == "is empty"
    assert check_image(str(tmp_path / "text")) == "is no picture that Tally knows"


def test_an_exr_whose_blocks_were_never_written_fails(tmp_path: Path) -> None:
    whole = exr()
    at = whole.index(struct.pack("<Q", len(whole) - 48))
    path = tmp_path / "hole.exr"
    path.write_bytes(whole[:at] + bytes(8) + whole[at + 8 :])
    assert check_image(str(path)) == "is a cut-off EXR"
