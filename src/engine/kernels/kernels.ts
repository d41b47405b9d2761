import { emitHistogramKernels, type HistogramKernels, type HistogramLayout } from "./emit-histogram.ts";
import { FIRST_ADDRESS } from "./first-address.ts";
import { WASM_BASE64 } from "./wasm-bytes.ts";

type Address = number;

/** What the *.as beside this file export; see there. All integers are 32 bit, addresses are bytes. */
export interface KernelExports {
  setSearch(counted: number, table: Address, blocks: number, asked: Address, monotone: Address, l1: number, l2: number): void;
  subtract(parent: Address, small: Address, bytes: number): void;
  moveCells(part: Address, histogram: Address, bytes: number): void;
  clear(histogram: Address, bytes: number): void;
  findSplit(
    histogram: Address,
    from: number,
    to: number,
    gradient: number,
    hessian: number,
    rows: number,
    leastHessian: number,
    minRows: number,
    floor: number,
    least: number,
    most: number,
    out: Address,
  ): void;
  partitionRows(
    codes: Address,
    rows: Address,
    start: number,
    end: number,
    lower: number,
    missingLeft: number,
    moved: Address,
  ): number;
  partitionAll(
    codes: Address,
    rows: Address,
    start: number,
    end: number,
    lower: number,
    missingLeft: number,
    moved: Address,
  ): number;
  partitionInto(
    codes: Address,
    rows: Address,
    start: number,
    end: number,
    lower: number,
    missingLeft: number,
    identity: number,
    lefts: Address,
    rights: Address,
  ): number;
  copyBytes(to: Address, from: Address, bytes: number): void;
  merge(histogram: Address, part: Address, bytes: number): void;
  markLeaf(rows: Address, start: number, end: number, leaf: number, leafOf: Address): void;
  addLeaves(from: number, to: number, scores: Address, leafOf: Address, values: Address): void;
  logisticShares(from: number, to: number, scores: Address, shares: Address): void;
  softmaxShares(from: number, to: number, outputs: number, padded: number, scores: Address, shares: Address): void;
  fillDerivatives(
    from: number,
    to: number,
    shares: Address,
    labels: Address,
    positive: number,
    weights: Address,
    gradientScale: number,
    hessianScale: number,
    payload: Address,
    stride: number,
    form: number,
  ): void;
  recordColumn(codes: Address, from: number, to: number, shift: number, records: Address, stride: number): void;
  setForest(
    rows: number,
    columns: number,
    classes: number,
    low: Address,
    high: Address,
    kinds: Address,
    binTotals: Address,
    depth: number,
    split: number,
    leaf: number,
    perNode: number,
    random: number,
  ): void;
  setScratch(order: Address, swaps: Address, stack: Address, draws: Address, first: Address, second: Address): void;
  setOutput(
    feature: Address,
    threshold: Address,
    left: Address,
    missing: Address,
    cover: Address,
    values: Address,
    shares: Address,
    rows: Address,
  ): void;
  setCategories(table: Address, listed: Address, merged: Address, shares: Address, nodes: Address, words: Address): void;
  countSets(): number;
  drawRows(treeKey: number): void;
  setUnits(records: Address, bytes: number, histograms: Address): void;
  growUnits(all: number, treeKey: number): number;
  goOnUnits(): number;
  setPacked(codes: Address, rows: Address, histograms: Address, cuts: Address): void;
  growPacked(all: number, treeKey: number, noted: number): number;
  goOnPacked(noted: number): number;
  setWeighted(
    codes: Address,
    labels: Address,
    weights: Address,
    histogram: Address,
    counts: Address,
    totals: Address,
    left: Address,
  ): void;
  growWeighted(all: number, treeKey: number, noted: number): number;
  goOnWeighted(noted: number): number;
  sortSample(values: Address, samples: number, step: number, sorted: Address, other: Address, counts: Address): number;
  encodeColumn(values: Address, count: number, cuts: Address, codes: Address, low: Address, high: Address): number;
  endCompact(
    columns: number,
    order: Address,
    roots: Address,
    depths: Address,
    trees: number,
    out: Address,
    missing: number,
  ): void;
  sumCompact(ended: Address, trees: number, values: Address): number;
  sumEnds(columns: number, roots: Address, depths: Address, trees: number, values: Address, missing: number): number;
  orderValues(values: Address, count: number): void;
  endTreeRows(root: number, depth: number, features: number, stride: number, rows: number, out: Address, missing: number): void;
  addValues(ended: Address, rows: number, values: Address, sums: Address, stride: number): void;
  addShares(ended: Address, rows: number, leafRows: Address, values: Address, width: number, sums: Address): void;
  addShapes(
    nodes: number,
    nodeRows: Address,
    limits: Address,
    shapes: number,
    ended: Address,
    rows: number,
    values: Address,
    width: number,
    sums: Address,
    depths: Address,
    ends: Address,
  ): void;
  findLeaves(nodes: Address, roots: Address, depths: Address, trees: number, features: Address, out: Address): void;
  andMasks(row: Address, asked: Address, count: number, cuts: Address, bytes: number, found: Address, out: Address): void;
  sumMasked32(masks: Address, bytes: number, values: Address): number;
  sumMasked64(masks: Address, bytes: number, values: Address): number;
  setShap(row: Address, path: Address, out: Address): void;
  explainTrees(trees: Address, count: number, values: Address, stack: Address, width: number): void;
  gatherRows(table: Address, rows: Address, count: number, vectors: number, out: Address): void;
  logisticLoss(scores: Address, signed: Address, rows: number, deltas: Address): number;
  scoreRows(
    values: Address,
    valuesRow: number,
    rows: number,
    weights: Address,
    weightsRow: number,
    outputs: number,
    vectors: number,
    scores: Address,
  ): void;
  markActive(
    values: Address,
    valuesRow: number,
    rows: number,
    chunks: number,
    thresholds: Address,
    byRow: Address,
    byUnit: Address,
  ): void;
  fillPositions(positions: Address): void;
  listMarks(
    marks: Address,
    marksRow: number,
    step: number,
    m: number,
    bytes: number,
    positions: Address,
    lists: Address,
    listRow: number,
  ): void;
  multiplyListed(
    m: number,
    k: number,
    lists: Address,
    listRow: number,
    a: Address,
    aRow: number,
    aStep: number,
    b: Address,
    bRow: number,
    first: Address,
    firstRow: number,
    out: Address,
    outRow: number,
    vectors: number,
    floor: number,
    offsets: Address,
  ): void;
  multiplyMarked(
    m: number,
    marks: Address,
    marksRow: number,
    step: number,
    bytes: number,
    right: Address,
    b: Address,
    bRow: number,
    first: Address,
    firstRow: number,
    left: Address,
    leftRow: number,
    one: Address,
    out: Address,
    outRow: number,
    vectors: number,
    tables: Address,
  ): void;
  transpose(a: Address, aRow: number, rows: number, columns: number, out: Address, outRow: number): void;
  moveWeights(
    weights: Address,
    gradient: Address,
    first: Address,
    second: Address,
    units: number,
    inputs: number,
    share: number,
    alpha: number,
    rate: number,
    decay1: number,
    decay2: number,
    epsilon: number,
  ): number;
}

