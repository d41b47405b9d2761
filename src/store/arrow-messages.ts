import { RequeenError } from "../core/errors.ts";

/**
 * The metadata of Arrow IPC: flatbuffers of a fixed schema, of which only what reading single columns needs is read. Source: the Arrow columnar
 * format, "Serialization and Interprocess Communication", with Message.fbs and Schema.fbs.
 */

/** A column, and where it stands among the nodes and buffers of every record batch. */
export interface ArrowField {
  readonly name: string;
  /** `dictionary`: texts by number of a dictionary. `other`: neither numbers nor texts. */
  readonly kind: "numbers" | "texts" | "dictionary" | "other";
  /** How the values, or the numbers of the dictionary's words, are stored. */
  readonly array:
    | "int8"
    | "int16"
    | "int32"
    | "int64"
    | "uint8"
    | "uint16"
    | "uint32"
    | "uint64"
    | "float32"
    | "float64"
    | "flag";
  readonly dictionaryId: number;
  /** Texts with offsets of 64 bits. */
  readonly wideOffsets: boolean;
  readonly node: number;
  readonly buffer: number;
}

/** A record batch in the file: places of its buffers, none of its values. */
export interface StoredBatch {
  readonly rows: number;
  /** One a node. */
  readonly nullCounts: readonly number[];
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
  readonly packing: "none" | "zstd";
  /** Where its body begins in the file. */
  readonly bodyAt: number;
}

export type BatchMessage = { readonly bodyBytes: number } & (
  | { readonly kind: "batch"; readonly batch: StoredBatch }
  | { readonly kind: "dictionary"; readonly id: number; readonly isDelta: boolean; readonly batch: StoredBatch }
  | { readonly kind: "other" }
);

const HEADERS = { schema: 1, dictionary: 2, batch: 3 } as const;
/** Numbers of the union Type. */
const TYPES = { null: 1, int: 2, float: 3, binary: 4, text: 5, flag: 6, list: 12, struct: 13, union: 14, fixedList: 16 } as const;
const MORE_TYPES = { map: 17, wideBinary: 19, wideText: 20, wideList: 21, runs: 22, binaryView: 23, textView: 24 } as const;
const LAST_LIST_VIEW = 26;

/** A table of a flatbuffer. Every read is bounds-checked by DataView: a damaged file ends in a RangeError. */
class Table {
  private readonly view: DataView;
  private readonly at: number;

  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
  }

  static root(bytes: ArrayBuffer): Table {
    const view = new DataView(bytes);
    return new Table(view, view.getUint32(0, true));
  }

  /** Where a field stands; 0 = absent. */
  private place(field: number): number {
    const table = this.at - this.view.getInt32(this.at, true);
    const slot = 4 + field * 2;
    if (slot >= this.view.getUint16(table, true)) return 0;
    const offset = this.view.getUint16(table + slot, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  byte(field: number): number {
    const at = this.place(field);
    return at === 0 ? 0 : this.view.getInt8(at);
  }
  short(field: number): number {
    const at = this.place(field);
    return at === 0 ? 0 : this.view.getInt16(at, true);
  }
  int(field: number): number {
    const at = this.place(field);
    return at === 0 ? 0 : this.view.getInt32(at, true);
  }
  long(field: number): number {
    const at = this.place(field);
    return at === 0 ? 0 : Number(this.view.getBigInt64(at, true));
  }
  table(field: number): Table | null {
    const at = this.place(field);
    return at === 0 ? null : new Table(this.view, at + this.view.getUint32(at, true));
  }
  text(field: number): string {
    const [start, length] = this.vector(field);
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, start, length));
  }
  tables(field: number): Table[] {
    const [start, length] = this.vector(field);
    return Array.from({ length }, (_, i) => {
      const at = start + i * 4;
      return new Table(this.view, at + this.view.getUint32(at, true));
    });
  }
  /** A vector of structs of two int64. */
  pairs(field: number): [number, number][] {
    const [start, length] = this.vector(field);
    return Array.from({ length }, (_, i) => [
      Number(this.view.getBigInt64(start + i * 16, true)),
      Number(this.view.getBigInt64(start + i * 16 + 8, true)),
    ]);
  }

  /** A vector of structs of an int64 and 16 bytes more: the int64. */
  firstOfBlocks(field: number): number[] {
    const [start, length] = this.vector(field);
    return Array.from({ length }, (_, i) => Number(this.view.getBigInt64(start + i * 24, true)));
  }

  private vector(field: number): [start: number, length: number] {
    const at = this.place(field);
    if (at === 0) return [0, 0];
    const start = at + this.view.getUint32(at, true);
    const length = this.view.getUint32(start, true);
    // an element takes a byte at least
    if (length > this.view.byteLength) throw new Error("a list of its metadata is longer than the metadata");
    return [start + 4, length];
  }
}

/** The columns of a stream, from its first message. @throws RequeenError bad_data for what columnsOf refuses */
export function readSchema(bytes: ArrayBuffer): ArrowField[] {
  const message = Table.root(bytes);
  const schema = message.table(2);
  if (message.byte(1) !== HEADERS.schema || schema === null) throw new Error("its first message is no schema");
  return columnsOf(schema);
}

/** The columns of a file, and where its messages begin: dictionaries, then batches. @throws as readSchema */
export function readFooter(bytes: ArrayBuffer): { fields: ArrowField[]; messagesAt: number[] } {
  const footer = Table.root(bytes);
  const schema = footer.table(1);
  if (schema === null) throw new Error("its footer has no schema");
  return { fields: columnsOf(schema), messagesAt: [...footer.firstOfBlocks(2), ...footer.firstOfBlocks(3)] };
}

