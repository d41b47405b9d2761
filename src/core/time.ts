import { z } from "zod";

/**
 * A point in time: milliseconds since the epoch inside, ISO 8601 in UTC with Z outside.
 * Fields named `*_at` in core/ are of this kind: `decode` reads a document, `encode` writes one.
 */
export const timestamp = z.codec(z.iso.datetime({ offset: true }), z.int(), {
  decode: (text) => Date.parse(text),
  encode: (ms) => new Date(ms).toISOString(),
});

export const toIso = (ms: number): string => new Date(ms).toISOString();