const EXPORTS = [
  "setSearch",
  "subtract",
  "moveCells",
  "clear",
  "findSplit",
  "partitionRows",
  "partitionAll",
  "partitionInto",
  "copyBytes",
  "merge",
  "markLeaf",
  "addLeaves",
  "logisticShares",
  "softmaxShares",
  "fillDerivatives",
  "recordColumn",
  "setForest",
  "setScratch",
  "setOutput",
  "setCategories",
  "countSets",
  "drawRows",
  "setUnits",
  "growUnits",
  "goOnUnits",
  "setPacked",
  "growPacked",
  "goOnPacked",
  "setWeighted",
  "growWeighted",
  "goOnWeighted",
  "gatherRows",
  "logisticLoss",
  "scoreRows",
  "markActive",
  "fillPositions",
  "listMarks",
  "multiplyListed",
  "multiplyMarked",
  "transpose",
  "moveWeights",
  "sortSample",
  "encodeColumn",
  "findLeaves",
  "endCompact",
  "sumCompact",
  "sumEnds",
  "orderValues",
  "endTreeRows",
  "addValues",
  "addShares",
  "addShapes",
  "andMasks",
  "sumMasked32",
  "sumMasked64",
  "setShap",
  "explainTrees",
] as const satisfies readonly (keyof KernelExports)[];

const PAGE_BYTES = 65_536;

/** Addresses are passed as signed 32 bit: a training that needs more takes the plain form. */
export const MOST_KERNEL_BYTES = 2 ** 31 - 2 ** 20;

/** What a caller is told whose training takes the plain form. */
export const plainFormNote = (owner: string, neededBytes: number): string =>
  `${owner} needs ${Math.ceil(neededBytes / 2 ** 20)} MiB of kernel memory; above ${MOST_KERNEL_BYTES / 2 ** 20} MiB it runs ` +
  "without WebAssembly: the same model, several times slower";

export const sumBytes = (sizesBytes: Readonly<Record<string, number>>): number =>
  Object.values(sizesBytes).reduce((sum, size) => sum + size + 64, FIRST_ADDRESS);

let compiled: WebAssembly.Module | undefined;

interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly kernels: KernelExports;
  /** What `openHistogramKernels` made in this memory. */
  readonly histograms: Map<string, HistogramKernels>;
}

/** Given back, for the next caller: a small training takes as long to get memory as to sort its columns. */
const kept: Instance[] = [];
const MOST_KEPT = 4;
const MOST_KEPT_BYTES = 2 ** 24;

/**
 * An instance for arrays of the given sizes, all 0: kernels, and where each array begins. Its memory belongs to the caller, until he
 * gives it back with `release`, which he need not.
 * @param shared so that other threads can attach to the memory; such a one is never given to another caller.
 * @param again a shared memory that this caller opened before and in which nobody works any more: taken if it is large enough.
 */
