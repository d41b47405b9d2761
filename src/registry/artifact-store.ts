import type { ArtifactEntry } from "./registry.ts";

/** Content that can be read from its start any number of times. */
export interface Upload {
  readonly sizeBytes: number | null;
  readonly open: () => Uint8Array | AsyncIterable<Uint8Array>;
  /** The bytes [from, to) alone; null where the source cannot jump. */
  readonly openRange: ((from: number, to: number) => AsyncIterable<Uint8Array>) | null;
}

/** One folder of artifacts and how to reach it. Paths are relative to it and already checked by artifact-path.ts. */
export interface ArtifactStore {
  put(path: string, upload: Upload): Promise<void>;
  /** One try; the caller repeats. @throws RequeenError not_found */
  get(path: string): Promise<Uint8Array | AsyncIterable<Uint8Array>>;
  /** One folder's entries with paths relative to the store's root, in any order. */
  list(folder: string): Promise<ArtifactEntry[]>;
}
