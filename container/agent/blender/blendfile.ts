// Writes an original's path into a copy of its .blend, so that Blender resolves `//` as if the copy lay there.
import { constants, createWriteStream } from "node:fs";
import { copyFile, open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { compressionOf, unpackedPieces } from "./unpack.ts";

type Layout = { pointer: number; large: boolean; big: boolean; start: number };
type Field = { offset: number; length: number };

/**
 * Makes `destination` an unpacked copy of `source` that names `original` as its own path.
 * Blender's crash recovery opens such a file as if it were `original` (tried with 3.4, 4.5 and 5.0).
 * @throws Error with a sentence when the file is no .blend, is damaged, or the path is too long for the format.
 */
export async function copyAsIfAt(source: string, original: string, destination: string): Promise<void> {
  const head = await firstBytes(source, 4);
  const compression = compressionOf(head);
  await rm(destination, { force: true });
  if (compression === "none") await copyFile(source, destination, constants.COPYFILE_FICLONE);
  else await pipeline(unpackedPieces(source, compression), createWriteStream(destination));
  const file = await open(destination, "r+");
  try {
    await file.chmod(0o600);
    await writeOwnPath(file, original, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    return await readAt(file, 0, count);
  } finally {
    await file.close();
  }
}

async function writeOwnPath(file: FileHandle, original: string, size: number): Promise<void> {
  const layout = layoutOf(await readAt(file, 0, 17));
  const field = await findPathField(file, size, layout);
  const text = Buffer.from(original, "utf8");
  if (text.length >= field.length) {
    throw new Error(
      `The path ${original} is longer than Blender allows (${field.length - 1} bytes). Move the scene to a shorter path.`,
    );
  }
  const block = await findBlock(file, size, layout, "GLOB");
  const value = Buffer.alloc(field.length);
  text.copy(value);
  await file.write(value, 0, value.length, block + field.offset);
}

function layoutOf(head: Buffer): Layout {
  const text = head.toString("latin1");
  if (/^BLENDER[-_][vV]/.test(text)) {
    return { pointer: text[7] === "_" ? 4 : 8, large: false, big: text[8] === "V", start: 12 };
  }
  if (/^BLENDER\d\d-\d\d[vV]/.test(text)) {
    return { pointer: 8, large: true, big: text[12] === "V", start: Number(text.slice(7, 9)) };
  }
  throw new Error("The scene is not a Blender file. Name a .blend file.");
}

/** Finds a block by its code and returns where its data begins. */
async function findBlock(file: FileHandle, size: number, layout: Layout, code: string): Promise<number> {
  const headLength = layout.large ? 32 : 16 + layout.pointer;
  for (let at = layout.start; at + headLength <= size;) {
    const head = await readAt(file, at, headLength);
    const found = head.toString("latin1", 0, 4);
    if (found === code) return at + headLength;
    if (found === "ENDB") break;
    const length = layout.large
      ? Number(layout.big ? head.readBigInt64BE(16) : head.readBigInt64LE(16))
      : layout.big
        ? head.readInt32BE(4)
        : head.readInt32LE(4);
    if (length < 0) break;
    at += headLength + length;
  }
  throw new Error(`The scene's file is damaged: it has no ${code} block. Save it again in Blender.`);
}

/** Reads the file's own description of its structures, which lies at its end. */
async function findPathField(file: FileHandle, size: number, layout: Layout): Promise<Field> {
  for (const span of [1 << 20, 1 << 24]) {
    const from = Math.max(0, size - span);
    const tail = await readAt(file, from, size - from);
    const start = tail.lastIndexOf("SDNANAME");
    if (start >= 0) return pathFieldIn(tail.subarray(start), layout);
  }
  throw new Error("The scene's file is damaged: it does not describe itself. Save it again in Blender.");
}

function pathFieldIn(dna: Buffer, layout: Layout): Field {
  let at = 8;
  const int = (): number => {
    at += 4;
    return layout.big ? dna.readInt32BE(at - 4) : dna.readInt32LE(at - 4);
  };
  const short = (): number => {
    at += 2;
    return layout.big ? dna.readInt16BE(at - 2) : dna.readInt16LE(at - 2);
  };
  const words = (count: number): string[] =>
    Array.from({ length: count }, () => {
      const end = dna.indexOf(0, at);
      const word = dna.toString("latin1", at, end);
      at = end + 1;
      return word;
    });
  const align = (): void => {
    at = Math.ceil(at / 4) * 4 + 4;
  };
  const names = words(int());
  align();
  const types = words(int());
  align();
  const lengths = types.map(short);
  align();
  for (let structs = int(); structs > 0; structs -= 1) {
    const type = types[short()];
    let offset = 0;
    for (let fields = short(); fields > 0; fields -= 1) {
      const unit = lengths[short()] ?? 0;
      const name = names[short()] ?? "";
      const count = [...name.matchAll(/\[(\d+)\]/g)].reduce((all, part) => all * Number(part[1]), 1);
      const length = (/^\(?\*/.test(name) ? layout.pointer : unit) * count;
      if (type === "FileGlobal" && /^file(name|path)\[/.test(name)) return { offset, length };
      offset += length;
    }
  }
  throw new Error(
    "The scene was saved by a Blender that Tally does not know. Open it in a newer Blender and save it again.",
  );
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
