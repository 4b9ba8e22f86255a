// Opens the blob store that tally.yaml names. Either kind is read only when it is the one.
import { resolve } from "node:path";
import type { KeyObject } from "node:crypto";
import type { Config } from "./config.ts";
import type { BlobStore } from "./domain/ports.ts";
import type { SignedDoor } from "./http/app.ts";

export interface Storage {
  store: BlobStore;
  /** Where the blobs lie on this machine; null for S3. */
  folder: string | null;
  /** From where a browser fetches blobs, such as `https://bucket.s3.eu-west-1.amazonaws.com`; null: from the broker. */
  origin: string | null;
  /** Answers signed addresses; null where the store has addresses of its own. */
  signedDoor: SignedDoor | null;
}

/** The store of a data folder. `secret` signs the folder store's addresses. */
export async function openStorage(
  storage: Config["storage"],
  dataFolder: string,
  secret: KeyObject,
): Promise<Storage> {
  if (storage.kind === "s3") {
    const { createS3Store } = await import("./blob/s3.ts");
    const { bucket, prefix, region, endpoint } = storage;
    const store = createS3Store({ bucket, prefix, region, ...(endpoint !== undefined && { endpoint }) });
    const origin = endpoint === undefined ? awsOrigin(bucket, region) : new URL(endpoint).origin;
    return { store, folder: null, origin, signedDoor: null };
  }
  const [{ createFolderStore }, { createSignedDoor }] = await Promise.all([
    import("./blob/folder.ts"),
    import("./blob/door.ts"),
  ]);
  // Where the broker happens to be started must not decide where its bytes are.
  const folder = resolve(dataFolder, storage.folder ?? "blobs");
  const store = createFolderStore({ folder, secret });
  return { store, folder, origin: null, signedDoor: createSignedDoor(store) };
}

/** Buckets whose names have dots cannot be part of a host name with TLS. */
function awsOrigin(bucket: string, region: string): string {
  const host = `s3.${region}.amazonaws.com`;
  return bucket.includes(".") ? `https://${host}` : `https://${bucket}.${host}`;
}
