// Which files are pictures that a preview can be made of.
import { extname } from "node:path";

const extensions = new Set(
  ".png .jpg .jpeg .webp .bmp .gif .tif .tiff .exr .hdr .dpx .cin .tga .jp2 .j2c .rgb .sgi .psd".split(" "),
);

/** Whether a file of this name is such a picture. */
export function isPictureName(name: string): boolean {
  return extensions.has(extname(name).toLowerCase());
}
