import { RequeenError } from "../../core/errors.ts";
import { plural } from "../../decide/phrases.ts";
import { type OnUnreadable, parseDocument, refuseTooLarge, withoutMark } from "./json-lines.ts";

const code = (character: string): number => character.charCodeAt(0);
const [QUOTE, BACKSLASH, COMMA] = [code('"'), code("\\"), code(",")];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [code("["), code("]"), code("{"), code("}")];
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The elements of one JSON array, one after the other; a file that holds one object is that one document. An element that is no JSON is
 * given as its text. Memory holds one element.
 * @throws RequeenError bad_data when the file is no array or ends in its middle (what came before has been given), payload_too_large
 */
export async function* readJsonArray(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  onUnreadable: OnUnreadable,
): AsyncGenerator<unknown> {
  const splitter = new ElementSplitter(name);
  let place = 0;
  for await (const chunk of chunks) {
    for (const element of splitter.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) {
      place += 1;
      yield parseDocument(element, place, onUnreadable);
    }
  }
  splitter.end(place);
}

/** Cuts the text of an array at the commas of its first level, without parsing. */
class ElementSplitter {
  readonly #name: string;
  /** 0 = outside, 1 = in the array, more = inside an element. */
  #depth = 0;
  #inText = false;
  #escaped = false;
  #ended = false;
  #begun = false;
  /** The whole file is one object. */
  #single = false;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #first = true;

  constructor(name: string) {
    this.#name = name;
  }

  *push(given: Buffer): Generator<Buffer> {
    const chunk = this.#first ? withoutMark(given) : given;
    this.#first = false;
    let from = this.#depth === 0 ? -1 : 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
        continue;
      }
      if (this.#depth === 0) {
        if (BLANKS.has(byte)) continue;
        this.#open(byte);
        from = this.#single ? at : at + 1;
        continue;
      }
      if (byte === QUOTE) this.#inText = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#depth += 1;
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#depth -= 1;
        if (this.#depth > 0) continue;
        const element = this.#take(chunk.subarray(from, this.#single ? at + 1 : at));
        this.#ended = true;
        if (!isBlank(element) || this.#begun) yield element;
        from = -1;
      } else if (byte === COMMA && this.#depth === 1 && !this.#single) {
        this.#begun = true;
        yield this.#take(chunk.subarray(from, at));
        from = at + 1;
      }
    }
    if (from < 0 || from >= chunk.length) return;
    this.#parts.push(chunk.subarray(from));
    this.#partBytes += chunk.length - from;
    refuseTooLarge(this.#partBytes, `an element of ${this.#name}`);
  }

  #open(byte: number): void {
    if (this.#ended) throw new RequeenError("bad_data", `${this.#name} must end with its array; more text follows`);
    if (byte !== OPEN_LIST && byte !== OPEN_OBJECT)
      throw new RequeenError(
        "bad_data",
        `${this.#name} must hold a JSON array of documents; it begins with ${JSON.stringify(String.fromCharCode(byte))}`,
      );
    this.#single = byte === OPEN_OBJECT;
    this.#depth = 1;
  }

  #take(last: Buffer): Buffer {
    const whole = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#partBytes = 0;
    return whole;
  }

  /** @param read elements that were given. */
  end(read: number): void {
    if (this.#ended) return;
    const what = this.#depth === 0 ? "it is empty" : `it ends in the middle, after ${plural(read, "document")}`;
    throw new RequeenError("bad_data", `${this.#name} must hold a whole JSON array; ${what}`, { read });
  }
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => BLANKS.has(byte));