export function openKernels<N extends string>(
  sizesBytes: Readonly<Record<N, number>>,
  shared = false,
  again?: WebAssembly.Memory,
) {
  const addresses: Partial<Record<N, Address>> = {};
  let end = FIRST_ADDRESS;
  for (const name of Object.keys(sizesBytes) as N[]) {
    addresses[name] = end;
    end = Math.ceil((end + sizesBytes[name]) / 64) * 64;
  }
  const instance = shared ? sharedInstance(end, again) : (takeKept(end) ?? newInstance(end));
  const { memory, kernels } = instance;
  const release = (): void => {
    if (!shared && kept.length < MOST_KEPT && memory.buffer.byteLength <= MOST_KEPT_BYTES && !kept.includes(instance))
      kept.push(instance);
  };
  // every name was set above
  return { kernels, memory: memory.buffer, instance, at: addresses as Record<N, Address>, release };
}

let compiledShared: WebAssembly.Module | undefined;

/** The kernels in a memory that threads share. */
function attached(memory: WebAssembly.Memory): KernelExports {
  compiledShared ??= new WebAssembly.Module(importingShared(bytesOf(WASM_BASE64)));
  return checked(new WebAssembly.Instance(compiledShared, { env: { memory } }).exports);
}

function sharedInstance(end: number, again: WebAssembly.Memory | undefined): Instance {
  if (again !== undefined && again.buffer.byteLength >= end) {
    const kernels = attached(again);
    // fill() of a typed array takes 3 ms longer at 100,000 rows, when memory is shared
    kernels.clear(FIRST_ADDRESS, end - FIRST_ADDRESS);
    return { memory: again, kernels, histograms: new Map() };
  }
  const pages = Math.ceil(end / PAGE_BYTES) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return { memory, kernels: attached(memory), histograms: new Map() };
}

/** Another thread's kernels in a shared memory that one thread opened. */
export function attachKernels(memory: WebAssembly.Memory, layout: HistogramLayout, own: number) {
  const kernels = attached(memory);
  return { kernels, adding: openHistogramKernels(layout, own, { memory, kernels, histograms: new Map() }) };
}

/**
 * The module with "memory 1" of its one import as "memory 1 to 65,536, shared": the code is the same. Each thread that attaches writes the
 * module's constants into the memory once more: the same bytes.
 */
function importingShared(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  // section 2 of 15 bytes, 1 import: "env" "memory", kind 2, flags 0, least 1 (page)
  const wanted = [2, 15, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 0, 1];
  const at = bytes.findIndex((_, start) => wanted.every((byte, i) => bytes[start + i] === byte));
  if (at < 0) throw new Error("the kernels import no memory");
  const changed = [...wanted];
  changed[1] += 3;
  changed.splice(15, 2, 3, 1, 0x80, 0x80, 0x04);
  return Uint8Array.from([...bytes.subarray(0, at), ...changed, ...bytes.subarray(at + wanted.length)]);
}

function newInstance(end: number): Instance {
  compiled ??= new WebAssembly.Module(bytesOf(WASM_BASE64));
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE_BYTES) + 1 });
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return { memory, kernels: checked(exports), histograms: new Map() };
}

/** The smallest instance that was given back and holds `end` bytes, as if it were new. */
function takeKept(end: number): Instance | undefined {
  kept.sort((a, b) => a.memory.buffer.byteLength - b.memory.buffer.byteLength);
  const position = kept.findIndex(({ memory }) => memory.buffer.byteLength >= end);
  if (position < 0) return undefined;
  const [instance] = kept.splice(position, 1);
  new Uint8Array(instance.memory.buffer, FIRST_ADDRESS, end - FIRST_ADDRESS).fill(0);
  return instance;
}

const layouts = new Map<string, WebAssembly.Module>();
const MOST_LAYOUTS = 16;

/** Functions that add rows to histograms of this layout, in the instance's memory. Compiled once a layout; the last 16 are kept. */
export function openHistogramKernels(layout: HistogramLayout, own: number, { memory, histograms }: Instance): HistogramKernels {
  const { stride, payloadAt, narrow, counted, cells } = layout;
  const shared = typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
  const key = `${own} ${stride} ${payloadAt} ${narrow} ${counted} ${shared} ${cells.join(" ")}`;
  const known = histograms.get(key);
  if (known !== undefined) return known;
  let module = layouts.get(key);
  if (module === undefined) {
    module = new WebAssembly.Module(emitHistogramKernels(layout, own, shared));
    layouts.set(key, module);
    for (const oldest of layouts.keys()) if (layouts.size > MOST_LAYOUTS) layouts.delete(oldest);
  }
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  // the names are those that emitHistogramKernels writes
  const made = exports as unknown as HistogramKernels;
  if (histograms.size >= MOST_LAYOUTS) histograms.clear();
  histograms.set(key, made);
  return made;
}

function checked(exports: WebAssembly.Exports): KernelExports {
  for (const name of EXPORTS) if (typeof exports[name] !== "function") throw new Error(`the kernels have no function ${name}`);
  // the names were checked; their types are those of the *.as files
  return exports as unknown as KernelExports;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
