// Decoded pictures of a flip-book, as large as they are shown: a budget of memory, what is wanted next first.
import type { Addresses } from "./addresses.ts";

/** What is known of a picture: its pixels, that it is on its way, is not kept any more, or did not come. */
export type Bitmap = ImageBitmap | "gone" | "failed" | undefined;

export interface Bitmaps {
  /** The picture of these bytes, if it is here. */
  get(sha256: string): Bitmap;
  /** Pictures to bring, the most urgent first; what is not among them any more is not brought. */
  want(sha256s: readonly string[]): void;
  /** Tries again what did not come. */
  again(): void;
  /** From now on pictures are as large as this, in pixels of the screen. */
  resize(width: number, height: number): void;
  close(): void;
}

export interface BitmapOptions {
  addresses: Addresses;
  /** A picture came, or turned out not to be there. */
  onChange: () => void;
  /** Pixels that are kept at most; four bytes each. Default: 64 million. */
  pixels?: number;
}

const together = 6;
const defaultPixels = 64_000_000;
/** A picture is asked for so often before it counts as one that does not come. */
const tries = 2;

/** Pictures of one flip-book. */
export function createBitmaps({ addresses, onChange, pixels = defaultPixels }: BitmapOptions): Bitmaps {
  const kept = new Map<string, ImageBitmap>();
  const gone = new Set<string>();
  const failures = new Map<string, number>();
  const loading = new Set<string>();
  let wanted: readonly string[] = [];
  let size = { width: 640, height: 360 };
  let held = 0;
  let closed = false;

  const hasFailed = (sha256: string) => (failures.get(sha256) ?? 0) >= tries;

  function next(): void {
    if (closed) return;
    for (const sha256 of wanted) {
      if (loading.size >= together) return;
      if (kept.has(sha256) || gone.has(sha256) || loading.has(sha256) || hasFailed(sha256)) continue;
      loading.add(sha256);
      void load(sha256);
    }
  }

  async function load(sha256: string): Promise<void> {
    try {
      const url = await addresses.of(sha256);
      if (url === null) gone.add(sha256);
      else keep(sha256, await decode(url, size));
    } catch {
      failures.set(sha256, (failures.get(sha256) ?? 0) + 1);
    }
    loading.delete(sha256);
    if (closed) return;
    onChange();
    next();
  }

  function keep(sha256: string, bitmap: ImageBitmap): void {
    if (closed) return bitmap.close();
    kept.set(sha256, bitmap);
    held += bitmap.width * bitmap.height;
    const needed = new Set(wanted);
    for (const [old, one] of kept) {
      if (held <= pixels) break;
      if (!needed.has(old)) drop(old, one);
    }
  }

  function drop(sha256: string, bitmap: ImageBitmap): void {
    kept.delete(sha256);
    held -= bitmap.width * bitmap.height;
    bitmap.close();
  }

  return {
    get: (sha256) =>
      kept.get(sha256) ?? (gone.has(sha256) ? "gone" : hasFailed(sha256) ? "failed" : undefined),
    want(sha256s) {
      const each = size.width * size.height;
      wanted = sha256s.slice(0, Math.max(1, Math.floor(pixels / each)));
      next();
    },
    again() {
      failures.clear();
      next();
    },
    resize(width, height) {
      if (width === size.width && height === size.height) return;
      size = { width, height };
      for (const [sha256, bitmap] of kept) drop(sha256, bitmap);
      next();
    },
    close() {
      closed = true;
      for (const [sha256, bitmap] of kept) drop(sha256, bitmap);
    },
  };
}

/** Through an image element: that needs no leave of a storage on another machine, and decodes apart from the page. */
async function decode(url: string, box: { width: number; height: number }): Promise<ImageBitmap> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = Math.min(1, box.width / image.naturalWidth, box.height / image.naturalHeight);
  return createImageBitmap(image, {
    resizeWidth: Math.max(1, Math.round(image.naturalWidth * scale)),
    resizeHeight: Math.max(1, Math.round(image.naturalHeight * scale)),
    resizeQuality: "medium",
  });
}
