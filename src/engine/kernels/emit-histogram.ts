/**
 * Writes, for one layout of records and histograms, the WebAssembly that adds rows to histograms: one straight line of additions a row,
 * with every column's place as a constant. Measured against a loop over columns: 1.4 times as fast at 26 columns.
 */
export interface HistogramLayout {
  /** Bytes from one record to the next. */
  readonly stride: number;
  /** Where a record holds its derivatives: i16 gradient and u16 hessian, or i64 as a histogram's cells. */
  readonly payloadAt: number;
  readonly narrow: boolean;
  /** A cell is 24 bits gradient, 24 hessian, 16 rows; otherwise 32 and 32. */
  readonly counted: boolean;
  /** For each byte of a record that is a code, in order: byte offset of the cell of its bin 0. Bins are 32 bytes apart. */
  readonly cells: readonly number[];
}

/**
 * All addresses are bytes in the imported memory; `rows` to `rowsEnd` are u32 indices of records. Rows are added to one histogram, the thread's
 * own, whose address is a constant of the code: measured against one that is given, five sixths of the time.
 */
export interface HistogramKernels {
  addSequence(first: number, end: number): void;
  addRows(rows: number, rowsEnd: number, records: number): void;
  /** As addRows, to a histogram that is given, for so few rows that moving it from one place to another would take longer. */
  addRowsTo(rows: number, rowsEnd: number, records: number, histogram: number): void;
  takeRows(rows: number, rowsEnd: number, records: number, histogram: number): void;
  /** As addRows, through a buffer of 64 records: the loads of one row do not wait for those of another. */
  addGathered(rows: number, rowsEnd: number, records: number, buffer: number): void;
}

/** Columns of one function: more would only make the compiler slow. */
const COLUMNS_PER_FUNCTION = 128;
export const GATHERED_RECORDS = 64;

const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;
const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  call: 0x10,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  loadI32: 0x28,
  loadI64: 0x29,
  loadU8: 0x2d,
  loadI64From16S: 0x32,
  loadI64From16U: 0x33,
  storeI64: 0x37,
  constI32: 0x41,
  constI64: 0x42,
  geU: 0x4f,
  ltU: 0x49,
  eqz: 0x45,
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  shl: 0x74,
  select: 0x1b,
  addI64: 0x7c,
  subI64: 0x7d,
  shlI64: 0x86,
  v128Load: [0xfd, 0x00],
  v128Store: [0xfd, 0x0b],
} as const;

const text = (value: string): number[] => {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
};

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content];
const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];

/** Locals of every function, after its parameters, which are four i32 at most: two i32, one i64. */
const FIRST = 0;
const END = 1;
const RECORDS = 2;

/**
 * The bytes of a module with the functions of `HistogramKernels`.
 * @param own address of the histogram that rows are added to.
 * @param shared whether the memory is shared between threads.
 */
export function emitHistogramKernels(layout: HistogramLayout, own: number, shared: boolean): Uint8Array<ArrayBuffer> {
  const chunks: number[][] = [];
  for (let from = 0; from < layout.cells.length; from += COLUMNS_PER_FUNCTION) {
    chunks.push([from, Math.min(layout.cells.length, from + COLUMNS_PER_FUNCTION)]);
  }
  // chunk functions first: a sequence, rows added, added to another histogram and taken of each chunk; then the five exported ones
  const types = [2, 3, 4].map((count) => [0x60, ...unsigned(count), ...new Array<number>(count).fill(I32), 0]);
  const functions: number[] = [];
  const bodies: number[][] = [];
  for (const [from, to] of chunks) {
    functions.push(0, 1, 2, 2);
    bodies.push(
      sequenceBody(layout, from, to, own),
      addRowsBody(layout, from, to, own),
      rowsToBody(layout, from, to, op.addI64),
      rowsToBody(layout, from, to, op.subI64),
    );
  }
  const first = functions.length;
  functions.push(0, 1, 2, 2, 2);
  const chunkNumbers = chunks.map((_, i) => i * 4);
  bodies.push(
    // in parts that stay in the cache while every chunk reads them
    chunks.length === 1 ? forwardBody([0], 2) : sequencePartsBody(layout, chunkNumbers),
    forwardBody(
      chunkNumbers.map((number) => number + 1),
      3,
    ),
    forwardBody(
      chunkNumbers.map((number) => number + 2),
      4,
    ),
    forwardBody(
      chunkNumbers.map((number) => number + 3),
      4,
    ),
    gatheredBody(layout, first),
  );
  const memory = shared ? [0x03, ...unsigned(0), ...unsigned(65_536)] : [0x00, ...unsigned(0)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(types)),
    ...section(2, vector([[...text("env"), ...text("memory"), 0x02, ...memory]])),
    ...section(3, vector(functions.map((type) => [type]))),
    ...section(
      7,
      vector(
        ["addSequence", "addRows", "addRowsTo", "takeRows", "addGathered"].map((name, i) => [
          ...text(name),
          0x00,
          ...unsigned(first + i),
        ]),
      ),
    ),
    ...section(10, vector(bodies.map((body) => [...unsigned(body.length), ...body]))),
  ]);
}

/** A body with locals {i32, i32, i64, v128} after its parameters. */
const body = (code: readonly number[]): number[] => [3, 2, I32, 1, I64, 1, V128, ...code, op.end];

/** Reads the derivatives of the record whose address is on local `record` into local `value`. */
function loadPayload({ payloadAt, narrow, counted }: HistogramLayout, record: number, value: number): number[] {
  if (!narrow) return [op.get, record, op.loadI64, 3, ...unsigned(payloadAt), op.set, value];
  return [
    ...[op.get, record, op.loadI64From16S, 1, ...unsigned(payloadAt), op.constI64, counted ? 40 : 32, op.shlI64],
    ...[op.get, record, op.loadI64From16U, 1, ...unsigned(payloadAt + 2)],
    // and one row
    ...(counted ? [op.constI64, 16, op.shlI64, op.addI64, op.constI64, 1] : []),
    ...[op.addI64, op.set, value],
  ];
}

