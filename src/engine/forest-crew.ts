import {
  closeGate,
  controlWords,
  DISMISSED,
  deserted,
  type FitHelpers,
  type ForestTicket,
  LOST,
  MOST_HELPERS,
  OWN_WORDS,
  openGate,
  PATIENCE_MS,
  WAIT_MS,
} from "./fit-helpers.ts";
import { openForestGrower, widthOf } from "./forest-kernels.ts";
import {
  emptySlots,
  layOutForest,
  putTree,
  type SharedForest,
  sharedTask,
  shareTask,
  type TreeKeys,
  takeSlot,
} from "./forest-share.ts";
import type { ForestTask } from "./forest-tree.ts";
import { FIRST_ADDRESS } from "./kernels/first-address.ts";
import { deriveSeed, mix32 } from "./seeded-random.ts";
import { type GrownTree, TreeBuilder } from "./tree-ensemble.ts";

/** The next tree that nobody has claimed. */
const NEXT = OWN_WORDS;
/** Trees that helpers have grown. */
const GROWN = OWN_WORDS + 1;
/** 1 = the fit has ended before its trees: what is begun is of no use. */
const STOPPED = OWN_WORDS + 2;
const WORDS = 3;
const CONTROL = FIRST_ADDRESS;
const CONTROL_BYTES = (OWN_WORDS + WORDS) * 4;
const FIRST_BYTE = CONTROL + CONTROL_BYTES;

/** Looks for another grown tree before the thread sleeps until there is one: longer than a small tree takes, some 0.3 milliseconds. */
const SPINS = 20_000;

/** Shared beyond this, a forest is left to one thread: places for its largest trees would take more than they bring. */
const MOST_SHARED_BYTES = 2 ** 30;
const PAGE_BYTES = 65_536;

/** The tree of that number, alone. */
type GrowTree = (builder: TreeBuilder, tree: number) => void;

/** What a tree draws: its rows (null = all), and its features. */
export function keysOf({ seed, bootstrap }: TreeKeys, tree: number): [draw: number | null, tree: number] {
  const key = deriveSeed(seed, tree);
  return [bootstrap ? key : null, mix32(key ^ 0x2545f491)];
}

/** Grows trees into their slots. */
function growerInto(forest: SharedForest, memory: ArrayBufferLike, grow: GrowTree): (tree: number) => void {
  const builder = new TreeBuilder(widthOf(forest.task.classCount));
  return (tree) => {
    builder.clear();
    grow(builder, tree);
    putTree(forest, memory, tree, builder.only());
  };
}

/** What a helper does in a fit of a forest: claims trees and grows them, until none is left or the helper is dismissed. */
export function helpForest({ memory, control, helper, forest }: ForestTicket): void {
  const words = controlWords({ memory, control }, WORDS);
  // its trees would come too late
  if (Atomics.load(words, NEXT) >= forest.treeCount) return;
  const stopped = new Error("the forest's fit has ended");
  const poll = (): void => {
    if (Atomics.load(words, STOPPED) === 1) throw stopped;
  };
  const grower = openForestGrower(sharedTask(forest, memory.buffer), false, "wasm", poll);
  const growTree = growerInto(forest, memory.buffer, (builder, tree) => grower.grow(builder, ...keysOf(forest.keys, tree)));
  try {
    while ((Atomics.load(words, helper) & DISMISSED) === 0) {
      const tree = Atomics.add(words, NEXT, 1);
      if (tree >= forest.treeCount) break;
      growTree(tree);
      Atomics.add(words, GROWN, 1);
      Atomics.notify(words, GROWN);
    }
    grower.close();
  } catch (error) {
    if (error !== stopped) throw error;
  }
}

export interface ForestCrewOptions {
  readonly task: ForestTask;
  readonly keys: TreeKeys;
  readonly treeCount: number;
  readonly helpers: FitHelpers;
  /** Grows a tree in the fit's own thread. */
  readonly grow: GrowTree;
  /** Called after each own tree, and when all are grown. @param done trees that are grown, by whomever. */
  readonly onTree: (done: number) => void;
  /** Called before each own tree and while the fit waits; may throw. */
  readonly poll: () => void;
}

