import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { RequeenError } from "../../../core/errors.ts";
import { translateFileError } from "../../../store/file-errors.ts";

const headerSchema = z.strictObject({ journal: z.literal(1), set: z.string(), created_at: z.int() });
const tokens = z.int().nonnegative();
const entrySchema = z.union([
  /** A paid answer: the body as it came, and the most tokens that its question can have been. */
  z.strictObject({ key: z.string(), body: z.string(), input: tokens }),
  /** A call whose outcome nobody knows (it timed out, the connection broke): counted at its worst case, asked again. */
  z.strictObject({ key: z.string(), lost: z.strictObject({ input: tokens, output: tokens }) }),
]);
export type JournalEntry = z.output<typeof entrySchema>;

/**
 * The paid answers of one generated set, one JSON line each, on disk before anything reads them. A crash loses none; a line that it cut in
 * the middle is dropped at the next opening (its write was never acknowledged).
 */
export class Journal {
  readonly path: string;
  readonly createdAtMs: number;
  readonly entries: readonly JournalEntry[];
  readonly #bodies = new Map<string, string>();
  readonly #file: FileHandle;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, createdAtMs: number, entries: readonly JournalEntry[]) {
    this.path = path;
    this.#file = file;
    this.createdAtMs = createdAtMs;
    this.entries = entries;
    for (const entry of entries) if ("body" in entry) this.#bodies.set(entry.key, entry.body);
  }

  /**
   * Opens the journal of a set, or begins it.
   * @throws RequeenError already_exists (the file is another set's), bad_document, store_read_only, disk_full
   */
  static async open(path: string, set: string, nowMs: number): Promise<Journal> {
    try {
      const file = await open(path, "a+", 0o600);
      try {
        const text = await file.readFile("utf8");
        const whole = text.slice(0, text.lastIndexOf("\n") + 1);
        if (whole === "") {
          await file.truncate(0);
          await file.appendFile(`${JSON.stringify({ journal: 1, set, created_at: nowMs })}\n`);
          await file.sync();
          await syncFolder(dirname(path));
          return new Journal(path, file, nowMs, []);
        }
        // bytes, not characters: the cut line may end within one
        if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole));
        const [first = "", ...lines] = whole.trimEnd().split("\n");
        const header = readLine(headerSchema, first, path, 1);
        if (header.set !== set)
          throw new RequeenError(
            "already_exists",
            `${path} holds the paid answers of another set, ${header.set}; give another --output-path, or move it away`,
            { path, set: header.set },
          );
        return new Journal(
          path,
          file,
          header.created_at,
          lines.map((line, index) => readLine(entrySchema, line, path, index + 2)),
        );
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw translateFileError(error, path);
    }
  }

  /** The paid answer under this key, if there is one. */
  find(key: string): string | null {
    return this.#bodies.get(key) ?? null;
  }

  /** Resolves when the entry is on disk. One after another: a failed write fails all after it. */
  append(entry: JournalEntry): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        await this.#file.appendFile(`${JSON.stringify(entry)}\n`);
        await this.#file.datasync();
      } catch (error) {
        throw translateFileError(error, this.path);
      }
      if ("body" in entry) this.#bodies.set(entry.key, entry.body);
    });
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined); // whoever appended was told
    await this.#file.close();
  }
}

function readLine<T>(schema: z.ZodType<T>, line: string, path: string, number: number): T {
  try {
    return schema.parse(JSON.parse(line));
  } catch (cause) {
    throw new RequeenError(
      "bad_document",
      `line ${number} of ${path} is no line of a journal; move the file away to ask anew`,
      { path, line: number },
      { cause },
    );
  }
}

/** A new name is on disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
