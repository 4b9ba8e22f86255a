// Reads which Blender saved a file, and whether the file is whole, before any Blender opens it.
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { compressionOf, unpackedPieces } from "./unpack.ts";
import type { Compression } from "./unpack.ts";

export type BlendHeader = { version: string; compression: Compression };
/** `missing`: there is no such file, which no further try can change. */
export type HeaderProblem = { problem: string; missing?: true };

const SEEK_TABLE_MAGIC = 0x8f92eab1;

/**
 * Reads the header of a .blend (`.blend1` too) without Blender.
 * @returns the series it was saved with ("4.2") and its compression, or a sentence about what is wrong.
 */
export async function readBlendHeader(path: string): Promise<BlendHeader | HeaderProblem> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") {
      return { problem: `There is no file ${path}. Check the path and try again.`, missing: true };
    }
    return { problem: `The file ${path} cannot be opened (${code ?? "unknown"}). Check its permissions.` };
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { problem: `${path} is not a file. Name a .blend file.` };
    const head = Buffer.alloc(32);
    const { bytesRead } = await file.read(head, 0, 32, 0);
    if (bytesRead === 0) return { problem: `The file ${path} is empty. Save the scene again in Blender.` };
    const compression = compressionOf(head.subarray(0, bytesRead));
    const start = compression === "none" ? head.subarray(0, bytesRead) : await firstBytes(path, compression);
    const version = start === null ? null : parseBlenderVersion(start);
    if (version === null) return { problem: notABlend(path, compression, start) };
    if (!(await isWhole(path, file, stat.size, compression, endLength(start ?? head)))) {
      return { problem: `The file ${path} is cut off: its end is missing. Save the scene again in Blender.` };
    }
    return { version, compression };
  } catch {
    return {
      problem: `The file ${path} cannot be read to its end; it may be damaged. Save the scene again in Blender.`,
    };
  } finally {
    await file.close();
  }
}

/** The series in the first bytes of an unpacked file: `BLENDER-v402` is "4.2", `BLENDER17-01v0502` is "5.2". */
export function parseBlenderVersion(start: Buffer): string | null {
  const text = start.toString("latin1", 0, 32);
  const number = (/^BLENDER[-_][vV](\d{3})/.exec(text) ?? /^BLENDER\d\d-\d\d[vV](\d{4})/.exec(text))?.[1];
  if (number === undefined) return null;
  const value = Number(number);
  const [major, minor] = [Math.floor(value / 100), value % 100];
  // Up to 2.93 the minor had two digits; from 3.0 on it is a plain number.
  return major < 3 ? `${major}.${String(minor).padStart(2, "0")}` : `${major}.${minor}`;
}

function notABlend(path: string, compression: Compression, start: Buffer | null): string {
  if (start === null || (compression === "none" && start.toString("latin1", 0, 7) === "BLENDER")) {
    return `The file ${path} is cut off: it ends inside its header. Save the scene again in Blender.`;
  }
  return `The file ${path} is not a Blender file. Name a .blend file.`;
}

async function firstBytes(path: string, compression: "gzip" | "zstd"): Promise<Buffer | null> {
  try {
    for await (const piece of unpackedPieces(path, compression)) return piece;
  } catch {
    // A packed file that cannot be unpacked from its start is cut off there.
  }
  return null;
}

async function isWhole(
  path: string,
  file: FileHandle,
  size: number,
  compression: Compression,
  end: number,
): Promise<boolean> {
  const tail = Buffer.alloc(Math.min(size, 64));
  await file.read(tail, 0, tail.length, size - tail.length);
  if (compression === "none") return hasEnd(tail, end);
  if (compression === "zstd" && tail.length >= 4 && tail.readUInt32LE(tail.length - 4) === SEEK_TABLE_MAGIC)
    return true;
  // Neither gzip nor other programs' zstd says where it ends: only reading tells.
  let last: Buffer = Buffer.alloc(0);
  try {
    for await (const piece of unpackedPieces(path, compression))
      last = Buffer.concat([last, piece.subarray(-64)]).subarray(-64);
  } catch {
    return false;
  }
  return hasEnd(last, end);
}

function hasEnd(tail: Buffer, length: number): boolean {
  const at = tail.lastIndexOf("ENDB");
  return at >= 0 && tail.length - at >= length;
}

/** How long the last block is: a head with nothing in it, whose size depends on the writer's pointers. */
function endLength(start: Buffer): number {
  if (/^BLENDER\d/.test(start.toString("latin1", 0, 8))) return 32;
  return start[7] === 0x5f ? 20 : 24;
}
