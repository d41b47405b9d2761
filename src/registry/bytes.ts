import { createHash } from "node:crypto";
import { RequeenError } from "../core/errors.ts";

/**
 * A body as one array.
 * @param mostBytes more is refused, so that a wrong server cannot fill the memory.
 * @throws RequeenError payload_too_large
 */
export async function collectBytes(body: Uint8Array | AsyncIterable<Uint8Array>, mostBytes: number): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > mostBytes) {
      throw new RequeenError(
        "payload_too_large",
        `an answer of the MLflow server must be at most ${mostBytes} bytes; it is longer`,
        { most_bytes: mostBytes },
      );
    }
    chunks.push(chunk);
  }
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : new Uint8Array(Buffer.concat(chunks, sizeBytes));
}

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Passes chunks through; after the last one throws digest_mismatch when their SHA-256 is not `sha256`. */
export async function* checked(source: AsyncIterable<Uint8Array>, sha256: string, what: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  requireDigest(hash.digest("hex"), sha256, what);
}

/** @throws RequeenError digest_mismatch */
export function requireDigest(actual: string, expected: string, what: string): void {
  if (actual === expected) return;
  throw new RequeenError("digest_mismatch", `${what} must have the SHA-256 ${expected}; it has ${actual}`, {
    what,
    expected,
    actual,
  });
}
