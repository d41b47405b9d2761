import { TextDecoder } from "node:util";
import { RequeenError } from "../../core/errors.ts";

/**
 * Records of a CSV file as RFC 4180 describes them: cells between commas, in double quotes where they hold commas, quotes (doubled) or line
 * breaks; LF or CRLF. Empty lines are passed over. Memory holds one record.
 * @throws RequeenError bad_data for bytes that are no UTF-8, a quote inside a bare cell, or an open quote at the end.
 */
export async function* readCsvRecords(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = new RecordReader(name);
  for await (const chunk of chunks) yield* reader.push(decoded(decoder, chunk, name));
  yield* reader.push(decoded(decoder, undefined, name));
  yield* reader.end();
}

function decoded(decoder: TextDecoder, chunk: Uint8Array | undefined, name: string): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw new RequeenError("bad_data", `${name} must be UTF-8; it holds other bytes`, {}, { cause });
  }
}

class RecordReader {
  readonly #name: string;
  #cells: string[] = [];
  #cell = "";
  /** `before`: nothing of the cell was read; `bare`, `quoted`: inside; `closed`: after the closing quote. */
  #state: "before" | "bare" | "quoted" | "closed" = "before";
  #record = 1;

  constructor(name: string) {
    this.#name = name;
  }

  *push(text: string): Generator<string[]> {
    let at = 0;
    while (at < text.length) {
      if (this.#state === "quoted") {
        const end = text.indexOf('"', at);
        this.#cell += text.slice(at, end < 0 ? text.length : end);
        if (end < 0) return;
        this.#state = "closed";
        at = end + 1;
        continue;
      }
      const character = text.charAt(at);
      at += 1;
      if (character === ",") this.#endCell();
      else if (character === "\n") {
        const record = this.#endRecord();
        if (record !== null) yield record;
      } else if (character === '"') this.#quote();
      else if (character === "\r" && this.#state === "closed") continue;
      else if (this.#state === "closed") this.#refuse(`has ${JSON.stringify(character)} after a closing quote`);
      else {
        this.#state = "bare";
        this.#cell += character;
      }
    }
  }

  *end(): Generator<string[]> {
    if (this.#state === "quoted") this.#refuse("has a quote that is never closed");
    const record = this.#endRecord();
    if (record !== null) yield record;
  }

  #quote(): void {
    if (this.#state === "before") this.#state = "quoted";
    else if (this.#state === "closed") {
      this.#cell += '"';
      this.#state = "quoted";
    } else this.#refuse("has a quote inside a cell that does not begin with one");
  }

  #endCell(): void {
    this.#cells.push(this.#cell);
    this.#cell = "";
    this.#state = "before";
  }

  #endRecord(): string[] | null {
    if (this.#state === "bare" && this.#cell.endsWith("\r")) this.#cell = this.#cell.slice(0, -1);
    const isEmpty = this.#cells.length === 0 && this.#cell === "" && this.#state !== "closed";
    if (isEmpty) {
      this.#state = "before";
      return null;
    }
    this.#endCell();
    const record = this.#cells;
    this.#cells = [];
    this.#record += 1;
    return record;
  }

  #refuse(what: string): never {
    throw new RequeenError("bad_data", `record ${this.#record} of ${this.#name} ${what}`, { record: this.#record });
  }
}

/** The names of the first record, checked. @throws RequeenError bad_data */
export function checkHeader(header: readonly string[] | undefined, name: string): string[] {
  if (header === undefined) throw new RequeenError("bad_data", `${name} must begin with a line of column names; it is empty`);
  const names = header.map((cell) => cell.trim());
  const twice = names.find((cell, index) => names.indexOf(cell) !== index);
  if (twice !== undefined)
    throw new RequeenError(
      "bad_data",
      `column names of ${name} must differ from each other; ${JSON.stringify(twice)} stands twice`,
    );
  if (names.length === 1 && /[;\t|]/.test(names[0] ?? ""))
    throw new RequeenError(
      "bad_data",
      `cells of ${name} must be divided by commas; its first line is ${JSON.stringify(names[0])}`,
    );
  return names;
}

/** A cell as it is written: quoted where it must be. */
export const csvCell = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
export const csvLine = (cells: readonly string[]): string => `${cells.map(csvCell).join(",")}\n`;
