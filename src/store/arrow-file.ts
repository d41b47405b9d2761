import { type FileHandle, open } from "node:fs/promises";
import zlib from "node:zlib"; // whole: Node 20 may import this module, but has no zstd in it
import { RequeenError } from "../core/errors.ts";
import { type ArrowField, readBatchMessage, readFooter, readSchema, type StoredBatch } from "./arrow-messages.ts";
import { translateFileError } from "./file-errors.ts";

/** An Arrow IPC file or stream on the disk that is read column by column: memory holds one record batch of one column. */
export interface ArrowFile extends AsyncDisposable {
  readonly rows: number;
  readonly fields: readonly { readonly name: string; readonly kind: ArrowField["kind"] }[];
  /** A column of numbers, a piece a record batch; NaN = null. @throws RequeenError bad_data */
  numbers(name: string): AsyncGenerator<Float64Array | Float32Array>;
  /** A column of texts, plain or by dictionary, a piece a record batch. @throws RequeenError bad_data */
  texts(name: string): AsyncGenerator<(string | null)[]>;
}

const MAGIC = "ARROW1";
const CONTINUATION = 0xffffffff;

/**
 * Reads the messages of the file and none of its values: those are read when they are asked for.
 * @throws RequeenError bad_data for what is not Arrow IPC, is cut off, or is packed with LZ4 (zstd and unpacked bodies are read).
 */
export async function openArrow(path: string): Promise<ArrowFile> {
  const handle = await open(path).catch((cause: unknown) => {
    throw translateFileError(cause, path);
  });
  try {
    const { fields, batches, dictionaries } = await readMessages(handle, path);
    const read = (from: number, length: number): Promise<ArrayBuffer> => readBytes(handle, path, from, length);
    const fieldOf = (name: string, kinds: readonly ArrowField["kind"][], what: string): ArrowField => {
      const field = fields.find((each) => each.name === name);
      if (field !== undefined && kinds.includes(field.kind)) return field;
      const has = fields.map((each) => `${each.name} (${each.kind})`).join(", ");
      throw new RequeenError("bad_data", `${path} has no column ${name} of ${what}; it has ${has}`, { column: name });
    };
    return {
      rows: batches.reduce((sum, { rows }) => sum + rows, 0),
      fields: fields.map(({ name, kind }) => ({ name, kind })),
      async *numbers(name) {
        const field = fieldOf(name, ["numbers"], "numbers");
        for (const batch of batches) yield await readable(path, () => readNumbers(batch, field, read));
      },
      async *texts(name) {
        const field = fieldOf(name, ["texts", "dictionary"], "texts");
        if (field.kind === "texts") {
          for (const batch of batches) yield await readable(path, () => readTexts(batch, field.buffer, field.wideOffsets, read));
          return;
        }
        const words: (string | null)[] = [];
        for (const { id, batch, isDelta } of dictionaries) {
          if (id !== field.dictionaryId) continue;
          if (!isDelta) words.length = 0;
          for (const word of await readable(path, () => readTexts(batch, 0, field.wideOffsets, read))) words.push(word);
        }
        for (const batch of batches) {
          const codes = await readable(path, () => readNumbers(batch, field, read));
          yield Array.from(codes, (code) => (Number.isNaN(code) ? null : (words[code] ?? null)));
        }
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Dictionary {
  readonly id: number;
  readonly isDelta: boolean;
  readonly batch: StoredBatch;
}

/** Finds schema, dictionaries and batches: a file says in its footer where they stand, a stream is walked. */
async function readMessages(handle: FileHandle, path: string) {
  const { size } = await handle.stat();
  const damaged = (why: string): RequeenError => new RequeenError("bad_data", `${path} cannot be read as Arrow IPC: ${why}`);
  const batches: StoredBatch[] = [];
  const dictionaries: Dictionary[] = [];

  /** The message at a place: its metadata, and where its body begins; null at the end. */
  async function messageAt(at: number): Promise<{ bytes: ArrayBuffer; bodyAt: number } | null> {
    if (!Number.isSafeInteger(at) || at < 0 || at > size) throw damaged("a message stands outside of it");
    if (at + 4 > size) return null;
    const lengths = Buffer.from(await readBytes(handle, path, at, Math.min(8, size - at)));
    const isPrefixed = lengths.readUInt32LE(0) === CONTINUATION;
    if (isPrefixed && lengths.length < 8) throw damaged("it is cut off");
    const length = lengths.readInt32LE(isPrefixed ? 4 : 0);
    const metadataAt = at + (isPrefixed ? 8 : 4);
    if (length === 0) return null;
    if (length < 0 || metadataAt + length > size) throw damaged("a message is longer than the file");
    return { bytes: await readBytes(handle, path, metadataAt, length), bodyAt: metadataAt + length };
  }

  /** @returns where the next message begins. */
  async function take({ bytes, bodyAt }: { bytes: ArrayBuffer; bodyAt: number }): Promise<number> {
    const message = await readable(path, () => readBatchMessage(bytes, bodyAt));
    if (bodyAt + message.bodyBytes > size) throw damaged("a body is longer than the file");
    if (message.kind === "batch") batches.push(message.batch);
    if (message.kind === "dictionary") dictionaries.push(message);
    return bodyAt + message.bodyBytes;
  }

  const head = Buffer.from(await readBytes(handle, path, 0, Math.min(8, size)));
  if (head.subarray(0, 6).toString("latin1") === MAGIC) {
    if (size < 22) throw damaged("it is cut off");
    const tail = Buffer.from(await readBytes(handle, path, size - 10, 10));
    if (tail.subarray(4).toString("latin1") !== MAGIC) throw damaged("its end is missing");
    const length = tail.readInt32LE(0);
    if (length <= 0 || length > size - 18) throw damaged("its footer is longer than the file");
    const footer = await readBytes(handle, path, size - 10 - length, length);
    const { fields, messagesAt } = await readable(path, () => readFooter(footer));
    for (const at of messagesAt) {
      const message = await messageAt(at);
      if (message === null) throw damaged("a message of its footer is not there");
      await take(message);
    }
    return { fields, batches, dictionaries };
  }
  const first = await messageAt(0);
  if (first === null) throw damaged("it has no schema");
  const fields = await readable(path, () => readSchema(first.bytes));
  let message = await messageAt(first.bodyAt);
  while (message !== null) message = await messageAt(await take(message));
  return { fields, batches, dictionaries };
}

/** What fails in reading is the file: damaged, or no Arrow. */
async function readable<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RequeenError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequeenError("bad_data", `${path} cannot be read as Arrow IPC: ${reason}`, {}, { cause });
  }
}

/** @throws RequeenError bad_data when the file ends before. */
async function readBytes(handle: FileHandle, path: string, from: number, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, from + done);
    if (bytesRead === 0) throw new RequeenError("bad_data", `${path} cannot be read as Arrow IPC: it is cut off`);
    done += bytesRead;
  }
  return bytes.buffer;
}

