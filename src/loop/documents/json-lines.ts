import { isUtf8 } from "node:buffer";
import { RequeenError } from "../../core/errors.ts";

/** A document of this size is no opinion and no feedback; it would only fill the memory. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What could not be read, and where: line of NDJSON, element of an array, row of CSV, counted from 1. */
export type OnUnreadable = (place: number, reason: string) => void;

/**
 * One JSON value a line; empty lines are passed over. A line that is no JSON is given as its text, so that an import puts it into the
 * quarantine whole. Memory holds one line.
 * @throws RequeenError payload_too_large
 */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>, onUnreadable: OnUnreadable): AsyncGenerator<unknown> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let line = 0;
  const finish = (last: Buffer): Buffer => {
    const whole = rest.length === 0 ? last : Buffer.concat([...rest, last]);
    rest = [];
    restBytes = 0;
    line += 1;
    return line === 1 ? withoutMark(whole) : whole;
  };
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
      const text = finish(bytes.subarray(from, end));
      from = end + 1;
      if (!isBlank(text)) yield parseDocument(text, line, onUnreadable);
    }
    if (from === bytes.length) continue;
    rest.push(bytes.subarray(from));
    restBytes += bytes.length - from;
    refuseTooLarge(restBytes, `line ${line + 1}`);
  }
  const last = finish(Buffer.alloc(0));
  if (!isBlank(last)) yield parseDocument(last, line, onUnreadable);
}

export const withoutMark = (bytes: Buffer): Buffer =>
  bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;

export function refuseTooLarge(sizeBytes: number, place: string): void {
  if (sizeBytes <= MAX_DOCUMENT_BYTES) return;
  throw new RequeenError("payload_too_large", `${place} must be at most ${MAX_DOCUMENT_BYTES} bytes long; it is longer`, {
    place,
  });
}

/** The value, or the text itself where it is no JSON. */
export function parseDocument(bytes: Buffer, place: number, onUnreadable: OnUnreadable): unknown {
  if (!isUtf8(bytes)) {
    onUnreadable(place, "is not UTF-8");
    return `base64:${bytes.toString("base64")}`;
  }
  const text = bytes.toString("utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    onUnreadable(place, `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    return text;
  }
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