/** Bytes that helped growth shares between threads; null = so many that one thread had better grow the forest alone. */
export function sharedForestBytes(task: ForestTask, keys: TreeKeys, treeCount: number): number | null {
  const { end } = layOutForest(task, keys, treeCount, FIRST_BYTE);
  return end > MOST_SHARED_BYTES ? null : end;
}

/**
 * Grows a forest's trees with helpers. A tree hangs on its number alone, so that who grew it does not show; one that a lost helper had
 * claimed is grown here. @returns the trees in the order of their numbers; valid until the next fit's.
 */
export function growTogether({ task, keys, treeCount, helpers, grow, onTree, poll }: ForestCrewOptions): GrownTree[] {
  const { end, ...forest } = layOutForest(task, keys, treeCount, FIRST_BYTE);
  const memory = sharedMemory(end, deserted(helpers));
  new Uint8Array(memory.buffer, CONTROL, CONTROL_BYTES).fill(0);
  new Uint8Array(memory.buffer, forest.at.nodes, treeCount * 4).fill(0);
  shareTask(forest, memory.buffer, task);
  const words = controlWords({ memory, control: CONTROL }, WORDS);
  const count = Math.min(helpers.count, MOST_HELPERS);
  const growTree = growerInto(forest, memory.buffer, grow);
  let own = 0;
  const growHere = (tree: number): void => {
    growTree(tree);
    own++;
    onTree(own + Atomics.load(words, GROWN));
  };
  try {
    const fit = openGate(helpers, memory);
    helpers.start(Array.from({ length: count }, (_, helper) => ({ memory, fit, control: CONTROL, helper, forest })));
    for (;;) {
      poll();
      const tree = Atomics.add(words, NEXT, 1);
      if (tree >= treeCount) break;
      growHere(tree);
    }
    const missing = (): number[] => emptySlots(forest, memory.buffer);
    waitForTrees(words, count, helpers.patienceMs ?? PATIENCE_MS, () => missing().length === 0, poll);
    for (const tree of missing()) growHere(tree);
    onTree(treeCount);
    return Array.from({ length: treeCount }, (_, tree) => treeOf(forest, memory, tree));
  } finally {
    closeGate(memory);
    Atomics.store(words, STOPPED, 1);
    Atomics.store(words, NEXT, treeCount);
    helpers.end?.();
  }
}

/** @param again a memory that nobody works in any more. */
function sharedMemory(bytes: number, again: WebAssembly.Memory | undefined): WebAssembly.Memory {
  if (again !== undefined && again.buffer.byteLength >= bytes) return again;
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

function treeOf(forest: SharedForest, memory: WebAssembly.Memory, tree: number): GrownTree {
  const grown = takeSlot(forest, memory.buffer, tree);
  if (grown === null) throw new Error(`tree ${tree} of a forest was grown by nobody`);
  return grown;
}

/** Waits until helpers have grown what they claimed, one of them is lost, or none says anything for `patienceMs`. */
function waitForTrees(words: Int32Array, helpers: number, patienceMs: number, isDone: () => boolean, poll: () => void): void {
  const isLost = (): boolean => words.subarray(0, helpers).some((_, helper) => (Atomics.load(words, helper) & LOST) !== 0);
  for (let silentMs = 0; silentMs < patienceMs; ) {
    const grown = Atomics.load(words, GROWN);
    if (isDone() || isLost()) return;
    let spins = 0;
    while (spins < SPINS && Atomics.load(words, GROWN) === grown) spins++;
    if (spins < SPINS) {
      silentMs = 0;
      poll();
      continue;
    }
    const waited = Atomics.wait(words, GROWN, grown, WAIT_MS) === "timed-out";
    silentMs = waited ? silentMs + WAIT_MS : 0;
    poll();
  }
}
