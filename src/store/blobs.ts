/**
 * Content-addressed files: datasets, model bytes, predictions, verdicts. The SHA-256 of the content is the name; a file is written beside
 * its place and renamed, so that it is there whole or not at all.
 */
export interface BlobStore {
  /** Writes the bytes (idempotent). Gives the lower-case hex SHA-256. */
  put(bytes: Uint8Array): Promise<{ sha256: string; sizeBytes: number }>;
  /** Takes over a finished temporary file of the same file system (see temporaryPath). */
  adopt(path: string): Promise<{ sha256: string; sizeBytes: number }>;
  /** @throws RequeenError not_found; digest_mismatch when the content is no longer what its name says. */
  get(sha256: string): Promise<Uint8Array>;
  has(sha256: string): Promise<boolean>;
  /** A local file with this content, for readers that need random access; checked once per process. @throws as get */
  path(sha256: string): Promise<string>;
  /** Where to write a large file before `adopt`. */
  temporaryPath(): Promise<string>;
}
