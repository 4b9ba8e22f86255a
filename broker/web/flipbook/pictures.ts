// Which of a frame's files a browser can show, and which pictures belong together as a sequence.
import type { Artifact } from "../../contract/attempt.ts";

const shown: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  avif: "image/avif",
  gif: "image/gif",
};

/** Bytes to show as a picture: of a file itself, or of its preview. */
export interface Picture {
  sha256: string;
  /** Of the file that it is or stands for. */
  name: string;
  /** A small copy of something that browsers cannot show. */
  isPreview: boolean;
}

/** The media type of a name that browsers can show, or null. */
export function mediaTypeOf(name: string): string | null {
  return shown[/\.([a-z\d]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ""] ?? null;
}

/** What to show for an artifact: a preview, or a file that is a picture for browsers; else null. */
export function pictureOf({ kind, name, kept, sha256 }: Artifact): Picture | null {
  const isPreview = kind === "preview";
  return kept && (isPreview || mediaTypeOf(name) !== null) ? { sha256, name, isPreview } : null;
}

/** A file that can be looked at: in full, and small, which may be the same. */
export interface ShownFile {
  file: Artifact;
  full: Picture;
  small: Picture;
}

/** The files among artifacts that can be looked at, each with its preview; those that have neither are left out. */
export function shownFiles(artifacts: readonly Artifact[]): ShownFile[] {
  const previews = new Map(artifacts.map((one) => [one.of, pictureOf(one)]));
  return artifacts.flatMap((file) => {
    if (file.kind !== "file") return [];
    const own = pictureOf(file);
    const small = previews.get(file.id) ?? own;
    return small === null ? [] : [{ file, full: own ?? small, small }];
  });
}

/** A name with its frame number as ####, so that the frames of one output have one name. */
export function sequenceOf(name: string, frame: string | null): string {
  const digits = frame?.replace(/^-/, "");
  if (digits === undefined || !/^\d+$/.test(digits)) return name;
  const found = [...name.matchAll(/\d+/g)].filter(([text]) => Number(text) === Number(digits)).at(-1);
  return found === undefined
    ? name
    : `${name.slice(0, found.index)}####${name.slice(found.index + found[0].length)}`;
}

/** The last part of a path of any system. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

export interface Reel {
  /** The name of the sequence, with #### for the frame. */
  name: string;
  step: string;
  /** By ordinal; the one that came last stands at the end. */
  pictures: Map<number, Picture>;
}

/** Sorts pictures into reels: one for each sequence of each step. Later files replace earlier ones of the same frame. */
export function addToReels(reels: Map<string, Reel>, artifacts: readonly Artifact[]): void {
  for (const artifact of artifacts) {
    if (artifact.state !== "current") continue;
    const picture = pictureOf(artifact);
    const name = sequenceOf(artifact.name, artifact.frame);
    const key = `${artifact.step}\n${name}`;
    if (picture === null) {
      // Of a frame that was rendered again, the picture of the file before is none of this one.
      reels.get(key)?.pictures.delete(artifact.ordinal);
      continue;
    }
    const reel = reels.get(key) ?? { name, step: artifact.step, pictures: new Map() };
    reel.pictures.delete(artifact.ordinal);
    reel.pictures.set(artifact.ordinal, picture);
    reels.set(key, reel);
  }
}
