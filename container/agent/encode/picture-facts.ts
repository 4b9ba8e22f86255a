// Reads from a picture's first bytes what a film must know: its kind, its size, whether it has transparency.
import { open, type FileHandle } from "node:fs/promises";

export interface PictureFacts {
  kind: "png" | "jpeg" | "tiff" | "exr";
  width: number;
  height: number;
  alpha: boolean;
  /** The layer with the picture in an EXR of many, such as "ViewLayer.Combined"; null where it needs no name. */
  layer: string | null;
  /** An EXR that packs 32-bit numbers by DWA, be it only a depth beside the picture: ffmpeg (5.1 tried) shows other colors. */
  isGarbled: boolean;
}

const LONGEST_HEADER = 1 << 20;

/** Describes one picture; null when it is damaged or of another kind. @throws Error of the system when it cannot be read. */
export async function describePicture(path: string): Promise<PictureFacts | null> {
  const file = await open(path, "r");
  try {
    const head = await readAt(file, 0, 64);
    if (head.length < 32) return null;
    if (head.readUInt32BE(0) === 0x89504e47) return describePng(head);
    if (head.readUInt16BE(0) === 0xffd8) return describeJpeg(await readAt(file, 0, LONGEST_HEADER));
    if (head.readUInt32LE(0) === 20000630) return describeExr(await readAt(file, 0, LONGEST_HEADER));
    const order = head.toString("latin1", 0, 2);
    return order === "II" || order === "MM" ? await describeTiff(file, order === "II") : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function describePng(head: Buffer): PictureFacts {
  const colour = head[25] ?? 0;
  const [width, height] = [head.readUInt32BE(16), head.readUInt32BE(20)];
  return { kind: "png", width, height, alpha: colour === 4 || colour === 6, layer: null, isGarbled: false };
}

function describeJpeg(data: Buffer): PictureFacts | null {
  for (let at = 2; at < data.length;) {
    if (data[at] !== 0xff) return null;
    const marker = data[at + 1] ?? 0;
    // Frames of any coding, but not tables (C4, C8, CC).
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const [height, width] = [data.readUInt16BE(at + 5), data.readUInt16BE(at + 7)];
      return { kind: "jpeg", width, height, alpha: false, layer: null, isGarbled: false };
    }
    at += marker === 0xff ? 1 : 2 + data.readUInt16BE(at + 2);
  }
  return null;
}

async function describeTiff(file: FileHandle, little: boolean): Promise<PictureFacts | null> {
  const short = (data: Buffer, at: number): number =>
    little ? data.readUInt16LE(at) : data.readUInt16BE(at);
  const long = (data: Buffer, at: number): number => (little ? data.readUInt32LE(at) : data.readUInt32BE(at));
  const head = await readAt(file, 0, 8);
  if (short(head, 2) !== 42) return null;
  const start = long(head, 4);
  const count = short(await readAt(file, start, 2), 0);
  const entries = await readAt(file, start + 2, count * 12);
  const values = new Map<number, number>();
  for (let at = 0; at + 12 <= entries.length; at += 12)
    values.set(
      short(entries, at),
      short(entries, at + 2) === 3 ? short(entries, at + 8) : long(entries, at + 8),
    );
  const [width, height] = [values.get(256), values.get(257)];
  if (width === undefined || height === undefined) return null;
  const samples = values.get(277) ?? 1;
  return {
    kind: "tiff",
    width,
    height,
    alpha: samples === 2 || samples === 4,
    layer: null,
    isGarbled: false,
  };
}

function describeExr(data: Buffer): PictureFacts | null {
  const found = new Map<string, Buffer>();
  const text = (at: number): string => data.toString("latin1", at, data.indexOf(0, at));
  for (let at = 8; data[at] !== 0;) {
    const name = text(at);
    const kind = text(at + name.length + 1);
    const start = at + name.length + kind.length + 6;
    const length = data.readUInt32LE(start - 4);
    if (start + length > data.length) return null;
    // Of a file of many parts the first one counts.
    if (!found.has(name)) found.set(name, data.subarray(start, start + length));
    at = start + length;
  }
  const [box, list] = [found.get("displayWindow"), found.get("channels")];
  if (box === undefined || list === undefined) return null;
  const width = box.readInt32LE(8) - box.readInt32LE(0) + 1;
  const height = box.readInt32LE(12) - box.readInt32LE(4) + 1;
  const { names: channels, hasFloats } = readChannels(list);
  const isGarbled = hasFloats && dwa.includes(found.get("compression")?.[0] ?? 0);
  if (["R", "G", "B"].every((one) => channels.includes(one)) || channels.includes("Y"))
    return { kind: "exr", width, height, alpha: channels.includes("A"), layer: null, isGarbled };
  const layers = channels.filter((one) => one.endsWith(".R")).map((one) => one.slice(0, -2));
  const layer = layers.find((one) => one === "Combined" || one.endsWith(".Combined")) ?? layers[0];
  if (layer === undefined) return null;
  return { kind: "exr", width, height, alpha: channels.includes(`${layer}.A`), layer, isGarbled };
}

/** DWAA and DWAB, as the OpenEXR file layout numbers them. */
const dwa: readonly number[] = [8, 9];
/** The kind of a channel of 32-bit numbers. */
const float = 2;

function readChannels(list: Buffer): { names: string[]; hasFloats: boolean } {
  const names: string[] = [];
  let hasFloats = false;
  for (let at = 0; list[at] !== 0 && at < list.length;) {
    const end = list.indexOf(0, at);
    // A name without an end: the file is damaged.
    if (end < 0) throw new RangeError();
    names.push(list.toString("latin1", at, end));
    hasFloats ||= list.readInt32LE(end + 1) === float;
    at = end + 17;
  }
  return { names, hasFloats };
}
