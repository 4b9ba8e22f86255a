// Unpacks compressed .blend files. Node reads only the first frame of a zstd file, and Blender writes many.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { createGunzip, createZstdDecompress, zstdDecompress } from "node:zlib";
import type { Transform } from "node:stream";

export type Compression = "none" | "gzip" | "zstd";

const FRAME = 0xfd2fb528;
const IN_MEMORY = 8 << 20;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const SIZE_BYTES = [0, 2, 4, 8];
const unzstd = promisify(zstdDecompress);

/** Tells how a .blend is packed from its first bytes. */
export function compressionOf(head: Buffer): Compression {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.length >= 4 && head.readUInt32LE(0) === FRAME) return "zstd";
  return "none";
}

/** Yields the unpacked bytes in pieces. @throws Error when the file is cut off or damaged. */
export async function* unpackedPieces(path: string, compression: "gzip" | "zstd"): AsyncGenerator<Buffer> {
  if (compression === "gzip") {
    yield* through(createGunzip(), path);
    return;
  }
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    for (let at = 0; at < size;) {
      const head = await readAt(file, at, 18);
      const magic = head.length < 8 ? -1 : head.readUInt32LE(0);
      if (magic >>> 4 === 0x184d2a5) {
        at += 8 + head.readUInt32LE(4);
        if (at > size) throw new Error("cut-off zstd file");
      } else if (magic === FRAME) {
        const length = await frameLength(file, at, size, head);
        if (length > IN_MEMORY) yield* through(createZstdDecompress(), path, at, at + length - 1);
        else yield await unzstd(await readAt(file, at, length));
        at += length;
      } else throw new Error("damaged zstd file");
    }
  } finally {
    await file.close();
  }
}

/** Walks the blocks of one frame to learn where it ends (RFC 8878, section 3.1.1). */
async function frameLength(file: FileHandle, start: number, size: number, head: Buffer): Promise<number> {
  const descriptor = head[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const sizeBytes = SIZE_BYTES[descriptor >> 6] || (single ? 1 : 0);
  let at = start + 5 + (single ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] ?? 0) + sizeBytes;
  for (let last = false; !last;) {
    const block = await readAt(file, at, 3);
    if (block.length < 3) throw new Error("cut-off zstd file");
    const value = block.readUIntLE(0, 3);
    last = (value & 1) === 1;
    // A run of one byte is stored as that byte.
    at += 3 + ((value >> 1) % 4 === 1 ? 1 : value >> 3);
  }
  at += (descriptor & 4) !== 0 ? 4 : 0;
  if (at > size) throw new Error("cut-off zstd file");
  return at - start;
}

async function* through(unpack: Transform, path: string, start = 0, end = Infinity): AsyncGenerator<Buffer> {
  const source = createReadStream(path, { start, end });
  source.on("error", (error) => unpack.destroy(error));
  try {
    yield* source.pipe(unpack) as AsyncIterable<Buffer>;
  } finally {
    source.destroy();
    unpack.destroy();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