/** @throws RequeenError bad_data when the numbers are big-endian, or columns cannot be told apart. */
function columnsOf(schema: Table): ArrowField[] {
  if (schema.short(0) !== 0) throw new RequeenError("bad_data", "the Arrow file is big-endian, which is not read");
  const count = { nodes: 0, buffers: 0 };
  return schema.tables(1).map((field) => {
    const described = { ...describe(field), node: count.nodes, buffer: count.buffers };
    skip(field, count);
    return described;
  });
}

/** Counts what a field and its children take of a batch. */
function skip(field: Table, count: { nodes: number; buffers: number }): void {
  count.nodes += 1;
  const type = field.byte(2);
  const isDictionary = field.table(4) !== null;
  if (isDictionary) {
    count.buffers += 2;
    return;
  }
  const { null: none, runs, struct, fixedList, union, text, binary } = { ...TYPES, ...MORE_TYPES };
  if (type === MORE_TYPES.binaryView || type === MORE_TYPES.textView || type > LAST_LIST_VIEW)
    throw new RequeenError(
      "bad_data",
      `column ${field.text(0)} of the Arrow file has type ${type}, after which columns cannot be found; write it as plain text`,
    );
  if (type === none || type === runs) count.buffers += 0;
  else if (type === struct || type === fixedList) count.buffers += 1;
  else if (type === union) count.buffers += field.table(3)?.short(0) === 1 ? 2 : 1;
  else if (type === text || type === binary || type === MORE_TYPES.wideText || type === MORE_TYPES.wideBinary) count.buffers += 3;
  else if (type >= 25) count.buffers += 3;
  else count.buffers += 2;
  for (const child of field.tables(5)) skip(child, count);
}

function describe(field: Table): Omit<ArrowField, "node" | "buffer"> {
  const name = field.text(0);
  const type = field.byte(2);
  const dictionary = field.table(4);
  const isText = type === TYPES.text || type === MORE_TYPES.wideText;
  const plain = { name, dictionaryId: 0, wideOffsets: type === MORE_TYPES.wideText, array: "float64" } as const;
  if (dictionary !== null) {
    const index = dictionary.table(1);
    // without an index type the numbers are int32
    const array = index === null ? "int32" : integerArray(index);
    if (!isText || array === null) return { ...plain, kind: "other" };
    return { ...plain, kind: "dictionary", array, dictionaryId: dictionary.long(0) };
  }
  if (isText) return { ...plain, kind: "texts" };
  if (type === TYPES.flag) return { ...plain, kind: "numbers", array: "flag" };
  const detail = field.table(3);
  if (type === TYPES.int && detail !== null) {
    const array = integerArray(detail);
    if (array !== null) return { ...plain, kind: "numbers", array };
  }
  if (type === TYPES.float && detail !== null) {
    const precision = detail.short(0);
    if (precision === 1 || precision === 2) return { ...plain, kind: "numbers", array: precision === 1 ? "float32" : "float64" };
  }
  return { ...plain, kind: "other" };
}

const INTEGERS = {
  8: ["uint8", "int8"],
  16: ["uint16", "int16"],
  32: ["uint32", "int32"],
  64: ["uint64", "int64"],
} as const satisfies Record<number, readonly [ArrowField["array"], ArrowField["array"]]>;

function integerArray(type: Table): ArrowField["array"] | null {
  const width = type.int(0);
  const arrays = Object.hasOwn(INTEGERS, width) ? INTEGERS[width as keyof typeof INTEGERS] : null;
  return arrays === null ? null : arrays[type.byte(1) === 0 ? 0 : 1];
}

/** @param bodyAt where the message's body begins in the file. @throws RequeenError bad_data for LZ4 */
export function readBatchMessage(bytes: ArrayBuffer, bodyAt: number): BatchMessage {
  const message = Table.root(bytes);
  const bodyBytes = message.long(3);
  const header = message.table(2);
  const kind = message.byte(1);
  if (bodyBytes < 0) throw new Error("a message has a body of less than no bytes");
  if (kind === HEADERS.batch && header !== null) return { kind: "batch", bodyBytes, batch: readBatch(header, bodyAt, bodyBytes) };
  const data = kind === HEADERS.dictionary ? (header?.table(1) ?? null) : null;
  if (header === null || data === null) return { kind: "other", bodyBytes };
  return {
    kind: "dictionary",
    bodyBytes,
    id: header.long(0),
    isDelta: header.byte(2) !== 0,
    batch: readBatch(data, bodyAt, bodyBytes),
  };
}

function readBatch(table: Table, bodyAt: number, bodyBytes: number): StoredBatch {
  const compression = table.table(3);
  if (compression !== null && compression.byte(0) !== 1)
    throw new RequeenError("bad_data", "the Arrow file is packed with LZ4, which is not read; write it with zstd, or unpacked");
  const buffers = table.pairs(2).map(([offset, length]) => ({ offset, length }));
  for (const { offset, length } of buffers)
    if (offset < 0 || length < 0 || offset + length > bodyBytes) throw new Error("a buffer stands outside of its batch");
  const rows = table.long(0);
  if (!Number.isSafeInteger(rows) || rows < 0) throw new Error("a batch says no number of its rows");
  return {
    rows,
    nullCounts: table.pairs(1).map(([, nulls]) => nulls),
    buffers,
    packing: compression === null ? "none" : "zstd",
    bodyAt,
  };
}