type Read = (from: number, length: number) => Promise<ArrayBuffer>;

/** A buffer of a batch, unpacked. */
async function readBuffer(batch: StoredBatch, index: number, read: Read): Promise<ArrayBuffer> {
  const place = batch.buffers[index];
  if (place === undefined)
    throw new RequeenError("bad_data", "a record batch of the Arrow file has fewer buffers than its schema");
  if (place.length === 0) return new ArrayBuffer(0);
  const bytes = await read(batch.bodyAt + place.offset, place.length);
  if (batch.packing === "none") return bytes;
  const unpackedLength = Number(new DataView(bytes).getBigInt64(0, true));
  if (unpackedLength === -1) return bytes.slice(8);
  const maxOutputLength = Math.min(Math.max(1, unpackedLength), 2 ** 31 - 1);
  const unpacked = zlib.zstdDecompressSync(new Uint8Array(bytes, 8), { maxOutputLength });
  if (unpacked.length !== unpackedLength)
    throw new RequeenError(
      "bad_data",
      `a buffer of the Arrow file unpacks to ${unpacked.length} bytes; it says ${unpackedLength}`,
    );
  // a copy of its own, since the pool of Buffer is not aligned
  return new Uint8Array(unpacked).buffer;
}

const ARRAYS = {
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

async function readNumbers(batch: StoredBatch, field: ArrowField, read: Read): Promise<Float64Array | Float32Array> {
  const { rows } = batch;
  const nulls = batch.nullCounts[field.node] ?? 0;
  const values = await readBuffer(batch, field.buffer + 1, read);
  let numbers: Float64Array | Float32Array;
  if (field.array === "flag") {
    const bits = new Uint8Array(values);
    checkLength(bits.length, Math.ceil(rows / 8), field);
    numbers = Float64Array.from({ length: rows }, (_, row) => (bitAt(bits, row) ? 1 : 0));
  } else {
    const Kind = ARRAYS[field.array];
    checkLength(values.byteLength, rows * Kind.BYTES_PER_ELEMENT, field);
    const typed = new Kind(values, 0, rows);
    numbers =
      typed instanceof Float64Array || typed instanceof Float32Array
        ? typed
        : Float64Array.from(typed as ArrayLike<number | bigint>, Number);
  }
  if (nulls === 0) return numbers;
  const valid = new Uint8Array(await readBuffer(batch, field.buffer, read));
  checkLength(valid.length, Math.ceil(rows / 8), field);
  for (let row = 0; row < rows; row += 1) if (!bitAt(valid, row)) numbers[row] = Number.NaN;
  return numbers;
}

function checkLength(bytes: number, wanted: number, { name }: ArrowField): void {
  if (bytes >= wanted) return;
  throw new RequeenError("bad_data", `column ${name} of the Arrow file has ${bytes} bytes where its rows need ${wanted}`, {
    column: name,
  });
}

/** @param first index of the column's first buffer: validity, offsets, characters. */
async function readTexts(batch: StoredBatch, first: number, wide: boolean, read: Read): Promise<(string | null)[]> {
  const [validity, offsets, characters] = [
    new Uint8Array(await readBuffer(batch, first, read)),
    await readBuffer(batch, first + 1, read),
    new Uint8Array(await readBuffer(batch, first + 2, read)),
  ];
  if (batch.rows === 0) return [];
  const at = wide
    ? Array.from(new BigInt64Array(offsets, 0, batch.rows + 1), Number)
    : Array.from(new Int32Array(offsets, 0, batch.rows + 1));
  const decoder = new TextDecoder();
  return Array.from({ length: batch.rows }, (_, row) =>
    validity.length > 0 && !bitAt(validity, row) ? null : decoder.decode(characters.subarray(at[row], at[row + 1])),
  );
}

const bitAt = (bytes: Uint8Array, bit: number): boolean => (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