/** cell = cell (operation) value for each column [from, to) of the record, in the histogram at `base` plus, if given, an address on a local. */
function updates(layout: HistogramLayout, from: number, to: number, operation: number, base: number, locals: Locals): number[] {
  const code: number[] = [];
  const further = locals.histogram === undefined ? [] : [op.get, locals.histogram, op.add];
  for (let column = from; column < to; column++) {
    const cell = unsigned(base + layout.cells[column]);
    code.push(
      ...[op.get, locals.record, op.loadU8, 0, ...unsigned(column), op.constI32, 5, op.shl],
      ...[...further, op.tee, locals.cell, op.get, locals.cell, op.loadI64, 3, ...cell],
      ...[op.get, locals.value, operation, op.storeI64, 3, ...cell],
    );
  }
  return code;
}

interface Locals {
  readonly record: number;
  readonly histogram?: number;
  readonly cell: number;
  readonly value: number;
}

/** (first, end): records one after the other. */
function sequenceBody(layout: HistogramLayout, from: number, to: number, own: number): number[] {
  const locals = { record: FIRST, cell: 2, value: 4 };
  return body([
    ...whileBelow(FIRST, END, [
      ...loadPayload(layout, FIRST, locals.value),
      ...updates(layout, from, to, op.addI64, own, locals),
      ...advance(FIRST, layout.stride),
    ]),
  ]);
}

/** (rows, rowsEnd, records): records by their index. */
const addRowsBody = (layout: HistogramLayout, from: number, to: number, own: number): number[] => {
  const locals = { record: 3, cell: 4, value: 5 };
  return rowsBody(layout, locals, updates(layout, from, to, op.addI64, own, locals));
};

/** (rows, rowsEnd, records, histogram): added to, or taken out of, that histogram. */
const rowsToBody = (layout: HistogramLayout, from: number, to: number, operation: number): number[] => {
  const locals = { record: 4, histogram: 3, cell: 5, value: 6 };
  return rowsBody(layout, locals, updates(layout, from, to, operation, 0, locals));
};

const rowsBody = (layout: HistogramLayout, { record, value }: Locals, each: readonly number[]): number[] =>
  body([
    ...whileBelow(FIRST, END, [
      ...addressOfRow(layout, record),
      ...loadPayload(layout, record, value),
      ...each,
      ...advance(FIRST, 4),
    ]),
  ]);

/** (rows, rowsEnd, records, buffer): copies up to 64 records, then adds them as a sequence. */
function gatheredBody(layout: HistogramLayout, sequence: number): number[] {
  const [buffer, into, stop] = [3, 4, 5];
  const copies: number[] = [];
  for (let byte = 0; byte < layout.stride; byte += 16) {
    copies.push(...[op.get, into, op.get, stop, ...op.v128Load, 0, ...unsigned(byte), ...op.v128Store, 0, ...unsigned(byte)]);
  }
  // `stop` holds the record's address while copying
  const bufferEnd = [op.get, buffer, op.constI32, ...signed(GATHERED_RECORDS * layout.stride), op.add];
  return body(
    whileBelow(FIRST, END, [
      ...[op.get, buffer, op.set, into],
      ...op.block,
      ...op.loop,
      ...addressOfRow(layout, stop),
      ...copies,
      ...advance(into, layout.stride),
      ...advance(FIRST, 4),
      ...[op.get, FIRST, op.get, END, op.geU, op.brIf, 1],
      ...[op.get, into, ...bufferEnd, op.ltU, op.brIf, 0],
      ...[op.end, op.end],
      ...[op.get, buffer, op.get, into, op.call, ...unsigned(sequence)],
    ]),
  );
}

/** (first, end): 64 records at a time through every chunk. */
function sequencePartsBody(layout: HistogramLayout, chunks: readonly number[]): number[] {
  const stop = 2;
  const bytes = GATHERED_RECORDS * layout.stride;
  return body(
    whileBelow(FIRST, END, [
      // the end of this part, or of all
      ...[op.get, FIRST, op.constI32, ...signed(bytes), op.add, op.tee, stop],
      ...[op.get, END, op.get, stop, op.get, END, op.ltU, op.select, op.set, stop],
      ...chunks.flatMap((number) => [op.get, FIRST, op.get, stop, op.call, ...unsigned(number)]),
      ...[op.get, stop, op.set, FIRST],
    ]),
  );
}

const forwardBody = (numbers: readonly number[], parameters: number): number[] =>
  body(
    numbers.flatMap((number) => [
      ...Array.from({ length: parameters }, (_, parameter) => [op.get, parameter]).flat(),
      op.call,
      ...unsigned(number),
    ]),
  );

/** local = records + u32 at local FIRST x stride. */
const addressOfRow = ({ stride }: HistogramLayout, local: number): number[] => [
  ...[op.get, FIRST, op.loadI32, 2, 0, op.constI32, ...signed(stride), op.mul],
  ...[op.get, RECORDS, op.add, op.set, local],
];

const advance = (local: number, by: number): number[] => [op.get, local, op.constI32, ...signed(by), op.add, op.set, local];

/** while (a < b, unsigned) { code } */
const whileBelow = (a: number, b: number, code: readonly number[]): number[] => [
  ...op.block,
  ...op.loop,
  ...[op.get, a, op.get, b, op.geU, op.brIf, 1],
  ...code,
  ...[op.br, 0, op.end, op.end],
];
