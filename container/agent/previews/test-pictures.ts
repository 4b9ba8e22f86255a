// Pictures for tests: what is in one, how far two are apart, and EXR files of the kinds that no program here writes.
import { execFileSync } from "node:child_process";

const SIZE = "96:54";

/** The pixels of a picture, small, over black, three bytes each. */
export function pixelsOf(path: string): Buffer {
  const steps = `format=gbrap16le,premultiply=inplace=1,scale=${SIZE}:flags=area,format=rgb24`;
  const args = ["-v", "error", "-f", "image2", "-pattern_type", "none", "-i", path, "-vf", steps];
  return execFileSync("ffmpeg", [...args, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
}

/** How far two pictures are apart, in the mean of all their pixels and colors; 0 to 255. */
export function difference(one: string, other: string): number {
  const [a, b] = [pixelsOf(one), pixelsOf(other)];
  if (a.length !== b.length || a.length === 0) throw new Error("pictures of different sizes");
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
}

/** Width and height. */
export function sizeOf(path: string): [number, number] {
  const args = "-v error -show_entries stream=width,height -of csv=p=0".split(" ");
  const [width = 0, height = 0] = execFileSync("ffprobe", [...args, path], { encoding: "utf8" })
    .trim()
    .split(",")
    .map(Number);
  return [width, height];
}

/** The light of a test picture at a place, red, green, blue: what `make_exr_codecs.py` paints too. */
const light = (x: number, y: number): [number, number, number] => [x, y, 0.18];

/**
 * A tiled EXR of 32-bit floats, not packed, after the OpenEXR file layout: header, offset table, tiles.
 * `layer` puts the channels below a name, as in a file of many layers.
 */
export function tiledExr(width: number, height: number, tile: number, layer = ""): Buffer {
  const names = ["B", "G", "R"].map((one) => (layer === "" ? one : `${layer}.${one}`));
  const int = (...values: number[]): Buffer => {
    const buffer = Buffer.alloc(4 * values.length);
    values.forEach((value, index) => buffer.writeInt32LE(value, 4 * index));
    return buffer;
  };
  const float = (...values: number[]): Buffer => {
    const buffer = Buffer.alloc(4 * values.length);
    values.forEach((value, index) => buffer.writeFloatLE(value, 4 * index));
    return buffer;
  };
  const attribute = (name: string, type: string, value: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${name}\0${type}\0`), int(value.length), value]);
  const channel = (name: string): Buffer => Buffer.concat([Buffer.from(`${name}\0`), int(2, 0, 1, 1)]);
  const header = Buffer.concat([
    int(20000630, 2 | 0x200),
    attribute("channels", "chlist", Buffer.concat([...names.map(channel), Buffer.from([0])])),
    attribute("compression", "compression", Buffer.from([0])),
    attribute("dataWindow", "box2i", int(0, 0, width - 1, height - 1)),
    attribute("displayWindow", "box2i", int(0, 0, width - 1, height - 1)),
    attribute("lineOrder", "lineOrder", Buffer.from([0])),
    attribute("pixelAspectRatio", "float", float(1)),
    attribute("screenWindowCenter", "v2f", float(0, 0)),
    attribute("screenWindowWidth", "float", float(1)),
    attribute("tiles", "tiledesc", Buffer.concat([int(tile, tile), Buffer.from([0])])),
    Buffer.from([0]),
  ]);
  const tiles: Buffer[] = [];
  for (let ty = 0; ty * tile < height; ty += 1) {
    for (let tx = 0; tx * tile < width; tx += 1) {
      const lines: Buffer[] = [];
      for (let y = ty * tile; y < Math.min(height, (ty + 1) * tile); y += 1) {
        const columns = Array.from(
          { length: Math.min(width, (tx + 1) * tile) - tx * tile },
          (_, index) => tx * tile + index,
        );
        // Channels stand in the order of their names: blue, green, red. Line 0 is at the top.
        for (const index of [2, 1, 0])
          lines.push(float(...columns.map((x) => light(x / width, (height - 1 - y) / height)[index] ?? 0)));
      }
      const data = Buffer.concat(lines);
      tiles.push(Buffer.concat([int(tx, ty, 0, 0, data.length), data]));
    }
  }
  let at = header.length + 8 * tiles.length;
  const table = Buffer.alloc(8 * tiles.length);
  tiles.forEach((one, index) => {
    table.writeBigUInt64LE(BigInt(at), 8 * index);
    at += one.length;
  });
  return Buffer.concat([header, table, ...tiles]);
}

/** A Photoshop file of one grey, not packed and without layers. */
export function psd(width: number, height: number, grey: number): Buffer {
  const head = Buffer.alloc(40);
  head.write("8BPS", 0, "latin1");
  head.writeUInt16BE(1, 4);
  // One channel of 8 bits, in the mode of greys; then three sections without anything, and pixels as they are.
  head.writeUInt16BE(1, 12);
  head.writeUInt32BE(height, 14);
  head.writeUInt32BE(width, 18);
  head.writeUInt16BE(8, 22);
  head.writeUInt16BE(1, 24);
  return Buffer.concat([head, Buffer.alloc(width * height, grey)]);
}
