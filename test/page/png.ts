// Real pictures for tests: small PNG files with a bar at a place, so that one frame differs from the next.
import { execFileSync } from "node:child_process";
import { crc32, deflateSync } from "node:zlib";

/** A PNG of a studio's kind of test card: a gradient with a bright bar at `at` (0 to 1). */
export function testCard(at: number, width = 320, height = 180): Buffer {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    const row = y * (width * 3 + 1);
    for (let x = 0; x < width; x++) {
      const isBar = Math.abs(x / width - at) < 0.04;
      const pixel = row + 1 + x * 3;
      rows[pixel] = isBar ? 255 : Math.round((40 + 90 * x) / width + 30);
      rows[pixel + 1] = isBar ? 196 : Math.round((60 * y) / height + 30);
      rows[pixel + 2] = isBar ? 84 : Math.round((120 * (height - y)) / height + 60);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The same card as a worker makes a preview of it: a JPEG. */
export function smallCard(at: number): Uint8Array<ArrayBuffer> {
  const args = "-v error -f image2pipe -i - -frames:v 1 -q:v 4 -f mjpeg -".split(" ");
  return new Uint8Array(execFileSync("ffmpeg", args, { input: testCard(at, 640, 360) }));
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}
